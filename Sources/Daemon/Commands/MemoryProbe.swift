import Glibc
import Manifests
import Pipeline
import Posix

/// Whether this process can still have as much memory as a job is going to take, where ulimit(1)
/// bounds it. Asked beforehand: Dispatch waits for ever for a thread that it cannot have.
struct MemoryProbe: Failure {
    /// What cannot be had, in bytes.
    let bytes: Int

    /// For the program itself and its libraries.
    private static let base = 64 << 20
    /// For each thread, its stack among it.
    private static let thread = 16 << 20
    /// Threads that read, write and watch beside those that compute.
    private static let otherThreads = 4

    var exitCode: ExitCode { .tryAgain }

    var description: String {
        "ran out of memory: \(size(bytes)) more cannot be had (ulimit -v, ulimit -d): raise that, "
            + "or ask for less"
    }

    /// Before anything is looked at: room for the model's files, which are mapped, and for threads.
    static func check(_ job: Job) throws {
        let threads = job.manifest.limits.threads ?? job.ceiling.threads ?? availableProcessors
        var bytes = base + thread * (threads + otherThreads)
        if isLimited(RLIMIT_AS),
            let model = try? ModelPath.directory(job.manifest.model, job.paths),
            let directory = try? Directory(model)
        {
            for entry in (try? directory.entries()) ?? [] {
                var status = stat()
                guard fstatat(directory.descriptor, entry.bytes, &status, 0) == 0,
                    status.st_mode & S_IFMT == S_IFREG
                else { continue }
                let (sum, overflow) = bytes.addingReportingOverflow(Int(status.st_size))
                bytes = overflow ? .max : sum
            }
        }
        try check(bytes)
    }

    /// When the plan is made, and the model mapped.
    static func check(memory: Int, threads: Int) throws(MemoryProbe) {
        let (sum, overflow) = memory.addingReportingOverflow(thread * (threads + otherThreads))
        try check(overflow ? .max : sum)
    }

    private static func check(_ bytes: Int) throws(MemoryProbe) {
        guard isLimited(RLIMIT_AS) || isLimited(RLIMIT_DATA) else { return }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        if start == MAP_FAILED { throw MemoryProbe(bytes: bytes) }
        munmap(start, bytes)
    }

    private static func isLimited(_ resource: __rlimit_resource) -> Bool {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0
            && Int(exactly: limit.rlim_cur) != nil
    }
}
