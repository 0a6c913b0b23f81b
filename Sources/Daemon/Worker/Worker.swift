import Dispatch
import Glibc
import Pipeline
import Posix
import Spool

/// A job that runs, seen from the daemon. Everything happens on the daemon's queue.
final class Worker {
    /// Why the daemon ends a worker before it is done.
    enum Ending {
        /// The daemon itself stops; the job's turn comes again.
        case daemonStops
        case cancelled(uid: UInt32)
        /// The manifest's `limits.time`, in seconds.
        case timeLimit(Int)
    }

    /// What the daemon is told.
    enum News {
        case progress(Progress, previous: Progress?)
        /// A line from standard error.
        case message(String)
        case ended(ChildProcess.End)
    }

    let record: JobRecord
    /// On `Clock.boot`.
    let started = Clock.boot()
    /// Seconds; nil: none.
    let timeLimit: Int?
    private(set) var progress: Progress?
    /// The worker's own last word.
    private(set) var result: WorkerEvent?
    private(set) var ending: Ending?
    /// When the worker is killed if it has not gone by then, on `Clock.boot`.
    private var killTime: Double?

    private let process: ChildProcess
    private let handle = Handle()
    private let watch: PipeWatch
    private let pipes: Pipes
    private let report: (News) -> Void

    /// Messages to standard error that reach the journal; the job's log takes more.
    private static let maximumMessages = 1000
    /// Bytes that a job's log may grow to.
    private static let maximumLog = 1 << 20

    /// The pipes' readers, shared with the handlers of their sources.
    private final class Pipes {
        var output: LineReader
        var errors: LineReader
        var log: CInt
        var logged = 0
        var messages = 0

        init(_ process: ChildProcess, log: CInt) {
            output = LineReader(process.output)
            errors = LineReader(process.errors)
            self.log = log
        }

        deinit { if log >= 0 { close(log) } }
    }

    /// - Parameters:
    ///   - directory: `<spool>/active/<id>`.
    ///   - report: called on `queue`; after `ended` no more.
    init(
        _ record: JobRecord, _ command: WorkerCommand, directory: String, configuration: String,
        timeLimit: Int?, on queue: DispatchQueue, report: @escaping (News) -> Void
    ) throws(SystemError) {
        self.record = record
        self.timeLimit = timeLimit
        self.report = report
        let handle = handle
        process = try ChildProcess(
            command.executable,
            command.arguments + ["--worker", directory, "--config", configuration], on: queue
        ) { status in
            handle.worker?.finish(status)
        }
        let log = open(
            joined(directory, Spool.logFile), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        pipes = Pipes(process, log: log)
        if log >= 0 { pipes.logged = max(0, Int(lseek(log, 0, SEEK_END))) }
        do throws(SystemError) {
            watch = try PipeWatch([process.output, process.errors], on: queue) { descriptor in
                handle.worker?.read(descriptor) ?? false
            }
        } catch {
            process.signal(SIGKILL)
            throw error
        }
        handle.worker = self
    }

    /// Breaks the circle of the process that tells the worker and the worker that holds the process.
    private final class Handle: @unchecked Sendable {
        // Unchecked: used on the daemon's queue only.
        var worker: Worker?
    }

    /// Asks the worker to stop, and kills it if it has not gone after `grace` seconds. The first
    /// reason stands.
    func end(_ reason: Ending, grace: Double) {
        guard ending == nil else { return }
        ending = reason
        killTime = Clock.boot() + grace
        process.signal(SIGTERM)
    }

    /// Enforces the limits; to be called now and then.
    func check(now: Double, grace: Double) {
        if let timeLimit, now - started > Double(timeLimit) {
            end(.timeLimit(timeLimit), grace: grace)
        }
        if let killTime, now >= killTime { process.signal(SIGKILL) }
    }

    /// - Returns: false where that pipe is at its end.
    private func read(_ descriptor: CInt) -> Bool {
        read()
        return descriptor == pipes.output.descriptor
            ? !pipes.output.isAtEnd : !pipes.errors.isAtEnd
    }

    private func read() {
        for line in pipes.output.lines() {
            switch WorkerEvent(line: line) {
            case .progress(let progress):
                let previous = self.progress
                self.progress = progress
                report(.progress(progress, previous: previous))
            case let event?: result = event
            case nil: continue
            }
        }
        for line in pipes.errors.lines() {
            let text = String(decoding: line, as: UTF8.self)
            log(text)
            pipes.messages += 1
            if pipes.messages <= Self.maximumMessages { report(.message(text)) }
        }
    }

    private func log(_ text: String) {
        guard pipes.log >= 0, pipes.logged < Self.maximumLog else { return }
        let line = Array((escaped(text, limit: 4096) + "\n").utf8)
        pipes.logged += line.count
        _ = line.withUnsafeBytes { write(pipes.log, $0.baseAddress, $0.count) }
    }

    private func finish(_ end: ChildProcess.End) {
        read()
        watch.cancel()
        report(.ended(end))
        handle.worker = nil
    }
}
