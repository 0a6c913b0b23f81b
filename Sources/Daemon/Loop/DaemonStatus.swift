import Pipeline
import Posix
import Spool

/// How the daemon is at a moment: what `systemctl status` and the metrics show.
struct DaemonStatus: Sendable {
    /// A job that runs.
    struct Running: Sendable {
        let id: String
        let name: String
        /// nil: it has said nothing yet.
        let progress: Progress?
        var isAtSlurm = false

        /// For people; empty: there is nothing to say yet.
        fileprivate var state: String {
            if let progress { return ": \(progress.summary)" + (isAtSlurm ? " (Slurm)" : "") }
            return isAtSlurm ? ": waits at Slurm" : ""
        }
    }

    /// In the order in which they would run.
    var running: [Running] = []
    var queued = 0
    var deferred = 0
    /// Manifests that stay in the inbox.
    var waiting: [WaitingManifests] = []
    /// Why nobody's manifests are taken; nil: they are.
    var shortage: String?
    /// What is wrong with the spool or the inbox; nil: nothing.
    var trouble: String?
    /// Why Slurm does not answer; nil: it does, or is not used.
    var slurm: String?
    var isDrained = false
    var isStopping = false
    /// What happened since the start.
    var events: [Message: Int] = [:]

    /// In one line.
    var text: String {
        var parts = running.map { job in
            escaped(job.name, limit: 64) + job.state
        }
        if isStopping { parts.insert("stopping", at: 0) }
        if parts.isEmpty { parts.append("idle") }
        if isDrained { parts.append("drained") }
        parts.append("\(queued) queued")
        if deferred > 0 { parts.append("\(deferred) put off") }
        if let count = waiting.isEmpty ? nil : waiting.reduce(0, { $0 + $1.count }) {
            let isMore = waiting.contains(where: \.hasMore)
            parts.append("\(isMore ? "more than " : "")\(count) wait in the inbox")
        }
        if let slurm { parts.append("Slurm does not answer: \(slurm)") }
        if let shortage { parts.append(shortage) }
        if let trouble { parts.append(trouble) }
        return parts.joined(separator: "; ")
    }
}
