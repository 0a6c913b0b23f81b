import Glibc
import Posix
import Spool

extension Daemon {
    /// Looks into the inbox, attaches the watch where it is not, and files what came.
    /// - Parameter next: lowered to when to look again, in seconds.
    func scan(_ next: inout Double) throws(SystemError) {
        attach(&next)
        var rules = Inbox.Rules()
        rules.reserve = configuration.limits.reserve
        rules.isWatched = watch != nil
        let intake: Intake
        do throws(SystemError) {
            let hints = watch?.take() ?? Hints()
            intake = try inbox.scan(hints, rules) { uid in
                configuration.limits.waitingPerUser - waitingJobs(of: uid)
            }
        } catch {
            if error.exitCode == .tryAgain { throw error }
            inboxIsLost("\(error); no manifests are taken until it is back")
            next = min(next, 2)
            return
        }
        for record in intake.accepted { try accept(record) }
        for record in intake.rejected { reject(record) }
        for warning in intake.warnings { warn(warning) }
        for (uid, count) in intake.droppedRequests { note(droppedRequests: count, of: uid) }
        for request in intake.requests { try grant(request) }
        spool.write(&answers)
        note(intake)
        if let rescan = intake.rescan { next = min(next, rescan) }
        floodedSince = intake.hasMore ? floodedSince ?? Clock.boot() : nil
        if intake.hasMore { requestTurn() }
        if let failure = intake.failure { throw failure }
    }

    private func accept(_ record: JobRecord) throws(SystemError) {
        if let manifest = try? spool.manifest(record),
            let refusal = configuration.limits.refusal(of: manifest, from: record.uid)
        {
            // As a manifest that reads badly: a flood of them is slowed alike.
            inbox.noteRejection(record.uid)
            return try fail(record, refusal, .configuration)
        }
        insert(record)
        journal.write(
            JournalEntry(
                .info, "\(record.name) is queued as \(record.id)", .jobQueued, about: record)
        )
    }

    /// How many jobs of a user wait: queued, put off, held.
    func waitingJobs(of uid: UInt32) -> Int {
        queued.count { $0.uid == uid } + deferred.count { $0.record.uid == uid }
            + held[uid, default: 0]
    }

    /// Why a user may have no further job waiting; nil where one may.
    func excess(of uid: UInt32) -> String? {
        let (count, limit) = (waitingJobs(of: uid), configuration.limits.waitingPerUser)
        guard count >= limit else { return nil }
        return "\(userName(uid)) has \(count) jobs waiting, and one user may have \(limit) "
            + "(limits.waiting_per_user)"
    }

    func insert(_ record: JobRecord) {
        let record = bounded(record)
        let index = queued.firstIndex { JobRecord.precedes(record, $0) } ?? queued.endIndex
        queued.insert(record, at: index)
    }

    private func reject(_ record: JobRecord) {
        say(
            JournalEntry(
                .warning, "rejected: \(record.reason ?? "unknown")", .jobRejected, about: record),
            of: record.uid)
    }

    private func warn(_ warning: Intake.Warning) {
        let entry = JournalEntry(.warning, warning.text)
        if let uid = warning.uid { say(entry, of: uid) } else { journal.write(entry) }
    }

    private func note(droppedRequests count: Int, of uid: UInt32) {
        say(
            JournalEntry(
                .warning,
                "\(count) requests of \(userName(uid)) were removed unread: too many at once",
                .requestRefused), of: uid, count: count)
    }

    /// Writes a line that a user can cause at will, but not without end.
    func say(_ entry: JournalEntry, of uid: UInt32, count: Int = 1) {
        if quota.admits(uid, count: count) {
            journal.write(entry)
        } else if let message = entry.message {
            journal.count(message)
        }
    }

    /// Says how much was left unsaid.
    /// - Parameter next: lowered to when to come again.
    func reportLeftOut(_ next: inout Double) {
        for (uid, count) in quota.report() {
            journal.write(
                JournalEntry(
                    .warning,
                    "\(count) further manifests or requests of \(userName(uid)) were refused or "
                        + "warned of in the same way"))
        }
        if let wait = quota.wait() { next = min(next, max(wait, 1)) }
    }

    private func attach(_ next: inout Double) {
        if let watch, !watch.isAttached {
            self.watch = nil
            // What is there next has nothing to do with what is known of this one.
            inbox = Inbox(spool)
            inboxIsLost("\(escaped(spool.inbox)): the inbox was removed, moved or mounted over")
        }
        guard watch == nil else { return }
        do throws(SystemError) {
            watch = try InboxWatch(spool.inbox, on: queue) { [weak self] in self?.requestTurn() }
            inbox.lookSoon()
            if inboxTrouble != nil {
                journal.write(
                    JournalEntry(.notice, "\(escaped(spool.inbox)) is watched again", .inboxBack))
            }
            inboxTrouble = nil
        } catch {
            next = min(next, 2)
            // "No space left on device" would send everybody looking at the disk.
            switch error.errno {
            case ENOSPC, EMFILE:
                noWatches(
                    "no inotify watch is left for \(escaped(spool.inbox)); looking every 2 s "
                        + "instead; raise fs.inotify.max_user_watches and max_user_instances")
            case ENOENT, ENOTDIR: inboxIsLost("\(error); no manifests are taken until it is back")
            default: noWatches("\(error); looking every 2 s instead")
            }
        }
    }

    private func inboxIsLost(_ text: String) { trouble(text, .inboxLost) }

    private func noWatches(_ text: String) { trouble(text, .noWatches) }

    /// Says each thing once, not at every look.
    private func trouble(_ text: String, _ message: Message) {
        if inboxTrouble != text { journal.write(JournalEntry(.warning, text, message)) }
        inboxTrouble = text
    }
}
