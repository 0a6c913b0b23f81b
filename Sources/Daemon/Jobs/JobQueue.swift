import Manifests
import Spool

/// The jobs that wait. A value that knows neither files nor processes: what it says follows from
/// what it was told.
struct JobQueue: Sendable {
    /// In the order in which they run, but for the turns of the users: see `next`.
    private(set) var queued: [JobRecord] = []
    private(set) var deferred: [Deferral] = []
    /// How many jobs of each user are held.
    private var held: [UInt32: Int] = [:]
    /// When each user's job was last started, counted in starts.
    private(set) var lastStarts: [UInt32: Int] = [:]
    private var starts = 0
    /// No job is started: `stadectl drain`.
    var isDrained = false
    var limits: Configuration.Limits {
        didSet { queued = queued.map(bounded).sorted(by: JobRecord.precedes) }
    }

    /// What jobs with `executor: slurm` get; nil: there is no such place.
    var slurm: Configuration.Slurm?

    init(_ limits: Configuration.Limits, _ slurm: Configuration.Slurm? = nil) {
        self.limits = limits
        self.slurm = slurm
    }

    /// Takes in a job by the state that it is in. One that runs or has ended does not wait.
    /// - Parameter due: when a deferred one is tried again, on `Clock.boot`.
    mutating func add(_ record: JobRecord, due: Double = 0) {
        switch record.state {
        case .queued:
            let record = bounded(record)
            queued.insert(record, at: place(of: record))
        case .deferred: deferred.append(Deferral(record: record, due: due))
        case .held: held[record.uid, default: 0] += 1
        case .active, .done, .failed: break
        }
    }

    /// Takes in many at once.
    mutating func add(queued records: [JobRecord]) {
        queued = (queued + records.map(bounded)).sorted(by: JobRecord.precedes)
    }

    mutating func add(heldOf uid: UInt32) { held[uid, default: 0] += 1 }

    /// Forgets a job that leaves its state.
    mutating func remove(_ record: JobRecord) {
        switch record.state {
        case .queued: queued.removeAll { $0.id == record.id }
        case .deferred: deferred.removeAll { $0.record.id == record.id }
        case .held:
            let count = held[record.uid, default: 0] - 1
            held[record.uid] = count > 0 ? count : nil
        case .active, .done, .failed: break
        }
    }

    /// Notes that a user's job was started: the next turn is another's.
    mutating func noteStart(of uid: UInt32) {
        starts += 1
        lastStarts[uid] = starts
    }

    /// Deferred jobs whose time has come.
    func due(_ now: Double) -> [JobRecord] { deferred.filter { $0.due <= now }.map(\.record) }

    /// When the next deferred job is due, on `Clock.boot`.
    var nextDue: Double? { deferred.map(\.due).min() }

    /// How many jobs of a user wait: queued, put off, held.
    func waiting(of uid: UInt32) -> Int {
        queued.count { $0.uid == uid } + deferred.count { $0.record.uid == uid }
            + held[uid, default: 0]
    }

    /// How many further jobs a user may have waiting.
    func room(for uid: UInt32) -> Int { limits.waitingPerUser - waiting(of: uid) }

    /// With no higher priority than its owner may have now.
    private func bounded(_ record: JobRecord) -> JobRecord {
        guard let limit = limits.priorityMax, record.uid != 0 else { return record }
        var record = record
        record.priority = min(record.priority, limit)
        return record
    }

    /// Where it belongs among those that wait.
    private func place(of record: JobRecord) -> Int {
        var (low, high) = (0, queued.count)
        while low < high {
            let middle = (low + high) / 2
            if JobRecord.precedes(record, queued[middle]) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
