import Documents

/// One user's manifests that stay in the inbox for now.
package struct WaitingManifests: Sendable, Hashable {
    package enum Reason: String, Sendable, Hashable, CaseIterable, NodeValue {
        /// Their owner has as many jobs waiting as one user may have.
        case user
        /// The spool's disk is nearly full.
        case disk
        /// Many of their owner's were rejected one after the other; the next are taken more slowly.
        case rejections
    }

    package private(set) var uid: UInt32
    package private(set) var reason: Reason
    /// How many are known of.
    package private(set) var count: Int
    /// There are more than that.
    package private(set) var hasMore: Bool
    /// The oldest ones' file names, the oldest first, as they may be shown.
    package private(set) var oldest: [String]

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
}

extension WaitingManifests: CodedValue {
    package static let blank = WaitingManifests(
        uid: .max, reason: .user, count: 0, hasMore: false, oldest: [])

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("uid", &uid)
        coder.required("reason", &reason)
        coder.required("count", &count)
        coder.member("more", &hasMore)
        coder.member("oldest", &oldest)
        if coder.isReading { oldest = Array(oldest.prefix(Self.maximumNames)) }
    }
}
