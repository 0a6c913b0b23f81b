import Glibc
import Manifests
import Posix

extension Spool {
    /// Removes finished jobs beyond `history.jobs`, and those that ended longer ago than
    /// `history.age`. Their outputs are not the spool's and stay, but for unfinished ones.
    /// - Parameter leaving: told of each that has left an unfinished output.
    /// - Returns: how many were removed.
    package func prune(
        _ history: Configuration.History, now: Double = Clock.wall(),
        leaving: (JobRecord) -> Void = { _ in }
    ) throws(SystemError) -> Int {
        var finished: [(id: String, state: JobState, ended: Double)] = []
        for state in JobState.allCases where state.isFinished {
            for id in try identifiers(state) {
                var status = stat()
                // The directory was last changed when state.json was written for the last time.
                if lstat(directory(id, state), &status) != 0 { continue }
                finished.append((id, state, Double(status.st_mtim.tv_sec)))
            }
        }
        finished.sort { $0.ended != $1.ended ? $0.ended > $1.ended : $0.id > $1.id }
        var removed = 0
        for (rank, job) in finished.enumerated() {
            guard rank >= history.jobs || now - job.ended > Double(history.age) else { continue }
            if job.state == .failed, let record = try? record(job.id, job.state),
                hasCheckpoint(record)
            {
                leaving(record)
            }
            // Out of the way in one step: a crash leaves it whole or in `tmp`, which a start clears.
            let passing = joined(temporary, "\(job.id).old")
            try renameDurably(
                directory(job.id, job.state), passing, directory(job.state), temporary)
            try removeTree(passing)
            removed += 1
        }
        return removed
    }
}
