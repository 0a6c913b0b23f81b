/// Where a job stands: the directory of the spool that it is in. The directory is the truth;
/// `state.json` only remembers how the job came there.
package enum JobState: String, Sendable, Hashable, CaseIterable {
    case queued, active, deferred, held, done, failed

    /// No daemon touches the job again, unless its owner asks for a retry.
    package var isFinished: Bool { self == .done || self == .failed }
}
