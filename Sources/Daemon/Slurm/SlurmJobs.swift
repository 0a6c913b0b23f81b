import Dispatch
import Glibc
import Manifests
import Pipeline
import Posix
import Spool

/// The jobs that Slurm has, and those that have ended there and are still to be settled.
///
/// Belongs to the daemon's queue.
final class SlurmJobs: @unchecked Sendable {
    // Unchecked: all of it is used on the daemon's queue only, answers of the client among it.

    /// What the daemon is told.
    enum News {
        /// Slurm has it now; `record` has the number.
        case handed
        /// Its worker has started.
        case runs
        /// What its worker says; of progress only the latest that is new.
        case worker(WorkerEvent, previous: Progress?)
        case ended(Attempt)
        /// A job of Slurm's is none of the spool's any more, and is ended.
        case stray(number: Int)
        /// Slurm does not answer: why; nil: it does again.
        case trouble(String?)
    }

    private(set) var jobs: [String: SlurmJob] = [:]
    private var events: [String: EventFile] = [:]
    /// Those of which an earlier daemon has told what is in the file.
    private var told: Set<String> = []
    private var ended = EndedAttempts()
    private var strays = SlurmStrays()
    private var pace: SlurmPace
    /// nil: none is offered; what Slurm still has is followed all the same.
    var offered: Configuration.Slurm?
    private let client: SlurmClient
    /// What runs on a node, without the arguments of one job.
    private let command: [String]
    private let configurationFile: String
    private let keep: (JobRecord) throws(SystemError) -> Void
    private let report: (JobRecord?, News) -> Void

    /// - Parameters:
    ///   - command: nil: the program that `executor.slurm.worker` names, or this one.
    ///   - interval: seconds between two looks at Slurm's list.
    ///   - keep: makes a record durable.
    ///   - report: called on `queue`.
    init(
        _ offered: Configuration.Slurm?, _ command: WorkerCommand?, configurationFile: String,
        interval: Double, on queue: DispatchQueue,
        keep: @escaping (JobRecord) throws(SystemError) -> Void,
        report: @escaping (JobRecord?, News) -> Void
    ) {
        self.offered = offered
        self.configurationFile = configurationFile
        self.keep = keep
        self.report = report
        self.command = command.map { [$0.executable] + $0.arguments } ?? []
        client = SlurmClient(answersOn: queue)
        pace = SlurmPace(interval: interval)
        // What an earlier daemon has left is looked for once.
        if offered != nil { pace.hurry() }
    }

    /// Why Slurm does not answer; nil: it does.
    var trouble: String? { pace.trouble }

    /// How many of each user it has.
    var counts: [UInt32: Int] {
        Dictionary(grouping: jobs.values, by: \.record.uid).mapValues(\.count)
    }

    /// Nobody's job is still to be settled.
    var areSettled: Bool { ended.isEmpty }

    /// A turn is wanted soon.
    var isBusy: Bool { !jobs.isEmpty || pace.isWaiting }

    func isPending(_ id: String) -> Bool { jobs[id]?.isPending ?? false }

    /// sbatch is at work; for a while whoever stops waits for it.
    var isSubmitting: Bool { jobs.values.contains { $0.phase == .submitting } }

    private var settings: Configuration.Slurm { offered ?? Configuration.Slurm() }

    /// Hands a job over whose record says that it is about to be.
    func start(_ record: JobRecord, _ share: Share, time: Int?, directory: String) {
        add(SlurmJob(record, share: share, time: time, directory: directory, phase: .waiting))
        submit(record.id)
    }

    /// Goes on with a job that an earlier daemon has handed over, or was about to.
    func follow(
        _ record: JobRecord, _ share: Share, time: Int?, directory: String,
        now: Double = Clock.boot()
    ) {
        let isHanded = record.submission?.number != nil
        add(
            SlurmJob(
                record, share: share, time: time, directory: directory,
                phase: isHanded ? .handed : .finding(since: now)))
        told.insert(record.id)
        pace.hurry()
    }

    private func add(_ job: SlurmJob) {
        jobs[job.id] = job
        events[job.id] = EventFile(joined(job.directory, Layout.Job.events))
    }

    /// Ends a job; the first reason stands.
    func end(_ id: String, _ reason: Worker.Ending) {
        guard var job = jobs[id], job.ending == nil else { return }
        job.end(reason)
        jobs[id] = job
        switch job.phase {
        case .waiting: finish(id, SlurmEnd(kind: .unsubmitted))
        case .handed: cancel(id)
        case .submitting, .finding: break
        }
        pace.hurry()
    }

    /// Asks Slurm to end it, now and again where that has not helped.
    private func cancel(_ id: String, _ now: Double = Clock.boot()) {
        guard let number = jobs[id]?.number, jobs[id]?.isCancelDue(now) == true else { return }
        client.cancel([number], settings.programs)
    }

    func settleEnded(_ settle: (Attempt) throws(SystemError) -> Void) throws(SystemError) {
        try ended.settle(settle)
    }

    /// Reads what workers have said, and asks Slurm where its time has come.
    func check(_ now: Double = Clock.boot()) {
        for id in jobs.keys.sorted() { read(id) }
        guard pace.isDue(now, isNeeded: !jobs.isEmpty) else { return }
        pace.begin()
        client.list(settings.programs) { [weak self] result in self?.take(result) }
    }

