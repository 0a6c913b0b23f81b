/// What running a job takes at most, as its plan has it.
package struct Demand: Sendable, Hashable {
    /// Threads that compute: as many as asked for, or as the memory allows.
    package let threads: Int
    /// Resident memory, in bytes.
    package let memory: Int
    /// Disk space beside the output until it is published, in bytes, with that of hidden states.
    package let disk: Int
    /// Of it, hidden states for which there is no room in memory, in bytes.
    package let scratch: Int

    init(_ plan: Plan) {
        threads = plan.memory.threads
        memory = plan.memory.bytes
        disk = plan.diskBytes
        scratch = plan.memory.scratchBytes
    }
}
