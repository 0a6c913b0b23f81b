import Dispatch
import Manifests
import Posix
import Spool

/// Looks through finished jobs and removes old ones, on a queue of its own: there may be more of
/// both than the scheduler could wait for.
final class HistoryKeeper: @unchecked Sendable {
    // Unchecked: `finished` belongs to `queue`.

    /// What a look has found: what is too much, and names that are no jobs'.
    struct Findings: Sendable {
        var excess = FinishedJobs.Excess()
        var others: [String] = []
        var failure: SystemError?
    }

    private let queue = DispatchQueue(label: "history", qos: .utility)
    private var finished = FinishedJobs()

    /// - Parameter report: called on another queue than the caller's.
    func look(
        at spool: Spool, _ history: Configuration.History,
        report: @escaping @Sendable (Findings) -> Void
    ) {
        queue.async { [self] in
            var findings = Findings()
            do throws(SystemError) {
                try finished.look(at: spool)
            } catch {
                findings.failure = error
            }
            findings.excess = finished.excess(history, now: Clock.wall())
            findings.others = finished.others
            report(findings)
        }
    }

    /// Removes what was taken out. What cannot be removed stays until a start.
    /// - Parameter leaving: told, on another queue than the caller's, of each job that has left an
    ///   unfinished output, before its manifest goes.
    func remove(
        _ removals: [Spool.Removal], from spool: Spool,
        leaving: @escaping @Sendable (JobRecord, Manifest) -> Void
    ) {
        queue.async {
            for removal in removals {
                if let manifest = spool.manifest(of: removal) {
                    leaving(spool.record(of: removal), manifest)
                }
                try? removeTree(removal.path)
            }
        }
    }
}
