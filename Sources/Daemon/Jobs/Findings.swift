import Reports
import Spool

/// What is found when a job's worker has gone, beside what the worker has said: all that `Settling`
/// has to know of the disk and the machine.
struct Findings: Sendable {
    /// The job's outputs, where all of them are published; nil: they are not.
    var outputs: [Output]?
    /// A later attempt has something to go on from.
    var hasSnapshot = false
    /// The manifest sets `limits.time`.
    var setsTime = false
    /// The manifest sets `limits.memory`.
    var setsMemory = false
    /// What all running jobs may take together, in bytes.
    var machineMemory: Int
    /// Unix time in seconds.
    var now: Double
}
