import Glibc
import Posix
import Spool

/// What users ask for.
extension JobLifecycle {
    /// What is to be done about a request.
    enum Verdict: Sendable, Hashable {
        case refused(because: String)
        case step(Transition)
        /// The job runs: its worker is asked to stop.
        case endWorker
    }

    /// Whether a user may command the daemon, or somebody else's job: root, and whoever runs the
    /// daemon for nobody but himself. The request's file has passed `Inbox.isWord`.
    static func isAdministrator(_ uid: UInt32) -> Bool { uid == 0 || uid == geteuid() }

    /// Does what a request about a job asks for.
    /// - Parameters:
    ///   - isPending: the job has been handed to Slurm, and has not started there.
    ///   - endWorker: told that the job's worker is to be ended.
    /// - Returns: why it is refused; nil where it was done.
    func grant(
        _ request: Request, isPending: Bool, endWorker: () -> Void
    ) throws(SystemError) -> String? {
        guard let state = spool.locate(request.id),
            let record = try? spool.record(request.id, state)
        else { return "there is no such job" }
        switch verdict(on: request, record, isPending) {
        case .refused(let why): return why
        case .step(let step): try take(step)
        case .endWorker: endWorker()
        }
        return nil
    }

    private func verdict(
        on request: Request, _ record: JobRecord, _ isPending: Bool
    ) -> Verdict {
        let verdict = Self.verdict(
            on: request, record, Self.isAdministrator(request.uid), isPending: isPending)
        guard case .step = verdict, request.verb == .retry, record.state == .failed else {
            return verdict
        }
        guard let manifest = try? spool.manifest(record) else {
            return .refused(because: "its manifest was rejected; submit a corrected one")
        }
        let refusal = refusal(of: manifest, from: record.uid)
        return (refusal ?? excess(of: record.uid)).map { .refused(because: $0) } ?? verdict
    }

    /// By the request and the job's state alone.
    static func verdict(
        on request: Request, _ record: JobRecord, _ isAdministrator: Bool, isPending: Bool = false
    ) -> Verdict {
        guard request.uid == record.uid || isAdministrator else {
            return .refused(because: "it belongs to \(userName(record.uid))")
        }
        switch (request.verb, record.state) {
        case (.cancel, .active): return .endWorker
        // Slurm gives it back.
        case (.hold, .active) where isPending: return .endWorker
        case (.cancel, .queued), (.cancel, .deferred), (.cancel, .held):
            return .step(.cancel(record, by: request.uid))
        case (.hold, .queued), (.hold, .deferred): return .step(.hold(record, by: request.uid))
        case (.release, .held), (.retry, .failed), (.retry, .deferred):
            return .step(.requeue(record))
        default: return .refused(because: "it is \(record.state.rawValue)")
        }
    }

    /// Why a user may have no further job waiting; nil where one may.
    private func excess(of uid: UInt32) -> String? {
        let (count, limit) = (queue.waiting(of: uid), queue.limits.waitingPerUser)
        guard count >= limit else { return nil }
        return "\(userName(uid)) has \(count) jobs waiting, and one user may have \(limit) "
            + "(limits.waiting_per_user)"
    }
}
