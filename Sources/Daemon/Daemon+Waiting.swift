import Glibc
import Posix
import Spool

/// Manifests that stay in the inbox for now: said once, and shown as long as they do.
extension Daemon {
    /// Seconds between two writings of what waits.
    private static let interval = 2.0
    /// Seconds after which a shortage that has come and gone is said again.
    private static let patience = 600.0

    /// Takes over what a scan says of what it has left in the inbox.
    func note(_ intake: Intake) {
        note(shortage: intake.shortage)
        // A scan that was cut short has not looked at all users.
        if intake.hasMore && intake.waiting.isEmpty { return }
        for waiting in intake.waiting where waiting.reason != .disk {
            tell(waiting)
        }
        waiting = intake.waiting.sorted { $0.count > $1.count }
    }

    private func note(shortage: String?) {
        if let shortage, self.shortage == nil {
            let now = Clock.boot()
            if now - lastShortage > Self.patience {
                lastShortage = now
                journal.write(
                    JournalEntry(
                        .warning, "\(shortage); manifests wait in the inbox until there is room",
                        .diskLow))
            }
        }
        self.shortage = shortage
    }

    /// Once for a user, until nothing of this user's has waited for a while.
    private func tell(_ waiting: WaitingManifests) {
        let now = Clock.boot()
        let isNew = now - lastWaits[waiting.uid, default: -Self.patience] >= Self.patience
        lastWaits[waiting.uid] = now
        guard isNew, waiting.reason == .user || waiting.count > 1 else { return }
        journal.write(
            JournalEntry(
                .notice, waiting.text(limit: configuration.limits.waitingPerUser), .jobsWait))
    }

    /// Writes for `stadectl list` what has changed, not too often.
    /// - Parameter next: lowered to when to come again.
    func showWaiting(_ next: inout Double) {
        let now = Clock.boot()
        lastWaits = lastWaits.filter { now - $0.value < Self.patience }
        guard waiting != shownWaiting || shortage != shownShortage else { return }
        let age = now - lastShown
        guard age >= Self.interval else {
            next = min(next, Self.interval - age)
            return
        }
        lastShown = now
        (shownWaiting, shownShortage) = (waiting, shortage)
        spool.setWaiting(
            Spool.Waiting(
                manifests: waiting, shortage: shortage,
                limit: configuration.limits.waitingPerUser))
    }
}

extension WaitingManifests {
    /// For whoever asks what has become of a manifest.
    /// - Parameter limit: `limits.waiting_per_user`, where it is known.
    func text(limit: Int?) -> String {
        let isOne = count == 1 && !hasMore
        let number = (hasMore ? "more than " : "") + "\(count) manifest" + (isOne ? "" : "s")
        let why =
            switch reason {
            case .user:
                "one user may have \(limit.map { "\($0)" } ?? "only so many") waiting "
                    + "(limits.waiting_per_user)"
            case .disk: "the spool's disk is nearly full (limits.reserve)"
            case .rejections: "many were rejected, and the next are taken more slowly"
            }
        let first = oldest.first.map { "; next: \(escaped($0, limit: 80))" } ?? ""
        return "\(number) of \(userName(uid)) wait\(isOne ? "s" : "") in the inbox: \(why)\(first)"
    }
}
