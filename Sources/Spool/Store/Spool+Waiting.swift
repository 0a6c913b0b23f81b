import Documents
import Glibc
import Posix

extension Spool {
    /// What waits in the inbox, for those who may not look into it.
    package struct Waiting: Sendable, Hashable {
        package var manifests: [WaitingManifests] = []
        /// Why nobody's are taken, in words; nil: they are.
        package var shortage: String?
        /// `limits.waiting_per_user`.
        package var limit: Int?

        package init(
            manifests: [WaitingManifests] = [], shortage: String? = nil, limit: Int? = nil
        ) {
            self.manifests = manifests
            self.shortage = shortage
            self.limit = limit
        }
    }

    private var waitingFile: String { joined(path, Layout.Spool.waiting) }

    /// Nothing where the daemon is not running or all was taken.
    package var waiting: Waiting {
        guard let bytes = try? readRegularFile(waitingFile, limit: 1 << 20),
            let node = try? JSON.parse(bytes, file: waitingFile)
        else { return Waiting() }
        var waiting = Waiting()
        _ = waiting.read(node)
        return waiting
    }

    /// For display only: where there is no room it is not shown.
    package func setWaiting(_ waiting: Waiting) {
        if waiting.manifests.isEmpty && waiting.shortage == nil {
            unlink(waitingFile)
            return
        }
        try? put(JSON.encode(waiting.node, indent: nil), waitingFile, durable: false)
    }
}

extension Spool.Waiting: Coded {
    /// Of so many users at most, those of whom most is known.
    private static let maximumUsers = 64

    package mutating func code(_ coder: inout NodeCoder) {
        coder.derived("version", 1)
        coder.member("shortage", &shortage)
        coder.member("limit", &limit)
        var users = Array(manifests.prefix(Self.maximumUsers))
        coder.member("users", &users)
        manifests = users
    }
}
