import Posix

/// What a scan of the inbox brought.
package struct Intake: Sendable {
    /// For the journal.
    package struct Warning: Sendable, Hashable {
        /// Whose doing it is; nil: nobody's.
        package let uid: UInt32?
        package let text: String
    }

    /// Requests that were removed without being looked at, because their owner made too many.
    package private(set) var droppedRequests: [UInt32: Int] = [:]
    /// Now queued.
    package var accepted: [JobRecord] = []
    /// Now failed, with `reason`.
    package var rejected: [JobRecord] = []
    package var requests: [Request] = []
    /// Of names that are ignored or cannot be taken, and why, each once.
    package private(set) var warnings: [Warning] = []
    /// Manifests that stay where they are for now.
    package var waiting: [WaitingManifests] = []
    /// Why nobody's manifests are taken for now; nil: they are.
    package var shortage: String?
    /// A file is still being written, or a user has to wait: look again after so many seconds.
    package private(set) var rescan: Double?
    /// There is more than one scan takes.
    package var hasMore = false
    /// Ended the scan early; what was taken before stands.
    package var failure: SystemError?

    package init() {}

    mutating func warn(_ text: String, of uid: UInt32? = nil) {
        warnings.append(Warning(uid: uid, text: text))
    }

    mutating func lookAgain(after seconds: Double) {
        rescan = min(rescan ?? seconds, seconds)
    }

    mutating func noteDropped(of uid: UInt32) { droppedRequests[uid, default: 0] += 1 }
}
