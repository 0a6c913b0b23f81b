import Glibc
import Posix

extension Inbox {
    /// How many manifests of one user may be rejected at once, and then a second.
    private static let rejectionBurst = 64.0
    private static let rejectionRate = 8.0

    /// Claims what is ready: of each user in turn the oldest.
    mutating func takeManifests(
        _ place: borrowing Place, _ now: Double, _ rules: Rules, _ room: (UInt32) -> Int,
        _ intake: inout Intake
    ) throws(SystemError) {
        intake.shortage = spool.shortage(rules.reserve)
        let lanes = ready(now, rules.limit, &intake)
        guard !lanes.isEmpty else { return }
        var rooms = Dictionary(uniqueKeysWithValues: lanes.map { ($0.uid, room($0.uid)) })
        if intake.shortage == nil {
            let end = Clock.boot() + rules.patience
            var claims = 0
            let isCut = try Candidates.inTurns(lanes) { uid, name throws(SystemError) in
                guard rooms[uid, default: 0] > 0, rejectionWait(uid, now) == 0 else {
                    return .skipUser
                }
                if claims > 0 {
                    if claims >= rules.limit || Clock.boot() > end { return .stop }
                    intake.shortage = spool.shortage(rules.reserve)
                    if intake.shortage != nil { return .stop }
                }
                guard isReady(name, of: uid, place.inbox, now, &intake) else { return .next }
                manifests.noteTurn(of: uid)
                claims += 1
                let counts = (intake.accepted.count, intake.rejected.count)
                try claim(name, of: uid, place, &intake)
                rooms[uid, default: 0] -= intake.accepted.count - counts.0
                if intake.rejected.count > counts.1 { noteRejection(uid, now) }
                return .next
            }
            if isCut && intake.shortage == nil { intake.hasMore = true }
        }
        for (uid, _) in lanes { noteWaiting(uid, now, rooms[uid, default: 0], &intake) }
    }

    /// The names that may be claimed now, for each user.
    private func ready(
        _ now: Double, _ limit: Int, _ intake: inout Intake
    ) -> [(uid: UInt32, names: [[CChar]])] {
        var lanes: [(uid: UInt32, names: [[CChar]])] = []
        for uid in manifests.users {
            guard let queue = manifests.queues[uid] else { continue }
            var names: [[CChar]] = []
            for name in queue.candidates {
                guard let candidate = queue[name], !candidate.isBlocked else { continue }
                let wait = candidate.wait(now)
                if wait > 0 { intake.lookAgain(after: wait) } else { names.append(name) }
                // One more, which tells that there is more.
                if names.count > limit { break }
            }
            if !names.isEmpty { lanes.append((uid, names)) }
        }
        return lanes
    }

    private func rejectionWait(_ uid: UInt32, _ now: Double) -> Double {
        rejections[uid]?.wait(now) ?? 0
    }

    /// Also to be told of a job that was refused right after it was accepted.
    package mutating func noteRejection(_ uid: UInt32, _ now: Double = Clock.boot()) {
        let full = TokenBucket(burst: Self.rejectionBurst, rate: Self.rejectionRate, now: now)
        rejections[uid, default: full].take(now)
    }

    /// Notes what stays in the inbox of a user for now, and why.
    private func noteWaiting(
        _ uid: UInt32, _ now: Double, _ room: Int, _ intake: inout Intake
    ) {
        guard let queue = manifests.queues[uid], queue.count > 0 else { return }
        let wait = rejectionWait(uid, now)
        let reason: WaitingManifests.Reason
        if intake.shortage != nil {
            reason = .disk
        } else if room <= 0 {
            reason = .user
        } else if wait > 0 {
            reason = .rejections
            intake.lookAgain(after: wait)
        } else {
            return
        }
        let names = queue.candidates.filter { queue[$0]?.isBlocked == false }
        guard !names.isEmpty else { return }
        intake.waiting.append(
            WaitingManifests(
                uid: uid, reason: reason, count: names.count, hasMore: queue.hasMore,
                oldest: names.prefix(WaitingManifests.maximumNames).map { displayName($0) }))
    }

    /// Whether a candidate is still what it was, and can be read; else it is noted as it is now.
    private mutating func isReady(
        _ name: [CChar], of uid: UInt32, _ directory: borrowing File, _ now: Double,
        _ intake: inout Intake
    ) -> Bool {
        guard let known = manifests.queues[uid]?[name] else { return false }
        var status = stat()
        if fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0 {
            manifests.remove(name, of: uid)
            return false
        }
        if status.st_uid != uid || Candidate.Version(status) != known.version {
            manifests.remove(name, of: uid)
            note(name, known.hint, directory, now, isLook: false, &intake)
            guard let new = manifests.queues[uid]?[name] else { return false }
            let wait = new.wait(now)
            if wait > 0 {
                intake.lookAgain(after: wait)
                return false
            }
        }
        guard status.st_mode & S_IFMT == S_IFREG else { return true }
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(directory.descriptor, name, flags)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno == EACCES || errno == EPERM {
            block(
                name, of: uid,
                "\(displayName(name)) in the inbox cannot be read by the daemon; make it readable "
                    + "(chmod g+r or a+r) and it is taken", &intake)
            return false
        }
        return true
    }

    /// Leaves a file alone until it changes.
    mutating func block(
        _ name: [CChar], of uid: UInt32, _ warning: String, _ intake: inout Intake
    ) {
        manifests.update(name, of: uid) { $0.isBlocked = true }
        intake.warn(warning, of: uid)
    }
}
