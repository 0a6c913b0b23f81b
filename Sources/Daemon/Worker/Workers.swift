import Dispatch
import Posix
import Spool

/// The workers that run, and those that have gone and whose jobs are still to be settled.
///
/// Belongs to the daemon's queue.
final class Workers {
    private(set) var running: [String: Worker] = [:]
    private var ended = EndedAttempts()
    /// When each running job's progress was last shown.
    private var lastNews: [String: Double] = [:]
    private var groups: ControlGroups?
    private let command: WorkerCommand
    /// Seconds between SIGTERM and SIGKILL.
    let grace: Double

    init(_ command: WorkerCommand, grace: Double) {
        self.command = command
        self.grace = grace
    }

    /// Makes control groups for workers from now on: without them they are still bound by their own
    /// limits.
    func takeControlGroups(_ path: String) throws(SystemError) {
        groups = try ControlGroups(path)
    }

    /// What they take together.
    var taken: [Share] { running.values.map(\.share) }

    /// How many run of each user.
    var counts: [UInt32: Int] {
        Dictionary(grouping: running.values, by: \.record.uid).mapValues(\.count)
    }

    var areGone: Bool { running.isEmpty }

    /// Nobody's job is still to be settled.
    var areSettled: Bool { ended.isEmpty }

    /// - Parameters:
    ///   - directory: the job's.
    ///   - configuration: the file that it reads.
    ///   - report: called on `queue`; `ended` comes when the worker is among the ended ones.
    func start(
        _ record: JobRecord, _ share: Share, timeLimit: Int?, directory: String,
        configuration: String, on queue: DispatchQueue,
        report: @escaping (Worker, Worker.News) -> Void
    ) throws(SystemError) {
        running[record.id] = try Worker(
            record, command, directory: directory, configuration: configuration,
            timeLimit: timeLimit, share: share, groups: groups, on: queue
        ) { [unowned self] news in
            guard let worker = running[record.id] else { return }
            if case .ended(let attempt) = news {
                running[record.id] = nil
                lastNews[record.id] = nil
                ended.add(attempt)
            }
            report(worker, news)
        }
    }

    func settleEnded(_ settle: (Attempt) throws(SystemError) -> Void) throws(SystemError) {
        try ended.settle(settle)
    }

    /// Enforces their limits; to be called now and then.
    func check(_ now: Double = Clock.boot()) {
        for worker in running.values { worker.check(now: now, grace: grace) }
    }

    func end(_ id: String, _ reason: Worker.Ending) { running[id]?.end(reason, grace: grace) }

    func endAll(_ reason: Worker.Ending) {
        for worker in running.values { worker.end(reason, grace: grace) }
    }

    /// Whether it is time to show a job's progress again: once a second.
    func isDue(_ id: String, _ now: Double = Clock.boot()) -> Bool {
        guard now - lastNews[id, default: 0] >= 1 else { return false }
        lastNews[id] = now
        return true
    }
}
