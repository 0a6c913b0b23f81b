import Daemon
import Posix
import Documents

extension Run {
    /// The job that the settings ask for, by every method in every precision.
    func measureJobs() throws {
        for method in settings.methods {
            var jobs: [(job: PruneJob, contender: Contender)] = []
            for precision in settings.precisions {
                var job = PruneJob(settings)
                job.method = method
                job.precision = precision
                jobs.append((job, job.contender(precision, in: scratch)))
            }
            try Contender.takeTurns(jobs.map(\.contender), rounds: settings.runs)
            for (job, contender) in jobs { record(job, contender) }
        }
    }

    private func record(_ job: PruneJob, _ contender: Contender) {
        record(
            "job", job.conditions, threads: job.threads, contender.timing.best, .seconds,
            spread: contender.timing.spread)
        recordRate("job, arithmetic", job, contender)
        let planned = contender.resources?.plannedMemory
        record(
            "job, peak memory", job.conditions, threads: job.threads,
            Double(contender.peakMemory), .bytes,
            note: planned.map { planned in
                let share = decimal(Double(contender.peakMemory) / Double(planned) * 100, 0)
                return "\(share) % of the planned \(size(planned))"
            })
    }

    /// The arithmetic of a job over the time of its process.
    func recordRate(_ name: String, _ job: PruneJob, _ contender: Contender) {
        guard let rate = contender.flopsPerSecond else { return }
        record(
            name, job.conditions, threads: job.threads, rate, .flops, ceiling: contender.ceiling)
    }
}
