import Posix
import Reports
import Spool

/// One step of a job from one state into another, as a value: what its record says from then on,
/// what becomes of its work, and what the journal says. `JobLifecycle` takes it.
struct Transition: Sendable, Hashable {
    /// What has been done for the job so far.
    enum Work: Sendable, Hashable {
        /// Stays, for the next attempt or because there is none.
        case kept
        /// The unfinished outputs of a worker that could not remove them go.
        case cleared
        /// The same, and before that the snapshot, which names them.
        case discarded
    }

    /// A line of the journal, about the job in its new state.
    struct Line: Sendable, Hashable {
        let priority: JournalEntry.Priority
        let text: String
        let message: Message
    }

    /// As it is to be; but its state is still the one that it comes from.
    var record: JobRecord
    let state: JobState
    var work = Work.kept
    var lines: [Line] = []
    /// Of a job that is done.
    var outputs: [Output] = []
    /// Seconds until a deferred job is tried again.
    var wait = 0.0

    init(_ record: JobRecord, to state: JobState) {
        self.record = record
        self.state = state
    }

    func saying(_ priority: JournalEntry.Priority, _ text: String, _ message: Message) -> Transition
    {
        var result = self
        result.lines.append(Line(priority: priority, text: text, message: message))
        return result
    }

    func with(_ work: Work) -> Transition {
        var result = self
        result.work = work
        return result
    }
}

extension Transition {
    /// A worker is about to be started: the attempt is counted before.
    static func start(_ record: JobRecord) -> Transition {
        var record = record.cleared
        record.attempts += 1
        record.resumed = nil
        if record.executor == .slurm {
            // On the disk before sbatch is called, so that Slurm's job is found by its name.
            record.submission = JobRecord.Submission(count: (record.submission?.count ?? 0) + 1)
            return Transition(record, to: .active)
                .saying(
                    .info, "\(record.name) is handed to Slurm, attempt \(record.attempts)",
                    .jobStarted)
        }
        return Transition(record, to: .active)
            .saying(.info, "\(record.name) has started, attempt \(record.attempts)", .jobStarted)
    }

    /// The worker that `start` was about could not be started, for which the job can do nothing.
    static func returned(_ record: JobRecord, _ error: SystemError) -> Transition {
        var record = record
        record.attempts -= 1
        record.reason = error.description
        return Transition(record, to: .queued)
    }

    static func finish(_ record: JobRecord, _ outputs: [Output]) -> Transition {
        // A worker may have been killed behind its last rename.
        var result = Transition(record.cleared, to: .done).with(.cleared)
        result.outputs = outputs
        result.lines = finished(record, outputs)
        return result
    }

    /// What is said of a job that is done: a line for each output.
    static func finished(_ record: JobRecord, _ outputs: [Output]) -> [Line] {
        let texts = outputs.isEmpty ? [""] : outputs.map { ": \($0.summary)" }
        return texts.map {
            Line(
                priority: .notice, text: "\(record.name) is done\($0)", message: .jobFinished)
        }
    }

    /// - Parameter work: `.kept` where a retry goes on from the snapshot.
    static func fail(
        _ record: JobRecord, _ reason: String, _ code: ExitCode, _ work: Work = .discarded
    ) -> Transition {
        var record = record.cleared
        record.reason = reason
        record.exitCode = code.rawValue
        return Transition(record, to: .failed).with(work)
            .saying(.error, "\(record.name) has failed: \(reason)", .jobFailed)
    }

    static func cancel(_ record: JobRecord, by uid: UInt32) -> Transition {
        fail(record, "cancelled by \(userName(uid))", .tryAgain)
    }

    /// The time of a deferred job has come.
    static func resume(_ record: JobRecord) -> Transition { Transition(record, to: .queued) }

    static func hold(_ record: JobRecord, by uid: UInt32) -> Transition {
        shift(record, to: .held, "held by \(userName(uid)) until it is released")
    }

    /// Queued anew, as if it had just come: after a hold, or because its owner wants it so.
    static func requeue(_ record: JobRecord) -> Transition { shift(record, to: .queued, nil) }

    private static func shift(
        _ record: JobRecord, to state: JobState, _ reason: String?
    ) -> Transition {
        var record = record.cleared
        record.reason = reason
        record.attempts = 0
        record.deferrals = 0
        return Transition(record, to: state)
            .saying(
                .info, "\(record.name) is \(reason ?? "queued again at its owner's request")",
                .jobStopped)
    }
}

extension JobRecord {
    /// Without what was said of the state that it leaves.
    fileprivate var cleared: JobRecord {
        var record = self
        record.reason = nil
        record.exitCode = nil
        record.retryAfter = nil
        return record
    }
}
