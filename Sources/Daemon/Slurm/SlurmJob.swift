import Pipeline
import Posix
import Spool

/// A job that Slurm has, or is about to get, seen from the daemon. A value: what becomes of it
/// follows from what Slurm and the worker's file say.
struct SlurmJob: Sendable {
    enum Phase: Sendable, Hashable {
        /// Slurm was not reached yet, so it has nothing.
        case waiting
        /// sbatch is at work.
        case submitting
        /// It may have been submitted; it is looked for, on `Clock.boot`.
        case finding(since: Double)
        /// Slurm has it under the number in its record.
        case handed
    }

    /// What is to be done after a look at Slurm's list.
    enum Step: Sendable, Hashable {
        case nothing
        /// Slurm's number is known now, or why it waits there.
        case record
        /// Slurm was never told of it: it is submitted under the next name.
        case submitAnew
        case end(SlurmEnd)
    }

    /// Seconds for which a job that may have been submitted is looked for: what sbatch has sent
    /// before it was killed may still be on its way.
    static let settleTime = 5.0
    /// Seconds for which the worker's last word is waited for when Slurm says that it has ended.
    static let lastWordTime = 3.0

    private(set) var record: JobRecord
    /// What it was promised.
    let share: Share
    /// Seconds after which Slurm ends it; nil: the partition's limit.
    let time: Int?
    let directory: String
    var phase: Phase
    private(set) var progress: Progress?
    private(set) var result: WorkerEvent?
    private(set) var hasKept = false
    private(set) var peakMemory = 0
    /// Where its worker has started.
    private(set) var node: String?
    /// Why the daemon ends it.
    private(set) var ending: Worker.Ending?
    /// By Slurm's last word it has not started.
    private(set) var isPending = true
    /// When Slurm was last asked to end it, on `Clock.boot`.
    private var lastCancel = -Double.infinity
    /// Since when Slurm says that it has ended.
    private var endedSince: Double?

    init(_ record: JobRecord, share: Share, time: Int?, directory: String, phase: Phase) {
        self.record = record
        self.share = share
        self.time = time
        self.directory = directory
        self.phase = phase
    }

    var id: String { record.id }
    var number: Int? { record.submission?.number }

    /// Its worker has nothing more to say, whatever Slurm says of it.
    var hasLastWord: Bool {
        switch result {
        case .done, .failed: true
        default: false
        }
    }

    /// Something is about to happen: Slurm is asked more often.
    var isUrgent: Bool {
        if case .finding = phase { return true }
        return ending != nil || result != nil || endedSince != nil
    }

    /// Whether Slurm is to be asked to end it: not each time that somebody looks.
    mutating func isCancelDue(_ now: Double) -> Bool {
        guard now - lastCancel >= Self.settleTime else { return false }
        lastCancel = now
        return true
    }

    mutating func end(_ reason: Worker.Ending) { ending = ending ?? reason }

    mutating func fail(_ reason: String, _ code: ExitCode) {
        result = .failed(reason: reason, exitCode: code.rawValue, memory: nil)
    }

    mutating func note(number: Int) {
        record.submission?.number = number
        phase = .handed
    }

    /// It is about to be submitted under another name.
    mutating func renew() {
        record.submission = JobRecord.Submission(count: (record.submission?.count ?? 0) + 1)
        phase = .waiting
    }

    /// Takes what its worker says.
    /// - Returns: whether anybody is to be told.
    mutating func take(_ event: WorkerEvent) -> Bool {
        // Slurm may lose sight of a job and start it once more; what was said stands.
        if hasLastWord { return false }
        if case .started(let count, let node) = event {
            guard count == record.submission?.count else { return false }
            // Slurm may have started it anew on another node.
            (result, progress) = (nil, nil)
            self.node = node
            (isPending, endedSince, record.reason) = (false, nil, nil)
            return true
        }
        guard node != nil else { return false }
        switch event {
        case .progress(let progress): self.progress = progress
        case .resumed(let place): record.resumed = place
        case .kept: hasKept = true
        case .peak(let bytes):
            peakMemory = max(peakMemory, bytes)
            record.peakMemory = max(record.peakMemory ?? 0, bytes)
        case .done, .failed, .stopped: result = event
        case .planned, .keeping, .started: return false
        case .message: break
        }
        return true
    }

    /// Compares with what Slurm says.
    /// - Parameter isIdle: no sbatch of it is at work.
    mutating func look(at listing: SlurmListing, isIdle: Bool, now: Double) -> Step {
        guard let name = record.submissionName else { return .nothing }
        switch phase {
        case .waiting, .submitting: return .nothing
        case .finding(let since):
            if let entry = listing.entry(named: name) {
                note(number: entry.number)
                _ = look(at: entry, now)
                return .record
            }
            // It has run, and Slurm has forgotten it since.
            if node != nil { return endLater(SlurmEnd(kind: .forgotten), now) }
            if !isIdle { phase = .finding(since: now) }
            guard isIdle, now - since >= Self.settleTime else { return .nothing }
            return ending == nil ? .submitAnew : .end(SlurmEnd(kind: .unsubmitted))
        case .handed:
            let number = number ?? 0
            guard let entry = listing.entry(number, named: name) else {
                return endLater(SlurmEnd(kind: .forgotten, number: number), now)
            }
            return look(at: entry, now)
        }
    }

    private mutating func look(at entry: SlurmListing.Entry, _ now: Double) -> Step {
        let before = record.reason
        switch entry.state {
        case .pending:
            // Where it has run before, Slurm starts it again.
            (isPending, endedSince, progress) = (true, nil, nil)
            record.reason = "waits at Slurm as its job \(entry.number) (\(entry.words))"
        case .running: (isPending, endedSince) = (false, nil)
        case .held:
            return .end(SlurmEnd(kind: .held, number: entry.number, words: entry.words))
        case .ended(let kind):
            let end = SlurmEnd(kind: kind, number: entry.number, words: entry.words)
            // It never ran, so nothing is to come.
            return entry.node.isEmpty ? .end(end) : endLater(end, now)
        }
        return before == record.reason ? .nothing : .record
    }

    private mutating func endLater(_ end: SlurmEnd, _ now: Double) -> Step {
        let since = endedSince ?? now
        endedSince = since
        let isOver = result != nil || ending != nil || now - since >= Self.lastWordTime
        return isOver ? .end(end) : .nothing
    }
}