    private func read(_ id: String) {
        // Before it has a submission of its own the file is an older one's.
        guard var job = jobs[id], job.phase != .waiting, job.phase != .submitting else { return }
        let isTold = told.remove(id) != nil
        let before = job.progress
        for line in events[id]?.lines() ?? [] {
            guard let event = WorkerEvent(line: line), job.take(event) else { continue }
            jobs[id] = job
            switch event {
            case .started: if !isTold { report(job.record, .runs) }
            case .progress: break
            default: if !isTold { report(job.record, .worker(event, previous: nil)) }
            }
        }
        if let progress = job.progress, progress != before {
            report(job.record, .worker(.progress(progress), previous: before))
        }
        if job.hasLastWord { finish(id, SlurmEnd(kind: .completed, number: job.number)) }
    }

    private func take(_ result: Result<SlurmListing, SlurmTrouble>) {
        let now = Clock.boot()
        switch result {
        case .failure(let trouble): tell(pace.fail(trouble.text, now))
        case .success(let listing):
            for id in jobs.keys.sorted() { look(id, listing, now) }
            for number in strays.look(at: listing, jobs, now) {
                client.cancel([number], settings.programs)
                report(nil, .stray(number: number))
            }
            tell(pace.succeed(now, isUrgent: jobs.values.contains(where: \.isUrgent)))
            if pace.maySubmit(now) {
                for job in jobs.values where job.phase == .waiting { submit(job.id) }
            }
        }
    }

    private func look(_ id: String, _ listing: SlurmListing, _ now: Double) {
        // What it has said before it ended must be known by now.
        read(id)
        guard var job = jobs[id] else { return }
        let hadNumber = job.number != nil
        let step = job.look(
            at: listing, isIdle: job.number != nil || SlurmClient.isIdle(job.directory), now: now)
        jobs[id] = job
        switch step {
        case .nothing: break
        case .record:
            try? keep(job.record)
            if !hadNumber { report(job.record, .handed) }
        case .submitAnew:
            job.renew()
            // A name must be on the disk before anybody hears of it; else it is tried again.
            guard (try? keep(job.record)) != nil else { return }
            jobs[id] = job
            submit(id)
        case .end(let end):
            // Another attempt takes its place.
            if end.kind == .held, let number = end.number {
                client.cancel([number], settings.programs)
            }
            finish(id, end)
        }
        if job.ending != nil, job.phase == .handed { cancel(id) }
    }

    private func submit(_ id: String) {
        guard var job = jobs[id] else { return }
        job.phase = .submitting
        jobs[id] = job
        events[id] = EventFile(joined(job.directory, Layout.Job.events))
        let words = [
            "--worker", job.directory, "--config", configurationFile, "--threads",
            "\(job.share.threads)", "--memory", "\(job.share.memory)", "--submission",
            "\(job.record.submission?.count ?? 0)",
        ]
        let submission = SlurmSubmission(
            record: job.record, share: job.share, time: job.time, directory: job.directory,
            worker: (command.isEmpty ? [settings.worker ?? Self.program] : command) + words,
            settings: settings)
        client.submit(submission) { [weak self] reply in self?.take(reply, id) }
    }

    /// This program's path, also after its file was replaced.
    private static let program: String = {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }()

    private func take(_ reply: SlurmReply, _ id: String) {
        let now = Clock.boot()
        guard var job = jobs[id], job.phase == .submitting else { return }
        switch reply {
        case .submitted(let number):
            job.note(number: number)
            jobs[id] = job
            // Where that fails it is found by its name.
            try? keep(job.record)
            tell(pace.succeedSubmission())
            report(job.record, .handed)
            if job.ending != nil { cancel(id) }
        case .refused(let text):
            job.fail("Slurm refuses the job: \(text)", .configuration)
            jobs[id] = job
            finish(id, SlurmEnd(kind: .unsubmitted))
        case .unreachable(let text):
            job.phase = .waiting
            jobs[id] = job
            tell(pace.failSubmission(text, now))
            if job.ending != nil { finish(id, SlurmEnd(kind: .unsubmitted)) }
        case .unknown(let text):
            job.phase = .finding(since: now)
            jobs[id] = job
            tell(pace.fail(text, now))
        }
    }

    private func tell(_ change: SlurmPace.Change?) {
        if let change { report(nil, .trouble(change.trouble)) }
    }

    private func finish(_ id: String, _ end: SlurmEnd) {
        guard let job = jobs.removeValue(forKey: id) else { return }
        events[id] = nil
        let attempt = Attempt(job, end)
        ended.add(attempt)
        // Nothing that waits is left: whether Slurm takes more is not known.
        if !jobs.values.contains(where: { $0.phase == .waiting }) {
            tell(pace.succeedSubmission())
        }
        report(job.record, .ended(attempt))
    }
}

extension Attempt {
    /// That of a job of Slurm's.
    fileprivate init(_ job: SlurmJob, _ end: SlurmEnd) {
        // What said nothing at its end was killed, as far as anybody knows.
        let status = job.result == nil && job.node != nil ? SIGKILL : 0
        self.init(
            record: job.record, share: job.share, ending: job.ending, result: job.result,
            progress: job.progress, hasKept: job.hasKept,
            end: ChildProcess.End(status: status, peakMemory: job.peakMemory), slurm: end)
    }
}
