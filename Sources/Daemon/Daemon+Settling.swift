import Glibc
import Pipeline
import Posix
import Reports
import Spool

/// What becomes of jobs whose workers have gone.
extension Daemon {
    /// Seconds before a deferred job is tried again: doubled each time, within these bounds.
    private static let backOff = 30.0...3600.0

    func settle(_ worker: Worker, _ end: ChildProcess.End) throws(SystemError) {
        var record = worker.record
        // Also of a worker that was killed after it had published: a finished job never runs again.
        if case .done(let paths) = worker.result {
            let recorded = try spool.recordedOutputs(record).map(\.output)
            let outputs = recorded.isEmpty ? paths.map { Output(path: $0) } : recorded
            return try complete(record, outputs)
        }
        if let outputs = try spool.published(record, below: roots) {
            return try complete(record, outputs)
        }
        // A worker that was killed could not clean up; what belongs to a checkpoint stays.
        if end.signal != nil, !spool.hasCheckpoint(record) { cleanUp(after: record) }
        // It got further: what comes now is a new trouble.
        if worker.kept != nil { record.attempts = min(record.attempts, 1) }
        switch (worker.ending, worker.result) {
        case (.cancelled(let uid), _):
            try fail(record, "cancelled by \(userName(uid))", .tryAgain)
        case (.daemonStops, .failed(let reason, let code, _))
        where code != ExitCode.tryAgain.rawValue:
            try fail(record, reason, ExitCode(rawValue: code) ?? .software)
        case (.daemonStops, _): try requeueStopped(record)
        case (.timeLimit(let seconds), _):
            let isKept = spool.hasCheckpoint(record)
            let advice =
                isKept
                ? "'stadectl retry \(record.id)' goes on from there"
                : "give it more time or less work"
            try fail(
                record,
                "took longer than \(timeLimitName(record)) (\(duration(Double(seconds)))) and was ended"
                    + place(worker) + "; " + advice, .data, keepsWork: isKept)
        case (nil, .failed(let reason, ExitCode.tryAgain.rawValue, _)):
            try putOff(record, reason)
        case (nil, .failed(let reason, let code, let memory)):
            if try makeRoom(record, memory) { return }
            try fail(record, reason, ExitCode(rawValue: code) ?? .software)
        case (nil, _):
            if ranOutOfMemory(worker, end) {
                try fail(
                    record,
                    "ran out of memory\(place(worker)), with \(size(record.peakMemory ?? 0)) in use "
                        + "at most; raise limits.memory (\(size(worker.share.memory)) now)",
                    .configuration)
            } else {
                try crashed(record, worker, end)
            }
        }
    }

    /// Whose limit it was that ended a job.
    private func timeLimitName(_ record: JobRecord) -> String {
        (try? spool.manifest(record))?.limits.time == nil
            ? "limits.time of the daemon's configuration" : "limits.time"
    }

    private func requeueStopped(_ record: JobRecord) throws(SystemError) {
        var record = record
        record.attempts = max(0, record.attempts - 1)
        record.reason =
            spool.hasCheckpoint(record)
            ? "stopped with the daemon; it goes on from its checkpoint when the daemon does"
            : "stopped with the daemon; it runs again when the daemon does"
        record = try spool.move(record, to: .queued)
        insert(record)
        journal.write(
            JournalEntry(
                .info, "\(record.name) was stopped and queued again", .jobStopped, about: record))
    }

    /// Queues a job again that needs more memory than it was given, where the manifest leaves that
    /// to the daemon and the machine has as much.
    private func makeRoom(_ record: JobRecord, _ memory: Int?) throws(SystemError) -> Bool {
        guard let memory, memory > record.memoryNeeded ?? 0, memory <= machine.memory,
            (try? spool.manifest(record))?.limits.memory == nil
        else { return false }
        var record = record
        record.attempts = max(0, record.attempts - 1)
        record.memoryNeeded = memory
        record.reason = "waits for \(size(memory)) of memory, which its plan needs"
        record = try spool.move(record, to: .queued)
        insert(record)
        journal.write(
            JournalEntry(
                .info, "\(record.name) is queued again: it \(record.reason ?? "")", .jobQueued,
                about: record))
        return true
    }

    private func ranOutOfMemory(_ worker: Worker, _ end: ChildProcess.End) -> Bool {
        worker.outOfMemoryKills > 0 || end.ranOutOfMemory(worker.share.memory)
    }

    private func crashed(
        _ record: JobRecord, _ worker: Worker, _ end: ChildProcess.End
    ) throws(SystemError) {
        var record = record
        let evidence =
            end.evidence + place(worker) + ", at most \(size(end.peakMemory)) of memory in use"
            + end.cause
        record.reason = evidence
        if record.attempts >= Spool.maximumAttempts {
            let text = "\(evidence); given up after \(record.attempts) attempts, see its log"
            return try fail(record, text, .software)
        }
        record = try spool.move(record, to: .queued)
        insert(record)
        journal.write(
            JournalEntry(
                .warning,
                "\(record.name) was \(evidence); attempt \(record.attempts) of "
                    + "\(Spool.maximumAttempts), it runs again", .jobRetried, about: record))
    }

    private func putOff(_ record: JobRecord, _ reason: String) throws(SystemError) {
        var record = record
        record.attempts = max(0, record.attempts - 1)
        record.deferrals += 1
        let factor = Double(1 << min(record.deferrals - 1, 10))
        let wait = min(Self.backOff.lowerBound * factor, Self.backOff.upperBound)
        record.reason = reason
        record.exitCode = ExitCode.tryAgain.rawValue
        record.retryAfter = Clock.wall() + wait
        record = try spool.move(record, to: .deferred)
        deferred.append(Deferral(record: record, due: Clock.boot() + wait))
        journal.write(
            JournalEntry(
                .warning, "\(record.name) is put off for \(duration(wait)): \(reason)",
                .jobDeferred,
                about: record))
    }

    /// ` at block 3 of 30`, as far as is known.
    private func place(_ worker: Worker) -> String {
        guard let progress = worker.progress else { return "" }
        guard let block = progress.block else { return " during \(progress.phase.rawValue)" }
        return " at block \(block + 1) of \(progress.blocks)"
    }
}
