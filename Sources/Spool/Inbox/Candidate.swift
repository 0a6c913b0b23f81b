import Glibc

/// A name in the inbox that may be a manifest or a request, as it was last seen.
struct Candidate {
    /// Tells whether a file has been written or replaced.
    struct Version: Hashable {
        struct Time: Hashable {
            let seconds: Int
            let nanoseconds: Int

            init(_ time: timespec) {
                seconds = time.tv_sec
                nanoseconds = time.tv_nsec
            }
        }

        let inode: ino_t
        let size: off_t
        let modified: Time
        let changed: Time

        init(_ status: stat) {
            inode = status.st_ino
            size = status.st_size
            modified = Time(status.st_mtim)
            changed = Time(status.st_ctim)
        }
    }

    /// With the closing NUL.
    let name: [CChar]
    let uid: UInt32
    let isRegular: Bool
    let version: Version
    /// Since when it has been like that, on the inbox's clock.
    var since: Double
    var hint: Hints.Kind?
    /// It cannot be taken as it is; it is left alone until it changes.
    var isBlocked = false
    /// The number of the look through the inbox that last saw it.
    var look = 0

    init(_ name: [CChar], _ status: stat, since: Double) {
        self.name = name
        uid = status.st_uid
        isRegular = status.st_mode & S_IFMT == S_IFREG
        version = Version(status)
        self.since = since
    }

    /// First come, first served, as far as the files tell.
    static func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
        let (first, second) = (left.version.modified, right.version.modified)
        return first != second
            ? (first.seconds, first.nanoseconds) < (second.seconds, second.nanoseconds)
            : left.name.lexicographicallyPrecedes(right.name)
    }

    /// Seconds that it must still lie still before it is taken.
    func wait(_ now: Double) -> Double {
        // A link or a FIFO is refused anyway, whatever is in it.
        guard isRegular else { return 0 }
        let settleTime: Double =
            switch hint {
            case .moved: 0
            case .closed: Inbox.settleTime
            case .changed, nil: Inbox.unseenSettleTime
            }
        return settleTime - (now - since)
    }
}
