/// What the watch on the inbox has seen of names since they were last taken: where to look, and a
/// reason to wait less. Without a hint a file is found and taken all the same, later.
///
/// Bounded for each user, so that one user's flood of names displaces no hint about another's.
package struct Hints: Sendable {
    package enum Kind: Sendable, Hashable {
        /// Renamed into the inbox, whole.
        case moved
        /// Written in place, and closed.
        case closed
        /// Something about it changed: its mode, for example.
        case changed
    }

    package static let perUser = 512
    private static let users = 128

    package private(set) var kinds: [[CChar]: Kind] = [:]
    private var counts: [UInt32: Int] = [:]
    /// There was more than what is in here: only a look through the whole inbox finds it.
    package private(set) var isIncomplete = false

    package init() {}

    package var isEmpty: Bool { kinds.isEmpty && !isIncomplete }

    /// Events were lost.
    package mutating func noteLoss() { isIncomplete = true }

    /// - Parameter owner: asked for only where the name is new.
    package mutating func note(_ name: [CChar], _ kind: Kind, owner: () -> UInt32?) {
        if kinds[name] != nil {
            if kind != .changed { kinds[name] = kind }
            return
        }
        // Gone already.
        guard let uid = owner() else { return }
        let count = counts[uid, default: 0]
        guard count < Self.perUser, count > 0 || counts.count < Self.users else {
            isIncomplete = true
            return
        }
        counts[uid] = count + 1
        kinds[name] = kind
    }
}
