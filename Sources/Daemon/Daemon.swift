import Dispatch
import Glibc
import Manifests
import Posix
import Spool

/// The spool's only writer: takes manifests from the inbox, runs each in a worker, and says what
/// happens.
///
/// Everything runs on one serial queue in turns (`Daemon+Turn.swift`); events, signals and timers
/// only ask for the next turn.
package final class Daemon: @unchecked Sendable {
    // Unchecked: after `start` all state belongs to `queue`.

    /// What an administrator or a test decides about the program itself.
    package struct Options: Sendable {
        /// Read anew on reload.
        package var configurationFile: String
        package var worker = WorkerCommand.itself
        /// Seconds between SIGTERM and SIGKILL; a worker that is busy writing its checkpoint gets
        /// more.
        package var grace = 30.0
        /// The control group below which workers get theirs; nil: what the service manager has
        /// delegated, if it has.
        package var controlGroup: String?

        package init(configurationFile: String) { self.configurationFile = configurationFile }
    }

    /// A job that waits for better times.
    struct Deferral {
        let record: JobRecord
        /// On `Clock.boot`.
        let due: Double
    }

    let options: Options
    let queue = DispatchQueue(label: "daemon")
    let journal: Journal
    let supervisor = Supervisor()
    var configuration: Configuration
    var spool: Spool
    var inbox: Inbox
    var watch: InboxWatch?
    /// What is wrong with the inbox or its watch at present; nil: nothing.
    var inboxTrouble: String?
    /// The same for the spool.
    var spoolTrouble: SystemError?
    var lock: File?
    /// In the order in which they run.
    var queued: [JobRecord] = []
    var deferred: [Deferral] = []
    /// How many jobs of each user are held.
    var held: [UInt32: Int] = [:]
    /// What stays in the inbox for now, and why in words where nobody's manifests are taken.
    var waiting: [WaitingManifests] = []
    var shortage: String?
    /// What was written of it last, and when, on `Clock.boot`.
    var shownWaiting: [WaitingManifests] = []
    var shownShortage: String?
    var lastShown = -Double.infinity
    /// When it was last said or seen, on `Clock.boot`.
    var lastShortage = -Double.infinity
    var lastWaits: [UInt32: Double] = [:]
    var answers = Answers()
    var quota = JournalQuota()
    var running: [String: Worker] = [:]
    /// When each user's job was last started, counted in starts.
    var lastStarts: [UInt32: Int] = [:]
    var starts = 0
    /// Since when the inbox has had more than one look takes, on `Clock.boot`; nil: it has not.
    var floodedSince: Double?
    var controlGroups: ControlGroups?
    /// Workers that have gone, whose jobs are still to be moved to where they belong.
    var ended: [(worker: Worker, end: ChildProcess.End)] = []
    /// When each running job last said something, for the journal and `progress.json`.
    var lastNews: [String: Double] = [:]
    var timer: (any DispatchSourceTimer)?
    private var signals: (any DispatchSourceRead)?
    var isTurnDue = false
    var isStopping = false
    /// No job is started: `stadectl drain`.
    var isDrained = false
    var metrics: Metrics
    /// Why the daemon stops by itself.
    var failure: ExitCode?
    let historyKeeper = HistoryKeeper()
    /// What is still to be taken out of the history.
    var excess = FinishedJobs.Excess()
    /// On `Clock.boot`.
    var lastLook = 0.0
    /// Seconds.
    var lookInterval = 0.0
    var isLooking = false
    /// Jobs that had ended by then, since the start.
    var endedAtLook = 0
    /// Strange names among the finished jobs, each told of once.
    var toldOthers: Set<String> = []
    private(set) var lastSignOfLife = 0.0
    let cleaner = Cleaner()
    private let exit = Handover<ExitCode>()

    package init(_ configuration: Configuration, _ options: Options) {
        self.configuration = configuration
        self.options = options
        spool = Spool(path: configuration.spool, inbox: configuration.inbox)
        inbox = Inbox(spool)
        metrics = Metrics(spool: spool)
        journal = Journal(configuration.log)
    }

    /// Takes the spool, recovers what an earlier daemon left, looks into the inbox and reports
    /// readiness. The daemon then works until `stop`.
    /// - Parameter bytes: of the configuration file, as it was read; workers go by this copy until
    ///   the next reload.
    package func start(_ bytes: [UInt8]) throws {
        try queue.sync {
            // Whoever reads standard error may go away.
            signal(SIGPIPE, SIG_IGN)
            try spool.create()
            lock = try spool.lock()
            try keepConfiguration(bytes)
            takeControlGroups()
            try recover()
            cleanUpFinished()
            isDrained = spool.isDrained
            answers = Answers(spool.answers)
            spool.setWaiting(Spool.Waiting())
            let timer = DispatchSource.makeTimerSource(queue: queue)
            timer.setEventHandler { [unowned self] in self.turn() }
            self.timer = timer
            timer.schedule(deadline: .now() + 1)
            timer.resume()
            turn()
            if isStopping { return }
            journal.write(
                JournalEntry(
                    .notice, "staded \(version) works on \(spool.path), inbox \(spool.inbox)",
                    .daemonStarted))
            if Landlock.version == 0 {
                journal.write(
                    JournalEntry(
                        .notice,
                        "this kernel has no Landlock: only the service's settings keep "
                            + "workers to their files"))
            }
            supervisor.ready(status)
        }
    }

    /// Waits until the daemon has stopped.
    package func wait() -> ExitCode { exit.wait() }

    /// SIGTERM and SIGINT stop the daemon, SIGHUP reloads, until the process ends. Those that come
    /// while it starts wait until it has.
    package func handleSignals() throws(SystemError) {
        let received = try ReceivedSignals([SIGTERM, SIGINT, SIGHUP])
        let source = DispatchSource.makeReadSource(
            fileDescriptor: received.descriptor, queue: queue)
        source.setEventHandler { [unowned self] in
            for number in received.take() {
                if number == SIGHUP { self.reload() } else { self.beginStop() }
            }
        }
        source.resume()
        signals = source
    }

    /// Ends workers, puts their jobs back into the queue and lets `wait` return.
    package func stop() { queue.async { self.beginStop() } }

    /// The copy of the configuration that workers read.
    var workerConfiguration: String { joined(spool.path, Layout.Spool.configuration) }

    func keepConfiguration(_ bytes: [UInt8]) throws(SystemError) {
        try spool.put(bytes, workerConfiguration)
    }

    /// Asks for a turn soon; many askers get one.
    func requestTurn() {
        if isTurnDue { return }
        isTurnDue = true
        queue.async { self.turn() }
    }

    /// Tells the manager that the scheduler got through a turn: a sign of life that a bare timer
    /// would give even where nothing moves any more.
    func showLife() {
        guard let watchdog = supervisor.watchdog else { return }
        let now = Clock.boot()
        if now - lastSignOfLife >= watchdog / 4 {
            lastSignOfLife = now
            supervisor.isAlive()
        }
    }

    /// Lets `wait` return. No turn comes after this.
    func leave(_ code: ExitCode) {
        timer?.cancel()
        timer = nil
        watch = nil
        metrics.write(self, isLast: true)
        spool.setWaiting(Spool.Waiting())
        lock = nil
        cleaner.finish(within: 2)
        journal.write(JournalEntry(.notice, "staded has stopped", .daemonStopped))
        journal.flush()
        exit.set(code)
    }
}
