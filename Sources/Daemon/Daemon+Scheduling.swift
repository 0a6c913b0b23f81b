import Glibc
import Manifests
import Posix
import Spool

/// Which job runs when: by priority, then by turns of the users, then by age, as long as the
/// machine's share lasts.
extension Daemon {
    /// Seconds for which a flood of manifests may keep jobs from being started: what matters most
    /// may be the last one of it.
    private static let floodPatience = 2.0

    /// What all running jobs may take together.
    var machine: Share {
        Share(
            // Who wants more jobs than processors gets them.
            threads: configuration.limits.threads
                ?? max(availableProcessors, configuration.limits.jobs),
            memory: configuration.limits.memory ?? physicalMemory)
    }

    /// What is not set aside for a job.
    private var free: Share { running.values.reduce(machine) { $0 - $1.share } }

    func startJobs() throws(SystemError) {
        if let floodedSince, Clock.boot() - floodedSince < Self.floodPatience { return }
        while running.count < configuration.limits.jobs, let index = nextIndex() {
            if let objection = objection(to: queued[index]) {
                try fail(queued.remove(at: index), objection, .notPermitted)
                continue
            }
            let manifest = try? spool.manifest(queued[index])
            let share = share(of: queued[index], manifest)
            // No other one goes first: a large job would wait for ever.
            guard running.isEmpty || share.fits(in: free) else { return }
            // Removed before it is tried: where the start fails it comes back by itself.
            try start(
                queued.remove(at: index), share,
                timeLimit: configuration.limits.timeLimit(of: manifest))
        }
    }

    /// With no higher priority than its owner may have now.
    func bounded(_ record: JobRecord) -> JobRecord {
        guard let limit = configuration.limits.priorityMax, record.uid != 0 else { return record }
        var record = record
        record.priority = min(record.priority, limit)
        return record
    }

    /// Of the jobs of highest priority that may run, the oldest one of the user who has fewest
    /// running and, among those, whose turn was longest ago. A user who has as many running as one
    /// may have keeps nobody else waiting.
    private func nextIndex() -> Int? {
        let limit = configuration.limits.jobsPerUser ?? .max
        let counts = Dictionary(grouping: running.values, by: \.record.uid).mapValues(\.count)
        var seen: Set<UInt32> = []
        var best: (index: Int, running: Int, turn: Int)?
        for (index, record) in queued.enumerated() {
            if let best, record.priority != queued[best.index].priority { break }
            // A user's first one that comes here is the oldest of the highest priority.
            guard seen.insert(record.uid).inserted else { continue }
            let count = counts[record.uid, default: 0]
            if count >= limit { continue }
            let turn = lastStarts[record.uid] ?? 0
            if let best, (best.running, best.turn) <= (count, turn) { continue }
            best = (index, count, turn)
        }
        return best?.index
    }

    /// Why a job may not run at all: one that came in as the daemon's own, before inboxes to which
    /// others may write gave its account no rights.
    private func objection(to record: JobRecord) -> String? {
        guard record.uid == geteuid(), record.uid != 0, inbox.isPrivate == false else { return nil }
        return "its manifest belonged to the daemon's own account, which has no rights in an inbox "
            + "that others may write to; submit it as the user whose job it is"
    }

    /// What a job asks for; where it does not say, as much as leaves room for `limits.jobs` of its
    /// kind. A worker whose plan needs less gives the rest back, one that needs more says so.
    private func share(of record: JobRecord, _ manifest: Manifest?) -> Share {
        let jobs = configuration.limits.jobs
        return Share(
            threads: manifest?.limits.threads ?? max(1, machine.threads / jobs),
            memory: manifest?.limits.memory ?? record.memoryNeeded ?? max(1, machine.memory / jobs))
    }

    private func start(
        _ queued: JobRecord, _ share: Share, timeLimit: Int?
    ) throws(SystemError) {
        var record = queued
        record.attempts += 1
        record.resumed = nil
        record.reason = nil
        record.exitCode = nil
        record.retryAfter = nil
        do throws(SystemError) {
            record = try spool.move(record, to: .active)
        } catch {
            insert(queued)
            throw error
        }
        let directory = spool.directory(record.id, .active)
        try? spool.clearWay(to: joined(directory, Layout.Job.log))
        let worker: Worker
        do throws(SystemError) {
            worker = try Worker(
                record, options.worker, directory: directory, configuration: workerConfiguration,
                timeLimit: timeLimit, share: share, groups: controlGroups, on: queue
            ) { [unowned self] news in self.take(news, from: record.id) }
        } catch {
            // No process, no memory, no descriptor: the job has nothing to do with it.
            record.attempts -= 1
            record.reason = error.description
            insert(try spool.move(record, to: .queued))
            throw SystemError(error.call, error.path, errno: EAGAIN)
        }
        running[record.id] = worker
        starts += 1
        lastStarts[record.uid] = starts
        journal.write(
            JournalEntry(
                .info, "\(record.name) has started, attempt \(record.attempts)", .jobStarted,
                about: record))
    }
}
