import Manifests
import Posix
import Spool

/// Which job runs when: by priority, then by turns of the users, then by age, as long as the
/// machine's share lasts.
extension JobQueue {
    /// What a job asks for; nil where neither it nor its manifest says so.
    struct Demand: Sendable {
        var threads: Int?
        /// In bytes.
        var memory: Int?
        /// Seconds that an attempt may take.
        var time: Int?
        /// Why it may not run at all.
        var objection: String?
    }

    /// What is to be done next.
    enum Turn: Sendable, Hashable {
        /// - Parameter time: seconds that it may take; nil: as long as it likes.
        case start(JobRecord, Share, time: Int?)
        case refuse(JobRecord, because: String)
    }

    /// What all running jobs may take together.
    var machine: Share {
        Share(
            // Who wants more jobs than processors gets them.
            threads: limits.threads ?? max(availableProcessors, limits.jobs),
            memory: limits.memory ?? physicalMemory)
    }

    /// The job whose turn it is, where there is room for it. No other one goes first where there is
    /// none: a large job would wait for ever. The jobs of one executor take no turns of another's.
    ///
    /// - Parameters:
    ///   - executor: whose jobs are looked at, and are counted in `running`.
    ///   - free: what the running jobs leave of `machine`.
    ///   - running: how many jobs of each user run.
    ///   - demand: asked for one job.
    func next(
        on executor: Executor = .local, free: Share, running: [UInt32: Int],
        _ demand: (JobRecord) -> Demand
    ) -> Turn? {
        let count = running.values.reduce(0, +)
        // Where there is no such place any more, that is an objection.
        let places = executor == .local ? limits.jobs : slurm?.nodes ?? 1
        guard !isDrained, count < places, let record = first(executor, running) else { return nil }
        let demand = demand(record)
        if let objection = demand.objection { return .refuse(record, because: objection) }
        let share = share(of: record, demand)
        // Slurm knows what its nodes have.
        guard executor == .slurm || count == 0 || share.fits(in: free) else { return nil }
        return .start(record, share, time: demand.time)
    }

    /// Of the jobs of highest priority that may run, the oldest one of the user who has fewest
    /// running and, among those, whose turn was longest ago. A user who has as many running as one
    /// may have keeps nobody else waiting.
    private func first(_ executor: Executor, _ running: [UInt32: Int]) -> JobRecord? {
        let limit = limits.jobsPerUser ?? .max
        var seen: Set<UInt32> = []
        var best: (record: JobRecord, running: Int, turn: Int)?
        for record in queued where record.executor == executor {
            if let best, record.priority != best.record.priority { break }
            // A user's first one that comes here is the oldest of the highest priority.
            guard seen.insert(record.uid).inserted else { continue }
            let count = running[record.uid, default: 0]
            if count >= limit { continue }
            let turn = lastStarts[record.uid] ?? 0
            if let best, (best.running, best.turn) <= (count, turn) { continue }
            best = (record, count, turn)
        }
        return best?.record
    }

    /// What a job asks for; where it does not say, as much as leaves room for `limits.jobs` of its
    /// kind. A worker whose plan needs less gives the rest back, one that needs more says so.
    func share(of record: JobRecord, _ demand: Demand) -> Share {
        if record.executor == .slurm {
            let slurm = slurm ?? Configuration.Slurm()
            return Share(
                threads: demand.threads ?? slurm.threads,
                memory: demand.memory ?? record.memoryNeeded ?? slurm.memory)
        }
        let machine = machine
        return Share(
            threads: demand.threads ?? max(1, machine.threads / limits.jobs),
            memory: demand.memory ?? record.memoryNeeded ?? max(1, machine.memory / limits.jobs))
    }
}
