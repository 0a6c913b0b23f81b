import Dispatch
import Manifests
import Pipeline
import Posix

/// Removes unfinished outputs in the background, one after the other: the scheduler never waits for a
/// disk, nor for what others have put there.
final class Cleaner: Sendable {
    private let queue = DispatchQueue(label: "daemon.cleaner", qos: .utility)

    /// - Parameters:
    ///   - roots: must be made for this call: what they have opened is looked at.
    ///   - complain: told, on the cleaner's queue, of what cannot be removed.
    func removeLeftovers(
        of id: String, _ manifest: Manifest, _ roots: Roots,
        complain: @escaping @Sendable (String) -> Void
    ) {
        queue.async {
            do {
                try Job.removeLeftovers(of: id, manifest, roots)
            } catch is RootsError {
                // Where it was to be there is nothing any more.
            } catch {
                complain((error as? any Failure)?.description ?? "\(error)")
            }
        }
    }
}
