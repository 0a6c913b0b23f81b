import Dispatch
import Documents
import Glibc
import Pipeline
import Posix
import Spool

extension Daemon {
    /// Starts the jobs whose turn it is, as long as there is room.
    func startJobs() throws(SystemError) {
        if inbox.isFlooded() { return }
        while let turn = jobs.queue.next(
            free: workers.taken.reduce(jobs.queue.machine) { $0 - $1 }, running: workers.counts,
            { demand(of: $0) })
        {
            switch turn {
            case .refuse(let record, let why): try jobs.take(.fail(record, why, .notPermitted))
            case .start(let record, let share, let time):
                try jobs.start(record) { record throws(SystemError) in
                    try start(record, share, time)
                }
            }
        }
        try startSlurmJobs()
    }

    /// What a job asks for.
    func demand(of record: JobRecord) -> JobQueue.Demand {
        let manifest = try? jobs.spool.manifest(record)
        // What was offered when it was taken may be gone.
        let refusal = manifest.flatMap { manifest in
            manifest.executor == .slurm ? jobs.refusal(of: manifest, from: record.uid) : nil
        }
        return JobQueue.Demand(
            threads: manifest?.limits.threads, memory: manifest?.limits.memory,
            time: configuration.limits.timeLimit(of: manifest),
            objection: objection(to: record) ?? refusal)
    }

    /// Why a job may not run at all: one that came in as the daemon's own, before inboxes to which
    /// others may write gave its account no rights.
    private func objection(to record: JobRecord) -> String? {
        guard record.uid == geteuid(), record.uid != 0, inbox.isShared else { return nil }
        return "its manifest belonged to the daemon's own account, which has no rights in an inbox "
            + "that others may write to; submit it as the user whose job it is"
    }

    private func start(_ record: JobRecord, _ share: Share, _ time: Int?) throws(SystemError) {
        let directory = jobs.spool.directory(record.id, .active)
        try? jobs.spool.clearWay(to: joined(directory, Layout.Job.log))
        try workers.start(
            record, share, timeLimit: time, directory: directory,
            configuration: workerConfiguration, on: turns.queue
        ) { [unowned self] worker, news in take(news, from: worker) }
    }

    private func take(_ news: Worker.News, from worker: Worker) {
        dispatchPrecondition(condition: .onQueue(turns.queue))
        switch news {
        case .progress(let progress, let previous):
            if workers.isDue(worker.record.id) { show(progress, of: worker.record) }
            tell(progress, previous, of: worker.record)
        // There may be room for another one now.
        case .planned: turns.request()
        case .resumed: jobs.noteResumption(worker.record)
        case .keeping:
            worker.extend(grace: workers.grace)
            display.supervisor.showLife()
        case .message(let text):
            journal.write(
                JournalEntry(.info, "\(worker.record.name): \(text)", about: worker.record))
        case .ended(let attempt):
            unlink(joined(jobs.spool.directory(attempt.record.id, .active), Layout.Job.progress))
            turns.request()
        }
    }

    /// For whoever looks.
    func show(_ progress: Progress, of record: JobRecord) {
        let path = joined(jobs.spool.directory(record.id, .active), Layout.Job.progress)
        // For display only: on a full disk it is missing.
        try? jobs.spool.put(JSON.encode(progress.node), path, durable: false)
        display.supervisor.status(status.text)
    }

    func tell(_ progress: Progress, _ previous: Progress?, of record: JobRecord) {
        display.supervisor.showLife()
        guard progress.isNewStep(after: previous) else { return }
        journal.write(
            JournalEntry(
                progress.block == nil ? .info : .debug,
                "\(record.name): \(progress.summary)", .jobProgress, about: record
            )
            .with("STADE_BLOCK", progress.block.map { "\($0)" }))
    }
}
