import Documents
import Glibc
import Posix

/// One user's manifests that stay in the inbox for now.
package struct WaitingManifests: Sendable, Hashable {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Their owner has as many jobs waiting as one user may have.
        case user
        /// The spool's disk is nearly full.
        case disk
        /// Many of their owner's were rejected one after the other; the next are taken more slowly.
        case rejections
    }

    package let uid: UInt32
    package let reason: Reason
    /// How many are known of.
    package let count: Int
    /// There are more than that.
    package let hasMore: Bool
    /// The oldest ones' file names, the oldest first, as they may be shown.
    package let oldest: [String]

    package static let maximumNames = 8

    package init(
        uid: UInt32, reason: Reason, count: Int, hasMore: Bool, oldest: [String]
    ) {
        self.uid = uid
        self.reason = reason
        self.count = count
        self.hasMore = hasMore
        self.oldest = oldest
    }

    package var node: Node {
        .object([
            "uid": Node(Int(uid)), "reason": Node(reason.rawValue), "count": Node(count),
            "more": Node(hasMore), "oldest": Node(oldest.map { Node($0) }),
        ])
    }

    /// nil where `node` is no such thing.
    init?(_ node: Node) {
        guard let uid = node["uid"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let reason = node["reason"]?.string.flatMap({ Reason(rawValue: $0) }),
            let count = node["count"]?.integer
        else { return nil }
        self.uid = uid
        self.reason = reason
        self.count = count
        hasMore = node["more"]?.bool ?? false
        oldest = (node["oldest"]?.array ?? []).prefix(Self.maximumNames).compactMap(\.string)
    }
}

extension Spool {
    /// Of so many users at most, those of whom most is known.
    private static let maximumWaitingUsers = 64

    private var waitingFile: String { joined(path, "waiting.json") }

    /// What waits in the inbox, for those who may not look into it.
    package struct Waiting: Sendable {
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

    /// Nothing where the daemon is not running or all was taken.
    package var waiting: Waiting {
        guard let bytes = try? readRegularFile(waitingFile, limit: 1 << 20),
            let node = try? JSON.parse(bytes, file: waitingFile)
        else { return Waiting() }
        return Waiting(
            manifests: (node["users"]?.array ?? []).compactMap { WaitingManifests($0) },
            shortage: node["shortage"]?.string, limit: node["limit"]?.integer)
    }

    /// For display only: where there is no room it is not shown.
    package func setWaiting(_ waiting: Waiting) {
        if waiting.manifests.isEmpty && waiting.shortage == nil {
            unlink(waitingFile)
            return
        }
        let node = Node.object([
            "version": 1, "shortage": Node(waiting.shortage), "limit": Node(waiting.limit),
            "users": Node(waiting.manifests.prefix(Self.maximumWaitingUsers).map(\.node)),
        ])
        try? put(JSON.encode(node, indent: nil), waitingFile, durable: false)
    }
}
