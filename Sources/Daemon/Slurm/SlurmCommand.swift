import Dispatch
import Glibc
import Posix

/// Runs one of Slurm's programs: its path is absolute, its environment is made here, and it has a
/// time in which it must end.
struct SlurmCommand: Sendable {
    enum Result: Sendable, Hashable {
        /// The exit status, or 128 and the signal; what it wrote, cut to a bound.
        case ended(Int32, output: String, errors: String)
        case timedOut
        /// It could not be started.
        case failed(String)
    }

    let executable: String
    let arguments: [String]
    /// Seconds.
    let timeout: Double
    /// A descriptor that the program keeps open as long as it runs; nil: none.
    var keeping: CInt?

    private static let maximumOutput = 32 << 20

    /// What of the daemon's own environment is for Slurm and, by sbatch, for the worker.
    private static let passed = ["SLURM_CONF", "OPENBLAS_", "DNNL_", "ONEDNN_"]

    static func environment(_ own: [String]) -> [String] {
        let fixed = ["PATH=/usr/bin:/bin", "LC_ALL=C", "SWIFT_BACKTRACE=enable=no"]
        let kept = own.filter { entry in passed.contains { entry.hasPrefix($0) } }
        let threads = "OPENBLAS_NUM_THREADS="
        return fixed + kept + (kept.contains { $0.hasPrefix(threads) } ? [] : [threads + "1"])
    }

    /// To be called where waiting harms nobody.
    func run() -> Result {
        let ended = Handover<ChildProcess.End>()
        let queue = DispatchQueue(label: "slurm.command")
        let process: ChildProcess
        do throws(SystemError) {
            process = try ChildProcess(
                executable, arguments, environment: Self.environment(ChildProcess.environment()),
                keeping: keeping, on: queue
            ) { ended.set($0) }
        } catch {
            return .failed(error.description)
        }
        defer { for descriptor in [process.output, process.errors] { close(descriptor) } }
        let deadline = ContinuousClock.now + .seconds(timeout)
        var readers = [BoundedReader(process.output), BoundedReader(process.errors)]
        var isInTime = true
        while readers.contains(where: { !$0.isAtEnd }) {
            guard ContinuousClock.now < deadline else {
                isInTime = false
                break
            }
            var polls = readers.filter { !$0.isAtEnd }
                .map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            _ = poll(&polls, nfds_t(polls.count), 100)
            for index in readers.indices { readers[index].read(limit: Self.maximumOutput) }
        }
        if !isInTime { process.signal(SIGKILL) }
        let end = ended.wait()
        guard isInTime else { return .timedOut }
        return .ended(
            end.signal.map { 128 + $0 } ?? end.exitCode, output: readers[0].text,
            errors: readers[1].text)
    }

    /// Reads a pipe without waiting; what is beyond the limit is read and thrown away.
    private struct BoundedReader {
        let descriptor: CInt
        private var bytes: [UInt8] = []
        private(set) var isAtEnd = false

        init(_ descriptor: CInt) {
            self.descriptor = descriptor
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }

        var text: String { String(decoding: bytes, as: UTF8.self) }

        mutating func read(limit: Int) {
            if isAtEnd { return }
            var chunk = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = Glibc.read(descriptor, &chunk, chunk.count)
                if count < 0 && errno == EINTR { continue }
                if count == 0 || (count < 0 && errno != EAGAIN) { isAtEnd = true }
                if count <= 0 { return }
                bytes += chunk[..<min(count, max(0, limit - bytes.count))]
            }
        }
    }
}
