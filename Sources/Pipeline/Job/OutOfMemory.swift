import Tensors

/// A process that runs a job and whose memory runs out.
package enum OutOfMemory {
    /// What it ends with, where it can still say so.
    package static let exitStatus = outOfMemoryStatus
}
