import Tensors

/// A process that runs a job and whose memory runs out.
package enum OutOfMemory {
    /// What it ends with, where it can still say so.
    package static let exitStatus = outOfMemoryStatus

    /// Addresses that libraries take beside the memory of a plan, in bytes: limits of a process
    /// count them.
    package static func addresses(threads: Int) -> Int {
        LinearAlgebraLibrary.addresses(threads: threads)
    }
}
