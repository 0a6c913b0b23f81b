import Glibc
import Posix
import Spool

extension Daemon {
    /// Does what a job's owner or root asks for.
    func grant(_ request: Request) throws(SystemError) {
        guard let state = spool.locate(request.id),
            let record = try? spool.record(request.id, state)
        else { return refuse(request, "there is no such job") }
        guard request.uid == 0 || request.uid == record.uid || request.uid == geteuid() else {
            return refuse(request, "it belongs to \(userName(record.uid))")
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
            guard (try? spool.manifest(record)) != nil else {
                return refuse(request, "its manifest was rejected; submit a corrected one")
            }
            if let excess = excess(of: record.uid) { return refuse(request, excess) }
            try shift(record, .queued, nil)
        case (.retry, .deferred): try shift(record, .queued, nil)
        default: refuse(request, "it is \(state.rawValue)")
        }
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

    private func refuse(_ request: Request, _ why: String) {
        journal.write(
            JournalEntry(
                .warning,
                "the request of \(userName(request.uid)) to \(request.verb.rawValue) \(request.id) "
                    + "is refused: \(why)"
            )
            .with("STADE_JOB_ID", request.id))
    }
}

/// The account's name, or `user 1000` where it has none: getpwuid_r(3).
package func userName(_ uid: UInt32) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    guard getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, found != nil,
        let name = entry.pw_name
    else { return "user \(uid)" }
    return escaped(String(cString: name), limit: 64)
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
