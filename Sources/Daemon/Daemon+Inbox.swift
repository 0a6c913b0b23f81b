import Glibc
import Posix
import Spool

extension Daemon {
    /// Looks into the inbox, attaches the watch where it is not, and files what came.
    /// - Parameter next: lowered to when to look again, in seconds.
    func scan(_ next: inout Double) throws(SystemError) {
        attach(&next)
        var intake = Intake()
        do throws(SystemError) {
            intake = try inbox.scan(&hints)
        } catch {
            if error.exitCode == .tryAgain { throw error }
            inboxIsLost("\(error); no manifests are taken until it is back")
            next = min(next, 2)
            return
        }
        for record in intake.accepted { try accept(record) }
        for record in intake.rejected { reject(record) }
        for warning in intake.warnings { journal.write(JournalEntry(.warning, warning)) }
        for request in intake.requests { try grant(request) }
        if let rescan = intake.rescan { next = min(next, rescan) }
        floodedSince = intake.hasMore ? floodedSince ?? Clock.boot() : nil
        if intake.hasMore { requestTurn() }
        if let failure = intake.failure { throw failure }
    }

    private func accept(_ record: JobRecord) throws(SystemError) {
        if let manifest = try? spool.manifest(record),
            let refusal = configuration.limits.refusal(of: manifest, from: record.uid)
        {
            return try fail(record, refusal, .configuration)
        }
        if let excess = excess(of: record.uid) {
            let advice = "'stadectl retry \(record.id)' when one is done"
            return try fail(record, "\(excess); \(advice)", .tryAgain)
        }
        insert(record)
        journal.write(
            JournalEntry(
                .info, "\(record.name) is queued as \(record.id)", .jobQueued, about: record)
        )
    }

    /// Why a user may have no further job; nil where one may.
    func excess(of uid: UInt32) -> String? {
        guard let limit = configuration.limits.jobsPerUser else { return nil }
        let count =
            queued.count { $0.uid == uid } + deferred.count { $0.record.uid == uid }
            + running.values.count { $0.record.uid == uid }
        guard count >= limit else { return nil }
        return "\(userName(uid)) has \(count) jobs waiting or running, and one user may have "
            + "\(limit) (limits.jobs_per_user)"
    }

    private func reject(_ record: JobRecord) {
        journal.write(
            JournalEntry(
                .warning, "rejected: \(record.reason ?? "unknown")", .jobRejected, about: record))
    }

    func insert(_ record: JobRecord) {
        let record = bounded(record)
        let index = queued.firstIndex { JobRecord.precedes(record, $0) } ?? queued.endIndex
        queued.insert(record, at: index)
    }

    private func attach(_ next: inout Double) {
        if let watch, !watch.isAttached {
            self.watch = nil
            inboxIsLost("\(escaped(spool.inbox)): the inbox was removed, moved or mounted over")
        }
        guard watch == nil else { return }
        do throws(SystemError) {
            watch = try InboxWatch(spool.inbox, on: queue) { [weak self] events in
                self?.take(events)
            }
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

    private func take(_ events: [InboxWatch.Event]) {
        for event in events {
            switch event {
            case .name(let name, let kind): hints.note(name, kind)
            case .unclear: break
            case .gone: watch = nil
            }
        }
        if !events.isEmpty { requestTurn() }
    }

    private func inboxIsLost(_ text: String) { trouble(text, .inboxLost) }

    private func noWatches(_ text: String) { trouble(text, .noWatches) }

    /// Says each thing once, not at every look.
    private func trouble(_ text: String, _ message: Message) {
        if inboxTrouble != text { journal.write(JournalEntry(.warning, text, message)) }
        inboxTrouble = text
    }
}
