import Glibc
import Manifests
import Posix
import Reports
import Spool

/// The spool's jobs: each goes from one state into another here, and nowhere else.
///
/// Belongs to the daemon's queue.
final class JobLifecycle {
    private(set) var spool: Spool
    private(set) var queue: JobQueue
    /// Why the spool cannot be changed at present; nil: it can.
    var trouble: SystemError?
    let journal: Journal
    private var configuration: Configuration
    /// Jobs that Slurm may have since an earlier daemon, as `recover` finds them.
    private(set) var away: [JobRecord] = []
    private let cleaner = Cleaner()
    /// Keeps other daemons away from the spool as long as it is open.
    private var lock: File?

    init(_ configuration: Configuration, _ journal: Journal) {
        spool = Spool(path: configuration.spool, inbox: configuration.inbox)
        queue = JobQueue(configuration.limits, configuration.slurm)
        self.configuration = configuration
        self.journal = journal
    }

    /// Takes the spool for this process, with what an earlier daemon has left in it.
    func open() throws {
        try spool.create()
        lock = try spool.lock()
        queue.isDrained = spool.isDrained
    }

    /// Gives the spool back; waits a little for what is still to be removed.
    func close() {
        lock = nil
        cleaner.finish(within: 2)
    }

    /// Goes by another configuration from now on. The spool itself stays.
    func follow(_ configuration: Configuration) {
        queue.limits = configuration.limits
        queue.slurm = configuration.slurm
        self.configuration = configuration
        spool = Spool(path: spool.path, inbox: configuration.inbox)
    }

    /// What manifests may name.
    var roots: Roots {
        Roots(.below(read: configuration.roots.read, write: configuration.roots.write))
    }

    /// Why a manifest is not taken from a user; nil: it is.
    func refusal(of manifest: Manifest, from uid: UInt32) -> String? {
        configuration.refusal(of: manifest, from: uid)
    }

    /// Takes one step: the record, the move, the queue, the journal. Where it throws because
    /// something is short, the job is where it was and the step may be taken again.
    @discardableResult
    func take(_ step: Transition) throws(SystemError) -> JobRecord {
        let record = try move(step)
        say(step.lines, about: record)
        return record
    }

    private func move(_ step: Transition) throws(SystemError) -> JobRecord {
        let old = step.record
        // First the snapshot, which names the rest.
        if step.work == .discarded { spool.discardSnapshot(old) }
        if old.state == .failed {
            unlink(joined(spool.directory(old.id, .failed), Layout.Job.reason))
        }
        let record =
            step.state == .done
            ? try spool.finish(old, step.outputs) : try spool.move(old, to: step.state)
        queue.remove(old)
        queue.add(record, due: Clock.boot() + step.wait)
        if step.work != .kept { cleanUp(after: record) }
        return record
    }

    private func say(_ lines: [Transition.Line], about record: JobRecord) {
        for line in lines {
            journal.write(JournalEntry(line.priority, line.text, line.message, about: record))
        }
    }

    /// Starts a job whose turn has come.
    /// - Parameter run: starts its worker.
    func start(
        _ queued: JobRecord, _ run: (JobRecord) throws(SystemError) -> Void
    ) throws(SystemError) {
        let step = Transition.start(queued)
        let record = try move(step)
        do throws(SystemError) {
            try run(record)
        } catch {
            // No process, no memory, no descriptor: the job has nothing to do with it.
            try take(.returned(record, error))
            throw SystemError(error.call, error.path, errno: EAGAIN)
        }
        queue.noteStart(of: record.uid)
        say(step.lines, about: record)
    }

    /// Decides what becomes of a job whose worker has gone.
    func settle(_ attempt: Attempt) throws(SystemError) {
        let record = attempt.record
        let manifest = try? spool.manifest(record)
        // What a node has, Slurm says.
        let memory = record.executor == .slurm ? .max : queue.machine.memory
        var found = Findings(machineMemory: memory, now: Clock.wall())
        if case .done = attempt.result {
            let recorded = try spool.recordedOutputs(record).map(\.output)
            found.outputs = recorded.isEmpty ? nil : recorded
        } else {
            found.outputs = try spool.published(record, below: roots)
        }
        found.hasSnapshot = spool.hasSnapshot(record)
        found.setsTime = manifest?.limits.time != nil
        found.setsMemory = manifest?.limits.memory != nil
        try take(.settling(attempt, found))
    }

