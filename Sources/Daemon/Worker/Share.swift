import Pipeline

/// A part of the machine: what a job takes, or what all may take together.
struct Share: Sendable, Hashable {
    var threads: Int
    /// In bytes.
    var memory: Int

    /// What a process may have at most that was promised `memory`. It needs more than the plan's
    /// buffers: the program itself, libraries, the allocator's slack.
    var memoryCeiling: Int {
        let (sum, overflow) = memory.addingReportingOverflow(memory / 4 + 1 << 30)
        return overflow ? .max : sum
    }

    /// What such a process may map of memory of its own at most, for setrlimit(2): libraries set
    /// addresses aside for each thread, most of which stay unused.
    var addressCeiling: Int {
        let (sum, overflow) = memoryCeiling.addingReportingOverflow(
            OutOfMemory.addresses(threads: threads))
        return overflow ? .max : sum
    }

    func fits(in other: Share) -> Bool { threads <= other.threads && memory <= other.memory }

    static func - (left: Share, right: Share) -> Share {
        Share(threads: left.threads - right.threads, memory: left.memory - right.memory)
    }
}
