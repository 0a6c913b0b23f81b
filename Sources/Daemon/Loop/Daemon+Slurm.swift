import Dispatch
import Glibc
import Manifests
import Pipeline
import Posix
import Spool

extension Daemon {
    func makeSlurmJobs() -> SlurmJobs {
        // A program of this process's own cannot be run elsewhere: it goes by its path.
        let command =
            options.worker.executable == WorkerCommand.itself.executable ? nil : options.worker
        return SlurmJobs(
            configuration.slurm, command, configurationFile: workerConfiguration,
            interval: options.slurmInterval, on: turns.queue,
            keep: { [unowned self] record throws(SystemError) in try jobs.spool.update(record) },
            report: { [unowned self] record, news in take(news, record) })
    }

    /// Hands over the jobs whose turn it is at Slurm, as long as there are nodes for them and Slurm
    /// answers.
    func startSlurmJobs() throws(SystemError) {
        while slurm.trouble == nil,
            let turn = jobs.queue.next(
                on: .slurm, free: jobs.queue.machine, running: slurm.counts, { demand(of: $0) })
        {
            switch turn {
            case .refuse(let record, let why): try jobs.take(.fail(record, why, .configuration))
            case .start(let record, let share, let time):
                try jobs.start(record) { record throws(SystemError) in
                    let directory = jobs.spool.directory(record.id, .active)
                    try? jobs.spool.clearWay(to: joined(directory, Layout.Job.log))
                    slurm.start(record, share, time: slurmTime(time), directory: directory)
                }
            }
        }
    }

    /// Goes on with what an earlier daemon has handed over.
    func followSlurmJobs() {
        if !jobs.away.isEmpty, configuration.slurm == nil {
            journal.write(
                JournalEntry(
                    .warning,
                    "\(jobs.away.count) jobs are at Slurm, though the configuration has no "
                        + "executor.slurm; they are followed to their ends"))
        }
        for record in jobs.away {
            let demand = demand(of: record)
            slurm.follow(
                record, jobs.queue.share(of: record, demand), time: slurmTime(demand.time),
                directory: jobs.spool.directory(record.id, .active))
        }
    }

    /// The shorter one of what a job may take and what Slurm's limit is to be.
    private func slurmTime(_ time: Int?) -> Int? {
        [time, configuration.slurm?.time].compactMap { $0 }.min()
    }

    private func take(_ news: SlurmJobs.News, _ record: JobRecord?) {
        dispatchPrecondition(condition: .onQueue(turns.queue))
        switch news {
        case .trouble(let text): tellOfSlurm(text)
        case .stray(let number):
            journal.write(
                JournalEntry(
                    .warning,
                    "Slurm's job \(number) is an earlier submission of a job that it has again; "
                        + "it is cancelled"))
        case .handed:
            say(record, .info, "is Slurm's job \(record?.submission?.number ?? 0)")
        case .runs:
            if let record { try? jobs.spool.update(record) }
            let node = record.flatMap { slurm.jobs[$0.id]?.node } ?? "?"
            say(record, .info, "runs on the node \(node)")
        case .worker(let event, let previous):
            if let record { take(event, previous, record) }
        case .ended(let attempt):
            unlink(joined(jobs.spool.directory(attempt.record.id, .active), Layout.Job.progress))
            turns.request()
        }
    }

    private func take(_ event: WorkerEvent, _ previous: Progress?, _ record: JobRecord) {
        switch event {
        case .progress(let progress):
            show(progress, of: record)
            tell(progress, previous, of: record)
        case .resumed: jobs.noteResumption(record)
        case .message(let text): say(record, .info, text, separator: ": ")
        default: break
        }
    }

    private func say(
        _ record: JobRecord?, _ priority: JournalEntry.Priority, _ text: String,
        separator: String = " "
    ) {
        guard let record else { return }
        journal.write(
            JournalEntry(priority, "\(record.name)\(separator)\(text)", about: record))
    }

    /// Once where it begins and once where it ends.
    private func tellOfSlurm(_ trouble: String?) {
        if let trouble {
            journal.write(
                JournalEntry(
                    .warning,
                    "Slurm does not answer: \(trouble); its jobs go on, and others wait",
                    .slurmLost))
        } else {
            journal.write(JournalEntry(.notice, "Slurm answers again", .slurmBack))
        }
        turns.request()
    }
}
