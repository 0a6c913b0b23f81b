import Glibc
import Posix
import Spool

extension Daemon {
    /// Does what was asked for, or says why not.
    func grant(_ request: Request) throws(SystemError) {
        let refusal: String?
        do throws(SystemError) {
            if let objection = request.objection {
                refusal = objection
            } else {
                refusal = try request.verb.isAboutDaemon ? command(request) : decide(request)
            }
        } catch {
            answers.add(Answer(request: request, time: Clock.wall(), refusal: error.description))
            throw error
        }
        answers.add(Answer(request: request, time: Clock.wall(), refusal: refusal))
        if let refusal { note(request, refusedFor: refusal) }
    }

    /// Whether a user may command the daemon, or somebody else's job: root, and whoever runs the
    /// daemon for nobody but himself. The request's file has passed `Inbox.isWord`.
    private func isAdministrator(_ uid: UInt32) -> Bool { uid == 0 || uid == geteuid() }

    /// About the daemon itself.
    /// - Returns: why it is refused; nil where it was done.
    private func command(_ request: Request) throws(SystemError) -> String? {
        guard isAdministrator(request.uid) else { return "only root may" }
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
        guard request.uid == record.uid || isAdministrator(request.uid) else {
            return "it belongs to \(userName(record.uid))"
        }
        switch (request.verb, state) {
        case (.cancel, .active):
            running[request.id]?.end(.cancelled(uid: request.uid), grace: options.grace)
        case (.cancel, .queued), (.cancel, .deferred), (.cancel, .held):
            try fail(record, "cancelled by \(userName(request.uid))", .tryAgain)
            forget(record, state)
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

    /// - Parameter state: that it was in.
    private func forget(_ record: JobRecord, _ state: JobState) {
        queued.removeAll { $0.id == record.id }
        deferred.removeAll { $0.record.id == record.id }
        if state == .held {
            let count = held[record.uid, default: 0] - 1
            held[record.uid] = count > 0 ? count : nil
        }
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
        unlink(joined(spool.directory(record.id, record.state), Layout.Job.reason))
        let source = record.state
        record = try spool.move(record, to: state)
        forget(record, source)
        if state == .queued { insert(record) }
        if state == .held { held[record.uid, default: 0] += 1 }
        journal.write(
            JournalEntry(
                .info, "\(record.name) is \(reason ?? "queued again at its owner's request")",
                .jobStopped, about: record))
    }

    private func note(_ request: Request, refusedFor why: String) {
        let job = request.verb.isAboutDaemon ? nil : request.id
        let what = request.verb.rawValue + (job.map { " \($0)" } ?? "")
        say(
            JournalEntry(
                .warning, "the request of \(userName(request.uid)) to \(what) is refused: \(why)",
                .requestRefused
            )
            .with("STADE_JOB_ID", job), of: request.uid)
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
