import Dispatch
import Glibc
import Pipeline
import Posix
import Spool

/// A job that runs, seen from the daemon. Everything happens on the daemon's queue.
final class Worker {
    /// Why the daemon ends a worker before it is done.
    enum Ending: Sendable, Hashable {
        /// The daemon itself stops; the job's turn comes again.
        case daemonStops
        case cancelled(uid: UInt32)
        /// Its owner wants it back before it has started.
        case held(uid: UInt32)
        /// The manifest's `limits.time`, in seconds.
        case timeLimit(Int)
    }

    /// What the daemon is told.
    enum News {
        case progress(Progress, previous: Progress?)
        /// It takes less than was set aside.
        case planned
        /// `record.resumed` says where it goes on.
        case resumed
        /// Its last snapshot takes time.
        case keeping
        /// A line from standard error.
        case message(String)
        case ended(Attempt)
    }

    private(set) var record: JobRecord
    /// On `Clock.boot`.
    let started = Clock.boot()
    /// Seconds; nil: none.
    let timeLimit: Int?
    private(set) var progress: Progress?
    /// What is set aside for it.
    private(set) var share: Share
    /// It wrote a snapshot.
    private var hasKept = false
    /// The worker's own last word.
    private var result: WorkerEvent?
    private var ending: Ending?
    /// When the worker is killed if it has not gone by then, on `Clock.boot`.
    private var killTime: Double?
    /// However long it is busy with its snapshot.
    private var lastKillTime = Double.infinity
    private let leaf: ControlGroup?

    let process: ChildProcess
    private let handle = Handle()
    private let watch: PipeWatch
    private let pipes: Pipes
    private let report: (News) -> Void

    /// Messages to standard error that reach the journal; the job's log takes more.
    private static let maximumMessages = 1000
    /// Bytes that a job's log may grow to.
    private static let maximumLog = 1 << 20
    /// Seconds that a worker may take for its last snapshot.
    private static let maximumGrace = 900.0

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
    ///   - share: what the job may take.
    ///   - groups: where its control group is made; nil: there are none.
    ///   - report: called on `queue`; after `ended` no more.
    init(
        _ record: JobRecord, _ command: WorkerCommand, directory: String, configuration: String,
        timeLimit: Int?, share: Share, groups: ControlGroups?, on queue: DispatchQueue,
        report: @escaping (News) -> Void
    ) throws(SystemError) {
        self.record = record
        self.timeLimit = timeLimit
        self.report = report
        self.share = share
        let handle = handle
        let words = [
            "--worker", directory, "--config", configuration, "--parent", "\(getpid())",
            "--threads", "\(share.threads)", "--memory", "\(share.memory)",
        ]
        process = try ChildProcess(
            command.executable, command.arguments + words, on: queue
        ) { status in
            handle.worker?.finish(status)
        }
        leaf = Self.makeLeaf(record.id, share, groups, process.identifier)
        // Never waits, whatever lies there: the daemon has nothing else to do this.
        let log = open(
            joined(directory, Layout.Job.log),
            O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o640)
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

    /// Breaks the circle of the process that tells the worker and the worker that holds the
    /// process.
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
        lastKillTime = Clock.boot() + max(grace, Self.maximumGrace)
        process.signal(SIGTERM)
    }

    /// Enforces the limits; to be called now and then.
    func check(now: Double, grace: Double) {
        if let timeLimit, now - started > Double(timeLimit) {
            end(.timeLimit(timeLimit), grace: grace)
        }
        if let killTime, now >= killTime { process.signal(SIGKILL) }
    }

    /// Gives it as long again as `end` did, for it is writing its snapshot; not for ever.
    func extend(grace: Double) {
        if killTime != nil { killTime = min(Clock.boot() + grace, lastKillTime) }
    }

    /// Without a leaf the worker's own limits must do.
    private static func makeLeaf(
        _ id: String, _ share: Share, _ groups: ControlGroups?, _ process: pid_t
    ) -> ControlGroup? {
        guard
            let leaf = try? groups?.leaf(
                id, memory: share.memoryCeiling, threads: share.threads)
        else { return nil }
        do throws(SystemError) {
            try leaf.add(process)
            return leaf
        } catch {
            leaf.remove()
            return nil
        }
    }

    private func take(_ event: WorkerEvent) {
        switch event {
        case .progress(let progress):
            let previous = self.progress
            self.progress = progress
            report(.progress(progress, previous: previous))
        case .planned(let plan):
            // Never more than was promised, whatever it says.
            share.threads = min(share.threads, plan.threads)
            share.memory = min(share.memory, plan.memory)
            leaf?.limit(memory: share.memoryCeiling)
            report(.planned)
        case .resumed(let place):
            record.resumed = place
            report(.resumed)
        case .kept: hasKept = true
        case .keeping: report(.keeping)
        case .done, .failed, .stopped: result = event
        // Said where there are no pipes.
        case .started, .message, .peak: break
        }
    }

    /// - Returns: false where that pipe is at its end.
    private func read(_ descriptor: CInt) -> Bool {
        read()
        return descriptor == pipes.output.descriptor
            ? !pipes.output.isAtEnd : !pipes.errors.isAtEnd
    }

    private func read() {
        for line in pipes.output.lines() {
            if let event = WorkerEvent(line: line) { take(event) }
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
        let kills = leaf?.outOfMemoryKills ?? 0
        record.peakMemory = max(record.peakMemory ?? 0, leaf?.peakMemory ?? 0, end.peakMemory)
        leaf?.remove()
        report(
            .ended(
                Attempt(
                    record: record, share: share, ending: ending, result: result,
                    progress: progress, hasKept: hasKept, outOfMemoryKills: kills, end: end)))
        handle.worker = nil
    }
}
