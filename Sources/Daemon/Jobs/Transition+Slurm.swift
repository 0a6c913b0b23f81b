import Posix
import Spool

/// What becomes of a job that Slurm had, and whose worker has left no result.
extension Transition {
    static func ended(_ attempt: Attempt, _ end: SlurmEnd, _ found: Findings) -> Transition {
        let record = attempt.record
        switch end.kind {
        case .cancelled:
            // Not by the daemon: whoever did it does not want to see it again at once.
            let advice = found.hasSnapshot ? "goes on from its snapshot" : "runs it again"
            return fail(
                record,
                "\(end.name) was cancelled\(attempt.place), not by stade; "
                    + "'stadectl retry \(record.id)' \(advice)", .tryAgain,
                found.hasSnapshot ? .kept : .discarded)
        case .impossible:
            return fail(
                record,
                "\(end.name) fits on no node; ask for fewer threads or less memory (limits)",
                .configuration)
        case .outOfMemory: return ranOut(attempt)
        case .interrupted, .held: return goOn(attempt, end, found)
        case .completed, .failed, .forgotten, .unsubmitted:
            // It was told to stop and did, before Slurm had to end it.
            if case .stopped = attempt.result { return goOn(attempt, end, found) }
            let what =
                end.kind == .forgotten
                ? "\(end.name) is not known to Slurm any more, and left no result"
                : "\(end.name) ended without a result"
            return crash(attempt, "lost: " + what + attempt.place)
        }
    }

    /// Slurm has ended an attempt, or could not start it, for no fault of the job: another one goes
    /// on, as long as each gets further.
    private static func goOn(
        _ attempt: Attempt, _ end: SlurmEnd, _ found: Findings
    ) -> Transition {
        var record = attempt.record
        let isHeld = end.kind == .held
        let what = "Slurm \(isHeld ? "could not start" : "ended") \(end.name)\(attempt.place)"
        if !attempt.hasKept, record.attempts >= Spool.maximumAttempts {
            return fail(
                record,
                "\(what), and so \(record.attempts) times before a snapshot was written; "
                    + (isHeld
                        ? "see the log of slurmd on the node"
                        : "give it more time (limits.time, executor.slurm.time)"),
                .data,
                found.hasSnapshot ? .kept : .discarded)
        }
        if attempt.hasKept { record.attempts = max(0, record.attempts - 1) }
        record.reason =
            what + "; it " + (found.hasSnapshot ? "goes on from its snapshot" : "runs again")
        return Transition(record, to: .queued)
            .saying(
                .info, "\(record.name) is queued again: \(record.reason ?? "")", .jobRetried)
    }
}
