import CLinux
import Dispatch
import Glibc
import Manifests
import Pipeline
import Posix
import Spool
import Synchronization

/// The worker's side: `staded --worker <spool>/active/<id> --config <file> --parent <process>
/// --threads <n> --memory <bytes>`. Runs one job, says how far
/// it is in lines on standard output, and ends.
struct WorkerProgram {
    let directory: String
    let configurationFile: String
    /// The daemon that started it.
    let parent: pid_t?
    /// What the job may take where its manifest does not say.
    let share: Share
    /// Which of the job's submissions to Slurm it is; nil: the daemon has started it.
    let submission: Int?

    /// Seconds between two reports of progress within a block; on another node each is written to
    /// a file system that others share.
    private static let interval = 0.5
    private static let distantInterval = 5.0

    func run() -> ExitCode {
        if submission == nil {
            // Without its daemon nobody would know of the job's end, and the next daemon runs it
            // again.
            _ = stade_set_parent_death_signal(SIGKILL)
        }
        // It may have gone before that.
        if let parent, getppid() != parent { return .tryAgain }
        do {
            if let submission {
                guard try begin(submission) else { return .done }
            } else {
                try lockDirectory()
            }
            let outputs = try work()
            sayPeak()
            say(.done(outputs))
            return .done
        } catch is Stopped {
            sayPeak()
            say(.stopped)
            return .tryAgain
        } catch {
            sayPeak()
            let failure = error as? any Failure
            let code = failure?.exitCode ?? .software
            say(
                .failed(
                    reason: failure?.description ?? "\(error)", exitCode: code.rawValue,
                    memory: (error as? PlanError)?.memoryNeeded))
            return code
        }
    }

    private func work() throws -> [String] {
        let configuration = try Configuration.read(
            readFile(configurationFile, limit: 1 << 20), file: configurationFile)
        let spool = Spool(path: configuration.spool, inbox: configuration.inbox)
        let id = lastName(directory) ?? ""
        let record = try spool.record(id, .active)
        var manifest = try spool.manifest(record)
        manifest.limits.threads = manifest.limits.threads ?? share.threads
        manifest.limits.memory = manifest.limits.memory ?? share.memory
        // The daemon's business, which knows whether the job is to run again.
        manifest.limits.time = nil
        limitResources(
            Share(
                threads: manifest.limits.threads ?? share.threads,
                memory: manifest.limits.memory ?? share.memory))
        let roots = Roots(
            .below(read: configuration.roots.read, write: configuration.roots.write),
            submitter: Submitter(uid: record.uid))
        try Confinement(manifest, roots, directory: directory).apply()
        var job = Job(
            id: id, manifest: manifest,
            paths: roots,
            // What a node has, Slurm says.
            ceiling: submission == nil ? configuration.limits : Configuration().limits)
        job.keeper = .daemon
        job.warn = complain
        job.planned = { say(.planned(Share(threads: $1, memory: $0))) }
        job.warned = { complain($0) }
        job.resumption = try resumption(record, spool, configuration)
        let stop = try StopSignal([SIGTERM])
        let reporter = Reporter(submission == nil ? Self.interval : Self.distantInterval)
        return try job.run(
            progress: { progress in
                if reporter.isDue(progress) { self.say(.progress(progress)) }
            }, isStopped: { stop.isRaised })
    }

    /// Keeps others from working in the same directory as long as this process lives, which is why
    /// the descriptor is never closed.
    private func lockDirectory() throws(SystemError) {
        let descriptor = stade_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        if descriptor < 0 { throw SystemError("open", directory) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { throw SystemError("lock", directory) }
    }

    private func resumption(
        _ record: JobRecord, _ spool: Spool, _ configuration: Configuration
    ) throws(SystemError) -> Resumption {
        let snapshot = joined(directory, Layout.Job.snapshot)
        // Whatever else has that name is in the way, and nothing to go on from.
        if (try? File(snapshot, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)) == nil {
            try removeTree(snapshot)
            if mkdir(snapshot, 0o750) != 0 { throw SystemError("make the directory", snapshot) }
        }
        return Resumption(
            directory: snapshot, version: version, attempt: record.attemptName,
            interval: Double(configuration.snapshot.interval)
        ) { note in
            switch note {
            case .resumed(let block, let blocks):
                say(.resumed(JobRecord.Place(block: block, blocks: blocks)))
            case .kept(let block, let blocks):
                say(.kept(JobRecord.Place(block: block, blocks: blocks)))
            case .keeping: say(.keeping)
            case .refused, .failed:
                if let text = note.text { complain(text) }
            }
        }
    }

    /// - Parameter memory: what the plan keeps within, in bytes.
    private func limitResources(_ share: Share) {
        // If memory runs out, the job goes before the daemon does.
        if let file = try? File("/proc/self/oom_score_adj", O_WRONLY) {
            _ = Glibc.write(file.descriptor, "500", 3)
        }
        // Not RLIMIT_AS: models are mapped, and mapped files are not memory that they take.
        let bytes = rlim_t(share.addressCeiling)
        var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    }

    func say(_ event: WorkerEvent) {
        _ = writeAll(event.line, to: STDOUT_FILENO)
        // Other nodes see what has reached the file system.
        if submission != nil { fdatasync(STDOUT_FILENO) }
    }

    func complain(_ text: String) {
        Terminal.say(text)
        // There is no pipe that the daemon could read it from.
        if submission != nil { say(.message(text)) }
    }

    /// A daemon that started it knows by itself.
    private func sayPeak() { if submission != nil { say(.peak(peakResidentMemory())) } }

    /// Lets through what is new, and now and then what is not.
    private final class Reporter: Sendable {
        private let last = Mutex<(progress: Progress, time: Double)?>(nil)
        private let interval: Double

        /// - Parameter interval: in seconds.
        init(_ interval: Double) { self.interval = interval }

        func isDue(_ progress: Progress) -> Bool {
            let now = Clock.boot()
            return last.withLock { last in
                if let (before, time) = last, !progress.isNewStep(after: before),
                    now - time < interval
                {
                    return false
                }
                last = (progress, now)
                return true
            }
        }
    }
}
