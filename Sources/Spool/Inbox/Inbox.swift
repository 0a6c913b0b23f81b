import Glibc
import Posix

/// The directory into which users drop manifests, and what is remembered of it between scans.
///
/// Names come to be known by the watch's hints, at once, and by a look through the whole directory,
/// which is spread over scans. What is remembered is bounded for each user (`Candidates`), so that
/// neither a scan's time nor memory grows with what lies there.
package struct Inbox {
    /// Seconds that a file written in place must lie still after it was closed.
    static let settleTime = 1.0
    /// The same where nobody saw it being closed: after a start, or without inotify.
    static let unseenSettleTime = 3.0
    /// Larger files are no manifests and are not read.
    package static let maximumSize = 1 << 20

    let spool: Spool
    /// The daemon's own.
    let account: UInt32
    var identifiers = JobIdentifier()
    var manifests: Candidates
    var requests = Candidates(perUser: 256)
    var ignored = IgnoredNames()
    var look = Look()
    /// Claims to be finished; nil: what an earlier daemon left has not been looked for.
    var unfinished: [String]?
    /// How fast each user's manifests may be rejected: to keep a rejected one costs as much as a
    /// job.
    var rejections: [UInt32: TokenBucket] = [:]
    /// Whether nobody but the daemon's own account and root may write to the inbox; nil: it has not
    /// been seen. An access control list grants no more than the mode's group bits, its mask:
    /// acl(5).
    package private(set) var isPrivate: Bool?
    /// Owner, group and mode of the inbox, as of the last scan.
    private var rights: [UInt32] = []

    /// - Parameter remembered: manifests of each user.
    package init(_ spool: Spool, account: UInt32 = geteuid(), remembered: Int = 1024) {
        self.spool = spool
        manifests = Candidates(perUser: remembered)
        self.account = account
    }

    /// How a scan is to go about it.
    package struct Rules {
        /// Claims at most.
        package var limit = 64
        package var requestLimit = 32
        /// Seconds after which no further claim is begun.
        package var patience = 0.5
        /// Seconds of one scan that a look through the inbox may take.
        package var lookSlice = 0.02
        /// Bytes of the spool's disk that are kept free; nil: the default.
        package var reserve: Int?
        /// Whether hints tell of what comes, so that looks can be rare.
        package var isWatched = true

        package init() {}
    }

    /// The inbox and, in it, the directory of claims, as open descriptors.
    struct Place: ~Copyable {
        let inbox: File
        let claims: File
    }

    /// Claims what is ready and turns it into jobs, queued or failed.
    ///
    /// - Parameters:
    ///   - hints: what the watch has seen since the last scan.
    ///   - now: seconds on a clock that never steps.
    ///   - room: how many further jobs a user may have waiting.
    /// - Throws: only where the inbox itself cannot be read.
    package mutating func scan(
        _ hints: Hints, now: Double = Clock.boot(), _ rules: Rules = Rules(),
        room: (UInt32) -> Int = { _ in .max }
    ) throws(SystemError) -> Intake {
        let directory = try File(spool.inbox, O_RDONLY | O_DIRECTORY)
        let status = try directory.status()
        isPrivate = status.st_uid == account && status.st_mode & 0o022 == 0
        let rights = [status.st_uid, status.st_gid, status.st_mode]
        // What could not be moved may be movable now.
        if rights != self.rights { manifests.unblock() }
        self.rights = rights
        var intake = Intake()
        let claims = try openClaims(directory, &intake)
        let place = Place(inbox: directory, claims: claims)
        for (name, kind) in hints.kinds {
            note(name, kind, place.inbox, now, isLook: false, &intake)
        }
        if hints.isIncomplete { look.isWanted = true }
        try lookFurther(place.inbox, now, rules, &intake)
        do throws(SystemError) {
            takeRequests(place.inbox, rules, &intake)
            try finishClaims(place, now, &intake)
            try takeManifests(place, now, rules, room, &intake)
            if !(intake.accepted.isEmpty && intake.rejected.isEmpty) { try place.claims.sync() }
        } catch {
            intake.failure = error
        }
        return intake
    }

    /// Whatever the inbox holds is to be looked through soon: something may have been missed.
    package mutating func lookSoon() { look.isWanted = true }

    /// Whether a file of that owner is that owner's word.
    ///
    /// What belongs to the daemon's own account need not be: others may move a file of it into an
    /// inbox to which they may write. Root's files cannot be had so, or all is lost anyway.
    func isWord(of uid: UInt32) -> Bool { uid == 0 || uid != account || isPrivate == true }

    /// Takes note of a name. What is remembered of the name already stays where the file is the
    /// same.
    mutating func note(
        _ name: [CChar], _ hint: Hints.Kind?, _ directory: borrowing File, _ now: Double,
        isLook: Bool, _ intake: inout Intake
    ) {
        let meaning = InboxName(name)
        switch meaning {
        case .hidden: return
        case .other:
            ignore(name, "a manifest's name is UTF-8 and ends in .yaml", now, isLook, &intake)
            return
        case .request(let text):
            if Request(fileName: text, uid: 0) == nil { return }
        case .manifest: break
        }
        var status = stat()
        if fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0 { return }
        var candidate = Candidate(name, status, since: now)
        candidate.look = look.number
        candidate.hint = hint
        if case .request = meaning {
            guard candidate.isRegular else { return }
            if let excess = requests.insert(candidate) { drop(excess, directory, &intake) }
            return
        }
        guard [S_IFREG, S_IFLNK, S_IFIFO].contains(status.st_mode & S_IFMT) else {
            ignore(name, "it is not a regular file", now, isLook, &intake)
            return
        }
        if let old = manifests.queues[candidate.uid]?[name] {
            if hint == nil || hint == .changed { candidate.hint = old.hint }
            if old.version == candidate.version {
                candidate.since = old.since
                candidate.isBlocked = old.isBlocked
            }
        }
        // What finds no room is found again by a look, when there is.
        _ = manifests.insert(candidate)
    }

    private mutating func ignore(
        _ name: [CChar], _ why: String, _ now: Double, _ isLook: Bool, _ intake: inout Intake
    ) {
        if ignored.note(name, isLook: isLook, now: now) {
            intake.warn("\(displayName(name)) in the inbox is ignored: \(why)")
        }
    }
}
