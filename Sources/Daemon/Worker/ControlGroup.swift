import CLinux
import Glibc
import Posix

/// The cgroup v2 leaf of one worker: `memory.max`, `cpu.max` and `memory.oom.group` of the kernel's
/// Documentation/admin-guide/cgroup-v2.rst. A control that the tree does not offer is left out.
struct ControlGroup {
    let path: String

    /// Makes the leaf with its limits.
    ///
    /// - Parameters:
    ///   - memory: in bytes. The page cache of what the worker reads and writes counts, too, but
    ///     goes before anything else does.
    ///   - threads: processors' time that it may take.
    init(_ path: String, memory: Int, threads: Int) throws(SystemError) {
        self.path = path
        if mkdir(path, 0o755) != 0, errno != EEXIST {
            throw SystemError("make the control group", path)
        }
        // All of a job ends together, or none of it.
        _ = write("1", to: "memory.oom.group")
        _ = write("\(threads * 100_000) 100000", to: "cpu.max")
        limit(memory: memory)
    }

    func limit(memory: Int) { _ = write("\(memory)", to: "memory.max") }

    /// Moves a process with all its threads into the leaf.
    func add(_ process: pid_t) throws(SystemError) {
        if let error = write("\(process)", to: "cgroup.procs") { throw error }
    }

    /// How often the kernel killed in here because `memory.max` was reached.
    var outOfMemoryKills: Int {
        guard let bytes = try? readFile(joined(path, "memory.events"), limit: 4096) else {
            return 0
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "oom_kill" { return Int(words[1]) ?? 0 }
        }
        return 0
    }

    /// The most memory that was in use at a time, page cache included; nil before Linux 5.19.
    var peakMemory: Int? {
        guard let bytes = try? readFile(joined(path, "memory.peak"), limit: 64) else { return nil }
        return Int(String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self))
    }

    /// Ends what is left in the leaf and removes it.
    /// - Returns: what keeps it from going; the next start of the daemon tries again.
    @discardableResult
    func remove() -> SystemError? {
        _ = write("1", to: "cgroup.kill")
        // The kernel takes a moment to let go of what was killed.
        for _ in 0..<20 {
            if rmdir(path) == 0 || errno == ENOENT { return nil }
            guard errno == EBUSY else { break }
            usleep(1000)
        }
        return SystemError("remove the control group", path)
    }

    private func write(_ text: String, to name: String) -> SystemError? {
        ControlGroups.write(text, to: joined(path, name))
    }
}
