import Manifests
import Posix
import Spool

/// Manifests that stay in the inbox for now: said once, and shown as long as they do.
struct WaitingBoard {
    /// By how many, the most first.
    private(set) var manifests: [WaitingManifests] = []
    /// Why nobody's manifests are taken, in words; nil: they are.
    private(set) var shortage: String?
    /// What was shown last, and when, on `Clock.boot`.
    private var shown = Spool.Waiting()
    private var lastShown = -Double.infinity
    /// When each was last said or seen, on `Clock.boot`.
    private var lastShortage = -Double.infinity
    private var lastWaits: [UInt32: Double] = [:]

    /// Seconds between two writings of what waits.
    private static let interval = 2.0
    /// Seconds after which what has come and gone is said again.
    private static let patience = 600.0

    /// Takes over what a scan says of what it has left in the inbox.
    mutating func note(
        _ intake: Intake, _ limits: Configuration.Limits, _ journal: Journal,
        _ now: Double = Clock.boot()
    ) {
        if let text = intake.shortage, shortage == nil, now - lastShortage > Self.patience {
            lastShortage = now
            journal.write(
                JournalEntry(
                    .warning, "\(text); manifests wait in the inbox until there is room", .diskLow))
        }
        shortage = intake.shortage
        // A scan that was cut short has not looked at all users.
        if intake.hasMore && intake.waiting.isEmpty { return }
        for waiting in intake.waiting where waiting.reason != .disk {
            guard isNews(waiting, now) else { continue }
            journal.write(
                JournalEntry(.notice, waiting.text(limit: limits.waitingPerUser), .jobsWait))
        }
        manifests = intake.waiting.sorted { $0.count > $1.count }
    }

    /// Once for a user, until nothing of this user's has waited for a while.
    private mutating func isNews(_ waiting: WaitingManifests, _ now: Double) -> Bool {
        let isNew = now - lastWaits[waiting.uid, default: -Self.patience] >= Self.patience
        lastWaits[waiting.uid] = now
        return isNew && (waiting.reason == .user || waiting.count > 1)
    }

    /// Writes for `stadectl list` what has changed, not too often.
    /// - Returns: the seconds until it may be written again; nil where it is up to date.
    mutating func show(
        in spool: Spool, _ limits: Configuration.Limits, _ now: Double = Clock.boot()
    ) -> Double? {
        lastWaits = lastWaits.filter { now - $0.value < Self.patience }
        guard manifests != shown.manifests || shortage != shown.shortage else { return nil }
        let age = now - lastShown
        guard age >= Self.interval else { return Self.interval - age }
        lastShown = now
        shown = Spool.Waiting(
            manifests: manifests, shortage: shortage, limit: limits.waitingPerUser)
        spool.setWaiting(shown)
        return nil
    }
}
