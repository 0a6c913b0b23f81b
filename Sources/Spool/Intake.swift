import Posix

/// What a scan of the inbox brought.
package struct Intake: Sendable {
    /// Now queued.
    package var accepted: [JobRecord] = []
    /// Now failed, with `reason`.
    package var rejected: [JobRecord] = []
    package var requests: [Request] = []
    /// For the journal: names that are ignored and why, each once.
    package var warnings: [String] = []
    /// A file is still being written: look again after so many seconds.
    package var rescan: Double?
    /// There are more files than one scan takes.
    package var hasMore = false
    /// Ended the scan early; what was taken before stands.
    package var failure: SystemError?

    package init() {}
}
