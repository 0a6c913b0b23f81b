import Pipeline
import Posix
import Reports
import Spool

/// What becomes of a job whose worker has gone.
extension Transition {
    /// Seconds before a deferred job is tried again: doubled each time, within these bounds.
    private static let backOff = 30.0...3600.0

    static func settling(_ attempt: Attempt, _ found: Findings) -> Transition {
        // Also of a worker that was killed after it had published: a finished job never runs again.
        if let outputs = found.outputs { return finish(attempt.record, outputs) }
        if case .done(let paths) = attempt.result {
            return finish(attempt.record, paths.map { Output(path: $0) })
        }
        var attempt = attempt
        // It got further: what comes now is a new trouble.
        if attempt.hasKept { attempt.record.attempts = min(attempt.record.attempts, 1) }
        var result = unfinished(attempt, found)
        // A worker that was killed could not clean up; what belongs to a snapshot stays.
        if attempt.end.signal != nil, !found.hasSnapshot, result.work == .kept {
            result.work = .cleared
        }
        return result
    }

    private static func unfinished(_ attempt: Attempt, _ found: Findings) -> Transition {
        let record = attempt.record
        switch (attempt.ending, attempt.result) {
        case (.cancelled(let uid), _): return cancel(record, by: uid)
        case (.held(let uid), _): return hold(record, by: uid)
        case (.daemonStops, .failed(let reason, let code, _))
        where code != ExitCode.tryAgain.rawValue:
            return fail(record, reason, ExitCode(rawValue: code) ?? .software)
        case (.daemonStops, _): return stop(record, hasSnapshot: found.hasSnapshot)
        case (.timeLimit(let seconds), _): return tookTooLong(attempt, seconds, found)
        case (nil, .failed(let reason, ExitCode.tryAgain.rawValue, _)):
            return putOff(record, reason, found.now)
        case (nil, .failed(let reason, let code, let memory)):
            if let memory, memory > record.memoryNeeded ?? 0, memory <= found.machineMemory,
                !found.setsMemory
            {
                return makeRoom(record, memory)
            }
            return fail(record, reason, ExitCode(rawValue: code) ?? .software)
        case (nil, _):
            if let end = attempt.slurm { return ended(attempt, end, found) }
            return attempt.ranOutOfMemory ? ranOut(attempt) : crash(attempt)
        }
    }

    private static func stop(_ record: JobRecord, hasSnapshot: Bool) -> Transition {
        var record = record
        record.attempts = max(0, record.attempts - 1)
        record.reason =
            hasSnapshot
            ? "stopped with the daemon; it goes on from its snapshot when the daemon does"
            : "stopped with the daemon; it runs again when the daemon does"
        return Transition(record, to: .queued)
            .saying(.info, "\(record.name) was stopped and queued again", .jobStopped)
    }

    private static func tookTooLong(
        _ attempt: Attempt, _ seconds: Int, _ found: Findings
    ) -> Transition {
        // Whose limit it was.
        let name = found.setsTime ? "limits.time" : "limits.time of the daemon's configuration"
        let advice =
            found.hasSnapshot
            ? "'stadectl retry \(attempt.record.id)' goes on from there"
            : "give it more time or less work"
        return fail(
            attempt.record,
            "took longer than \(name) (\(duration(Double(seconds)))) and was ended"
                + attempt.place + "; " + advice, .data, found.hasSnapshot ? .kept : .discarded)
    }

    /// Put off for longer each time.
    private static func putOff(_ record: JobRecord, _ reason: String, _ now: Double) -> Transition {
        var record = record
        record.attempts = max(0, record.attempts - 1)
        record.deferrals += 1
        let factor = Double(1 << min(record.deferrals - 1, 10))
        let wait = min(backOff.lowerBound * factor, backOff.upperBound)
        record.reason = reason
        record.exitCode = ExitCode.tryAgain.rawValue
        record.retryAfter = now + wait
        var result = Transition(record, to: .deferred)
            .saying(
                .warning, "\(record.name) is put off for \(duration(wait)): \(reason)",
                .jobDeferred)
        result.wait = wait
        return result
    }

    /// Queued again because it needs more memory than it was given, which the manifest leaves to
    /// the daemon and the machine has.
    private static func makeRoom(_ record: JobRecord, _ memory: Int) -> Transition {
        var record = record
        record.attempts = max(0, record.attempts - 1)
        record.memoryNeeded = memory
        let reason = "waits for \(size(memory)) of memory, which its plan needs"
        record.reason = reason
        return Transition(record, to: .queued)
            .saying(.info, "\(record.name) is queued again: it \(reason)", .jobQueued)
    }

    static func ranOut(_ attempt: Attempt) -> Transition {
        fail(
            attempt.record,
            "ran out of memory\(attempt.place), with \(size(attempt.record.peakMemory ?? 0)) in "
                + "use at most; raise limits.memory (\(size(attempt.share.memory)) now)",
            .configuration)
    }

    /// It runs again, but not without end.
    private static func crash(_ attempt: Attempt) -> Transition {
        let end = attempt.end
        return crash(
            attempt,
            end.evidence + attempt.place + ", at most \(size(end.peakMemory)) of memory in use"
                + end.cause)
    }

    static func crash(_ attempt: Attempt, _ evidence: String) -> Transition {
        var record = attempt.record
        record.reason = evidence
        if record.attempts >= Spool.maximumAttempts {
            return fail(
                record, "\(evidence); given up after \(record.attempts) attempts, see its log",
                .software)
        }
        return Transition(record, to: .queued)
            .saying(
                .warning,
                "\(record.name) was \(evidence); attempt \(record.attempts) of "
                    + "\(Spool.maximumAttempts), it runs again", .jobRetried)
    }
}
