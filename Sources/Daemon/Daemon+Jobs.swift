import Documents
import Glibc
import Manifests
import Pipeline
import Posix
import Spool

extension Daemon {
    /// Seconds before a deferred job is tried again: doubled each time, within these bounds.
    private static let backOff = 30.0...3600.0

    /// What manifests may name.
    var roots: Roots {
        Roots(.below(read: configuration.roots.read, write: configuration.roots.write))
    }

    func resumeDeferred(_ next: inout Double) throws(SystemError) {
        let now = Clock.boot()
        for deferral in deferred where deferral.due <= now {
            let record = try spool.move(deferral.record, to: .queued)
            deferred.removeAll { $0.record.id == record.id }
            insert(record)
        }
        if let due = deferred.map(\.due).min() { next = min(next, due - now) }
    }

    func startJobs(_ next: inout Double) throws(SystemError) {
        while running.count < configuration.limits.jobs, !queued.isEmpty {
            // Before it is tried: where the start fails it comes back by itself.
            try start(queued.removeFirst())
        }
    }

    private func start(_ queued: JobRecord) throws(SystemError) {
        var record = queued
        record.attempts += 1
        record.reason = nil
        record.exitCode = nil
        record.retryAfter = nil
        do throws(SystemError) {
            record = try spool.move(record, to: .active)
        } catch {
            insert(queued)
            throw error
        }
        let directory = spool.directory(record.id, .active)
        let worker: Worker
        do throws(SystemError) {
            worker = try Worker(
                record, options.worker, directory: directory, configuration: workerConfiguration,
                timeLimit: (try? spool.manifest(record))?.limits.time, on: queue
            ) { [unowned self] news in self.take(news, from: record.id) }
        } catch {
            // No process, no memory, no descriptor: the job has nothing to do with it.
            record.attempts -= 1
            record.reason = error.description
            insert(try spool.move(record, to: .queued))
            throw SystemError(error.call, error.path, errno: EAGAIN)
        }
        running[record.id] = worker
        journal.write(
            JournalEntry(
                .info, "\(record.name) has started, attempt \(record.attempts)", .jobStarted,
                about: record))
    }

    private func take(_ news: Worker.News, from id: String) {
        guard let worker = running[id] else { return }
        switch news {
        case .progress(let progress, let previous): take(progress, previous, from: worker)
        case .message(let text):
            journal.write(
                JournalEntry(.info, "\(worker.record.name): \(text)", about: worker.record))
        case .ended(let end):
            running[id] = nil
            lastNews[id] = nil
            unlink(joined(spool.directory(id, .active), Spool.progressFile))
            ended.append((worker, end))
            requestTurn()
        }
    }

    func settleEnded() throws(SystemError) {
        while let (worker, end) = ended.first {
            // Stays in the list where the spool is short of something, and is tried again.
            try settle(worker, end)
            ended.removeFirst()
        }
    }

    private func take(_ progress: Progress, _ previous: Progress?, from worker: Worker) {
        let now = Clock.boot()
        let record = worker.record
        showLife()
        if now - lastNews[record.id, default: 0] >= 1 {
            lastNews[record.id] = now
            let path = joined(spool.directory(record.id, .active), Spool.progressFile)
            // For display only: on a full disk it is missing.
            try? replaceFile(path, JSON.encode(progress.node), durable: false)
            supervisor.status(status)
        }
        guard progress.isNewStep(after: previous) else { return }
        journal.write(
            JournalEntry(
                progress.block == nil ? .info : .debug,
                "\(record.name): \(progress.summary)", .jobProgress, about: record
            )
            .with("STADE_BLOCK", progress.block.map { "\($0)" }))
    }

    /// Decides what becomes of a job whose worker has gone.
    private func settle(_ worker: Worker, _ end: ChildProcess.End) throws(SystemError) {
        var record = worker.record
        // Also of a worker that was killed after it had published: a finished job never runs again.
        if case .done(let paths) = worker.result {
            return try complete(record, paths.map { Output(at: $0) })
        }
        if let outputs = spool.published(record, below: roots) {
            return try complete(record, outputs)
        }
        // A worker that was killed could not clean up.
        if end.signal != nil { spool.discardPartials(record, below: roots) }
        switch (worker.ending, worker.result) {
        case (.cancelled(let uid), _):
            try fail(record, "cancelled by \(userName(uid))", .tryAgain)
        case (.daemonStops, .failed(let reason, let code)) where code != ExitCode.tryAgain.rawValue:
            try fail(record, reason, ExitCode(rawValue: code) ?? .software)
        case (.daemonStops, _):
            record.attempts = max(0, record.attempts - 1)
            record.reason = "stopped with the daemon; it runs again when the daemon does"
            record = try spool.move(record, to: .queued)
            insert(record)
            journal.write(
                JournalEntry(
                    .info, "\(record.name) was stopped and queued again", .jobStopped, about: record
                ))
        case (.timeLimit(let seconds), _):
            try fail(
                record,
                "took longer than limits.time (\(duration(Double(seconds)))) and was ended"
                    + place(worker) + "; give it more time or less work", .data)
        case (nil, .failed(let reason, ExitCode.tryAgain.rawValue)): try putOff(record, reason)
        case (nil, .failed(let reason, let code)):
            try fail(record, reason, ExitCode(rawValue: code) ?? .software)
        case (nil, _): try crashed(record, worker, end)
        }
    }

    private func crashed(
        _ record: JobRecord, _ worker: Worker, _ end: ChildProcess.End
    ) throws(SystemError) {
        var record = record
        var evidence =
            end.signal.map { "killed by signal \($0) (\(signalName($0)))" }
            ?? "its worker ended with status \(end.exitCode) and without a result"
        evidence += place(worker) + ", at most \(size(end.peakMemory)) of memory in use"
        if end.signal == SIGKILL { evidence += "; the system may have run out of memory" }
        if end.signal == SIGBUS { evidence += "; a file may have been cut short while it was read" }
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

    private func complete(_ record: JobRecord, _ outputs: [Output]) throws(SystemError) {
        let record = try spool.finish(record, outputs)
        announce(record, outputs)
    }

    func announce(_ record: JobRecord, _ outputs: [Output]) {
        for output in outputs {
            journal.write(
                JournalEntry(
                    .notice, "\(record.name) is done: \(output.summary)", .jobFinished,
                    about: record))
        }
        if outputs.isEmpty {
            journal.write(
                JournalEntry(.notice, "\(record.name) is done", .jobFinished, about: record))
        }
    }

    func fail(_ record: JobRecord, _ reason: String, _ code: ExitCode) throws(SystemError) {
        var record = record
        record.reason = reason
        record.exitCode = code.rawValue
        record.retryAfter = nil
        record = try spool.move(record, to: .failed)
        journal.write(
            JournalEntry(.error, "\(record.name) has failed: \(reason)", .jobFailed, about: record))
    }

    /// ` at block 3 of 30`, as far as is known.
    private func place(_ worker: Worker) -> String {
        guard let progress = worker.progress else { return "" }
        guard let block = progress.block else { return " during \(progress.phase.rawValue)" }
        return " at block \(block + 1) of \(progress.blocks)"
    }
}