    /// Queues a manifest that was claimed, or refuses it.
    /// - Returns: false where the configuration does not allow what it asks for.
    func accept(_ record: JobRecord) throws(SystemError) -> Bool {
        queue.add(record)
        if let manifest = try? spool.manifest(record),
            let refusal = refusal(of: manifest, from: record.uid)
        {
            try take(.fail(record, refusal, .configuration))
            return false
        }
        journal.write(
            JournalEntry(
                .info, "\(record.name) is queued as \(record.id)", .jobQueued, about: record))
        return true
    }

    /// Queues the deferred jobs whose time has come.
    /// - Returns: seconds until the next one is due; nil: there is none.
    func resumeDeferred(_ now: Double = Clock.boot()) throws(SystemError) -> Double? {
        for record in queue.due(now) { try take(.resume(record)) }
        return queue.nextDue.map { $0 - now }
    }

    /// Writes where a worker goes on from, for those who look, and says it.
    func noteResumption(_ record: JobRecord) {
        // For display: what is lost of it is nobody's harm.
        try? spool.update(record)
        guard let place = record.resumed else { return }
        journal.write(
            JournalEntry(
                .info, "\(record.name) \(resumedText(place.block, place.blocks))", .jobResumed,
                about: record
            )
            .with("STADE_BLOCK", "\(place.block)"))
    }

    /// Starts no more jobs, or starts them again.
    /// - Returns: whether that changes anything.
    func setDrained(_ isDrained: Bool) throws(SystemError) -> Bool {
        try spool.setDrained(isDrained)
        defer { queue.isDrained = isDrained }
        return isDrained != queue.isDrained
    }

    /// Removes what a worker that was killed left of the outputs that it was building: later, and
    /// not on this queue.
    /// - Parameter manifest: of a job that the spool forgets; nil: it is where the job is by then.
    func cleanUp(after record: JobRecord, _ manifest: Manifest? = nil) {
        let find: @Sendable () -> Manifest? = { [spool] in
            if let manifest { return manifest }
            // It may be moved just now.
            for _ in 0..<3 {
                var record = record
                guard let state = spool.locate(record.id) else { break }
                record.state = state
                if let manifest = try? spool.manifest(record) { return manifest }
            }
            return nil
        }
        cleaner.removeLeftovers(of: record.id, roots, find) { [journal] text in
            journal.write(JournalEntry(.warning, "\(record.name): \(text)", about: record))
        }
    }
}

extension JobLifecycle {
    /// Brings what an earlier daemon left into states from which this one goes on.
    func recover() throws {
        let found = try spool.recover(roots)
        for warning in found.warnings { journal.write(JournalEntry(.warning, warning)) }
        for record in found.finished {
            say(Transition.finished(record, spool.outputs(record)), about: record)
        }
        for record in found.failed {
            journal.write(
                JournalEntry(
                    .error, "\(record.name) has failed: \(record.reason ?? "unknown")", .jobFailed,
                    about: record))
        }
        for record in found.requeued {
            journal.write(
                JournalEntry(
                    .warning, "\(record.name) is queued again: \(record.reason ?? "unknown")",
                    .jobRetried, about: record))
        }
        away = found.away
        for uid in found.held { queue.add(heldOf: uid) }
        queue.add(queued: found.queued)
        // What was in the way may be gone.
        for record in found.deferred { queue.add(record, due: Clock.boot()) }
        cleanUpFinished()
    }

    /// What an earlier daemon had no time to remove: see `cleanUp`.
    private func cleanUpFinished() {
        for state in JobState.allCases where state.isFinished {
            for id in (try? spool.identifiers(state)) ?? [] {
                guard let record = try? spool.record(id, state), !spool.hasSnapshot(record)
                else { continue }
                cleanUp(after: record)
            }
        }
    }
}
