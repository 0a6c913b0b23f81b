import Dispatch
import Glibc
import Manifests
import Posix
import Spool

/// The inbox as the daemon sees it: watched where that is possible, looked into anyway, attached
/// again where it was lost; and what is shown to those who dropped something into it.
///
/// Belongs to the daemon's queue.
struct InboxWatcher {
    private var spool: Spool
    private var inbox: Inbox
    private var watch: InboxWatch?
    /// What is wrong with the inbox or its watch at present; nil: nothing.
    private(set) var trouble: String?
    /// Since when it has had more than one look takes, on `Clock.boot`; nil: it has not.
    private var floodedSince: Double?
    private(set) var board = WaitingBoard()
    private var answers = Answers()
    private let journal: Journal

    /// Seconds for which a flood of manifests may keep jobs from being started: what matters most
    /// may be the last one of it.
    private static let floodPatience = 2.0

    init(_ spool: Spool, _ journal: Journal) {
        self.spool = spool
        self.journal = journal
        inbox = Inbox(spool)
    }

    /// Goes on from what an earlier daemon has left for those who ask.
    mutating func begin() {
        answers = Answers(spool.answers)
        spool.setWaiting(Spool.Waiting())
    }

    /// Lets go of the inbox.
    mutating func endWatch() { watch = nil }

    /// Nothing waits any more, as far as others can see.
    func clearBoard() { spool.setWaiting(Spool.Waiting()) }

    /// Goes on with the inbox of another `spool`.
    mutating func move(to spool: Spool) {
        self.spool = spool
        watch = nil
        inbox = Inbox(spool)
    }

    /// Others may write to it; false also where it has not been seen.
    var isShared: Bool { inbox.isPrivate == false }

    /// Whether jobs are to wait because there may be more important ones in the inbox.
    func isFlooded(_ now: Double = Clock.boot()) -> Bool {
        floodedSince.map { now - $0 < Self.floodPatience } ?? false
    }

    /// Also to be told of a job that was refused right after it was accepted: a flood of them is
    /// slowed as one of manifests that read badly.
    mutating func noteRejection(_ uid: UInt32) { inbox.noteRejection(uid) }

    /// Looks into the inbox, attaches the watch where it is not, and says what is of note.
    ///
    /// - Parameters:
    ///   - room: how many further jobs a user may have waiting.
    ///   - next: lowered to when to look again, in seconds.
    ///   - wake: called on `queue` when something has come.
    /// - Returns: nil where the inbox cannot be read for now.
    mutating func scan(
        _ limits: Configuration.Limits, room: (UInt32) -> Int, _ next: inout Double,
        on queue: DispatchQueue, wake: @escaping @Sendable () -> Void
    ) throws(SystemError) -> Intake? {
        attach(&next, on: queue, wake)
        var rules = Inbox.Rules()
        rules.reserve = limits.reserve
        rules.isWatched = watch != nil
        let intake: Intake
        do throws(SystemError) {
            intake = try inbox.scan(watch?.take() ?? Hints(), rules, room: room)
        } catch {
            if error.exitCode == .tryAgain { throw error }
            isLost("\(error); no manifests are taken until it is back")
            next = min(next, 2)
            return nil
        }
        if let rescan = intake.rescan { next = min(next, rescan) }
        floodedSince = intake.hasMore ? floodedSince ?? Clock.boot() : nil
        tell(intake)
        board.note(intake, limits, journal)
        return intake
    }

    /// Answers a request, for whoever asked and waits.
    /// - Parameter refusal: nil where it was granted.
    mutating func answer(_ request: Request, _ refusal: String?) {
        answers.add(Answer(request: request, time: Clock.wall(), refusal: refusal))
    }

    mutating func writeAnswers() { spool.write(&answers) }

    /// Shows what waits.
    /// - Parameter next: lowered to when to come again.
    mutating func show(_ limits: Configuration.Limits, _ next: inout Double) {
        if let wait = board.show(in: spool, limits) { next = min(next, wait) }
    }

    /// What users can cause at will is said, but not without end.
    private func tell(_ intake: Intake) {
        for record in intake.rejected {
            journal.write(
                JournalEntry(
                    .warning, "rejected: \(record.reason ?? "unknown")", .jobRejected,
                    about: record), of: record.uid)
        }
        for warning in intake.warnings {
            let entry = JournalEntry(.warning, warning.text)
            if let uid = warning.uid {
                journal.write(entry, of: uid)
            } else {
                journal.write(entry)
            }
        }
        for (uid, count) in intake.droppedRequests {
            journal.write(
                JournalEntry(
                    .warning,
                    "\(count) requests of \(userName(uid)) were removed unread: too many at once",
                    .requestRefused), of: uid, count: count)
        }
    }

    private mutating func attach(
        _ next: inout Double, on queue: DispatchQueue, _ wake: @escaping @Sendable () -> Void
    ) {
        if let watch, !watch.isAttached {
            self.watch = nil
            // What is there next has nothing to do with what is known of this one.
            inbox = Inbox(spool)
            isLost("\(escaped(spool.inbox)): the inbox was removed, moved or mounted over")
        }
        guard watch == nil else { return }
        do throws(SystemError) {
            watch = try InboxWatch(spool.inbox, on: queue, handler: wake)
            inbox.lookSoon()
            if trouble != nil {
                journal.write(
                    JournalEntry(.notice, "\(escaped(spool.inbox)) is watched again", .inboxBack))
            }
            trouble = nil
        } catch {
            next = min(next, 2)
            // "No space left on device" would send everybody looking at the disk.
            switch error.errno {
            case ENOSPC, EMFILE:
                complain(
                    "no inotify watch is left for \(escaped(spool.inbox)); looking every 2 s "
                        + "instead; raise fs.inotify.max_user_watches and max_user_instances",
                    .noWatches)
            case ENOENT, ENOTDIR: isLost("\(error); no manifests are taken until it is back")
            default: complain("\(error); looking every 2 s instead", .noWatches)
            }
        }
    }

    private mutating func isLost(_ text: String) { complain(text, .inboxLost) }

    /// Says each thing once, not at every look.
    private mutating func complain(_ text: String, _ message: Message) {
        if trouble != text { journal.write(JournalEntry(.warning, text, message)) }
        trouble = text
    }
}
