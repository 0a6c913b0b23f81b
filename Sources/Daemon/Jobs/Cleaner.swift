import Dispatch
import Glibc
import Manifests
import Pipeline
import Posix

/// Removes unfinished outputs in the background, one after the other: the scheduler never waits for
/// a disk, nor for what others have put there.
final class Cleaner: Sendable {
    private let queue = DispatchQueue(label: "daemon.cleaner", qos: .utility)

    /// - Parameters:
    ///   - manifest: asked for on the cleaner's queue; nil: there is nothing to be done.
    ///   - roots: must be made for this call: what they have opened is looked at.
    ///   - complain: told, on the cleaner's queue, of what cannot be removed.
    func removeLeftovers(
        of id: String, _ roots: Roots, _ manifest: @escaping @Sendable () -> Manifest?,
        complain: @escaping @Sendable (String) -> Void
    ) {
        queue.async {
            guard let manifest = manifest() else { return }
            for attempt in 1... {
                do {
                    return try Job.removeLeftovers(of: id, manifest, roots)
                } catch is RootsError {
                    // Where it was to be there is nothing any more.
                    return
                } catch {
                    let failure = error as? any Failure
                    // No descriptors, no memory.
                    if failure?.exitCode == .tryAgain, attempt < 3 {
                        usleep(200_000)
                        continue
                    }
                    return complain(failure?.description ?? "\(error)")
                }
            }
        }
    }

    /// Gives it so many seconds for what is still to be removed; the next start finds the rest.
    func finish(within seconds: Double) {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + seconds)
    }
}
