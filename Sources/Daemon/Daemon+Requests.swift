import Glibc
import Posix
import Spool

extension Daemon {
    /// Does what was asked for, or says why not.
    func grant(_ request: Request) throws(SystemError) {
        let refusal: String?
        do throws(SystemError) {
            refusal = try request.verb.isAboutDaemon ? command(request) : decide(request)
        } catch {
            spool.add(Answer(request: request, time: Clock.wall(), refusal: error.description))
            throw error
        }
        spool.add(Answer(request: request, time: Clock.wall(), refusal: refusal))
        if let refusal { note(request, refusedFor: refusal) }
    }

    /// About the daemon itself.
    /// - Returns: why it is refused; nil where it was done.
    private func command(_ request: Request) throws(SystemError) -> String? {
        guard request.uid == 0 || request.uid == geteuid() else {
            return "only root and \(userName(geteuid())) may"
        }
        switch request.verb {
        case .drain, .undrain:
            let isDrained = request.verb == .drain
            try spool.setDrained(isDrained)
            if isDrained != self.isDrained {
                journal.write(
                    JournalEntry(
                        .notice,
                        isDrained
                            ? "drained by \(userName(request.uid)): no job is started until "
                                + "'stadectl drain --off'"
                            : "jobs are started again, at the request of "
                                + userName(request.uid),
                        .drained))
            }
            self.isDrained = isDrained
            requestTurn()
        case .reload: return reload()
        case .cancel, .hold, .release, .retry: break
        }
        return nil
    }

    /// About a job.
    /// - Returns: why it is refused; nil where it was done.
    private func decide(_ request: Request) throws(SystemError) -> String? {
        guard let state = spool.locate(request.id),
            let record = try? spool.record(request.id, state)
        else { return "there is no such job" }
        guard request.uid == 0 || request.uid == record.uid || request.uid == geteuid() else {
            return "it belongs to \(userName(record.uid))"
        }
        switch (request.verb, state) {
        case (.cancel, .active):
            running[request.id]?.end(.cancelled(uid: request.uid), grace: options.grace)
        case (.cancel, .queued), (.cancel, .deferred), (.cancel, .held):
            try fail(record, "cancelled by \(userName(request.uid))", .tryAgain)
            forget(request.id)
        case (.hold, .queued), (.hold, .deferred):
            try shift(record, .held, "held by \(userName(request.uid)) until it is released")
        case (.release, .held): try shift(record, .queued, nil)
        case (.retry, .failed):
            guard let manifest = try? spool.manifest(record) else {
                return "its manifest was rejected; submit a corrected one"
            }
            if let refusal = configuration.limits.refusal(of: manifest, from: record.uid) {
                return refusal
            }
            if let excess = excess(of: record.uid) { return excess }
            try shift(record, .queued, nil)
        case (.retry, .deferred): try shift(record, .queued, nil)
        default: return "it is \(state.rawValue)"
        }
        return nil
    }

    private func forget(_ id: String) {
        queued.removeAll { $0.id == id }
        deferred.removeAll { $0.record.id == id }
    }

    private func shift(
        _ record: JobRecord, _ state: JobState, _ reason: String?
    ) throws(SystemError) {
        var record = record
        record.reason = reason
        record.exitCode = nil
        record.retryAfter = nil
        record.attempts = 0
        record.deferrals = 0
        unlink(joined(spool.directory(record.id, record.state), Spool.reasonFile))
        record = try spool.move(record, to: state)
        forget(record.id)
        if state == .queued { insert(record) }
        journal.write(
            JournalEntry(
                .info, "\(record.name) is \(reason ?? "queued again at its owner's request")",
                .jobStopped, about: record))
    }

    private func note(_ request: Request, refusedFor why: String) {
        let job = request.verb.isAboutDaemon ? nil : request.id
        let what = request.verb.rawValue + (job.map { " \($0)" } ?? "")
        journal.write(
            JournalEntry(
                .warning, "the request of \(userName(request.uid)) to \(what) is refused: \(why)",
                .requestRefused
            )
            .with("STADE_JOB_ID", job))
    }
}

/// `KILL` for 9: sigabbrev_np(3), which Swift's Glibc does not have.
func signalName(_ number: CInt) -> String {
    let names: [CInt: String] = [
        SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGILL: "ILL", SIGTRAP: "TRAP",
        SIGABRT: "ABRT", SIGBUS: "BUS", SIGFPE: "FPE", SIGKILL: "KILL", SIGSEGV: "SEGV",
        SIGPIPE: "PIPE", SIGALRM: "ALRM", SIGTERM: "TERM", SIGXCPU: "XCPU", SIGXFSZ: "XFSZ",
        SIGSYS: "SYS",
    ]
    return names[number] ?? "unknown"
}
