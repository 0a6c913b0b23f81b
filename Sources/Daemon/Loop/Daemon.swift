import Dispatch
import Glibc
import Manifests
import Posix
import Spool

/// The spool's only writer: takes manifests from the inbox, runs each in a worker, and says what
/// happens.
///
/// Everything runs on one serial queue in turns (`Turns`): whoever comes from elsewhere, with an
/// event, a signal or a wish, is brought there first. What the daemon knows is in its rooms.
package final class Daemon: @unchecked Sendable {
    // Unchecked: after `init` all state belongs to the queue.

    /// What an administrator or a test decides about the program itself.
    package struct Options: Sendable {
        /// Read anew on reload.
        package var configurationFile: String
        package var worker = WorkerCommand.itself
        /// Seconds between SIGTERM and SIGKILL; a worker that is busy writing its snapshot gets
        /// more.
        package var grace = 30.0
        /// The control group below which workers get theirs; nil: what the service manager has
        /// delegated, if it has.
        package var controlGroup: String?
        /// Seconds between two looks at Slurm's list.
        package var slurmInterval = 5.0

        package init(configurationFile: String) { self.configurationFile = configurationFile }
    }

    let options: Options
    var configuration: Configuration
    let journal: Journal
    let turns = Turns()
    let jobs: JobLifecycle
    let workers: Workers
    var inbox: InboxWatcher
    var history: HistoryPruning
    var display: StatusDisplay
    /// Made when it is first used, for it tells this object.
    lazy var slurm = makeSlurmJobs()

    package init(_ configuration: Configuration, _ options: Options) {
        self.configuration = configuration
        self.options = options
        journal = Journal(configuration.log)
        jobs = JobLifecycle(configuration, journal)
        workers = Workers(options.worker, grace: options.grace)
        inbox = InboxWatcher(jobs.spool, journal)
        history = HistoryPruning(journal)
        display = StatusDisplay(metrics: Metrics(spool: jobs.spool))
    }

    /// Takes the spool, recovers what an earlier daemon left, looks into the inbox and reports
    /// readiness. The daemon then works until `stop`.
    /// - Parameter bytes: of the configuration file, as it was read; workers go by this copy until
    ///   the next reload.
    package func start(_ bytes: [UInt8]) throws {
        try turns.queue.sync {
            // Whoever reads standard error may go away.
            signal(SIGPIPE, SIG_IGN)
            try jobs.open()
            try keepConfiguration(bytes)
            takeControlGroups()
            try jobs.recover()
            followSlurmJobs()
            inbox.begin()
            turns.begin { [unowned self] in turn() }
            if turns.isStopping { return }
            journal.write(
                JournalEntry(
                    .notice,
                    "staded \(version) works on \(jobs.spool.path), inbox \(jobs.spool.inbox)",
                    .daemonStarted))
            if Landlock.version == 0 {
                journal.write(
                    JournalEntry(
                        .notice,
                        "this kernel has no Landlock: only the service's settings keep "
                            + "workers to their files"))
            }
            display.supervisor.ready(status.text)
        }
    }

    /// SIGTERM and SIGINT stop the daemon, SIGHUP reloads, until the process ends. Those that come
    /// while it starts wait until it has.
    package func handleSignals() throws(SystemError) {
        turns.listen(try ReceivedSignals([SIGTERM, SIGINT, SIGHUP])) { [unowned self] number in
            if number == SIGHUP { _ = readConfiguration() } else { beginStop() }
        }
    }

    /// Reads the configuration anew; a wrong one changes nothing. Not to be called on the queue.
    /// - Returns: what is wrong; nil where the new one holds.
    @discardableResult
    package func reload() -> String? {
        dispatchPrecondition(condition: .notOnQueue(turns.queue))
        return turns.queue.sync { readConfiguration() }
    }

    /// Ends workers, puts their jobs back into the queue and lets `wait` return.
    package func stop() { turns.queue.async { self.beginStop() } }

    /// Waits until the daemon has stopped.
    package func wait() -> ExitCode { turns.wait() }

    /// The copy of the configuration that workers read.
    var workerConfiguration: String { joined(jobs.spool.path, Layout.Spool.configuration) }

    private func keepConfiguration(_ bytes: [UInt8]) throws(SystemError) {
        try jobs.spool.put(bytes, workerConfiguration)
    }

    private func takeControlGroups() {
        guard let path = options.controlGroup ?? ControlGroups.delegated else { return }
        do throws(SystemError) {
            try workers.takeControlGroups(path)
        } catch {
            journal.write(
                JournalEntry(.warning, "\(error); workers get no control groups of their own"))
        }
    }

    /// `reload`, on the queue.
    func readConfiguration() -> String? {
        dispatchPrecondition(condition: .onQueue(turns.queue))
        display.supervisor.reloading()
        defer {
            turns.request()
            display.supervisor.ready(status.text)
        }
        do {
            let bytes = try readFile(options.configurationFile, limit: 1 << 20)
            var new = try Configuration.read(bytes, file: options.configurationFile)
            if new.spool != configuration.spool {
                journal.write(
                    JournalEntry(
                        .warning,
                        "the spool stays \(jobs.spool.path) until the daemon is restarted"))
                new.spool = jobs.spool.path
            }
            try keepConfiguration(bytes)
            let isElsewhere = new.inbox != configuration.inbox
            configuration = new
            jobs.follow(new)
            slurm.offered = new.slurm
            journal.setLevel(new.log)
            if isElsewhere { inbox.move(to: jobs.spool) }
            journal.write(JournalEntry(.notice, "the configuration was read anew", .reloaded))
            return nil
        } catch {
            let text = "\(error); the old configuration stays"
            journal.write(JournalEntry(.error, text, .reloadRefused))
            return text
        }
    }

    /// How the daemon is now.
    var status: DaemonStatus {
        var status = DaemonStatus()
        status.running = workers.running.values
            .sorted { JobRecord.precedes($0.record, $1.record) }
            .map {
                DaemonStatus.Running(
                    id: $0.record.id, name: $0.record.name, progress: $0.progress)
            }
        status.running += slurm.jobs.values
            .sorted { JobRecord.precedes($0.record, $1.record) }
            .map {
                DaemonStatus.Running(
                    id: $0.id, name: $0.record.name, progress: $0.progress,
                    isAtSlurm: true)
            }
        status.slurm = slurm.trouble
        status.queued = jobs.queue.queued.count
        status.deferred = jobs.queue.deferred.count
        status.waiting = inbox.board.manifests
        status.shortage = inbox.board.shortage
        status.trouble = jobs.trouble?.description ?? inbox.trouble
        status.isDrained = jobs.queue.isDrained
        status.isStopping = turns.isStopping
        status.events = journal.counts
        return status
    }
}
