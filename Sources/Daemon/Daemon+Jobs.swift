import Documents
import Glibc
import Manifests
import Pipeline
import Posix
import Reports
import Spool

extension Daemon {
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

    func take(_ news: Worker.News, from id: String) {
        guard let worker = running[id] else { return }
        switch news {
        case .progress(let progress, let previous): take(progress, previous, from: worker)
        // There may be room for another one now.
        case .planned: requestTurn()
        case .resumed: noteResumption(worker.record)
        case .keeping:
            worker.extend(grace: options.grace)
            showLife()
        case .message(let text):
            journal.write(
                JournalEntry(.info, "\(worker.record.name): \(text)", about: worker.record))
        case .ended(let end):
            running[id] = nil
            lastNews[id] = nil
            unlink(joined(spool.directory(id, .active), Layout.Job.progress))
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
            let path = joined(spool.directory(record.id, .active), Layout.Job.progress)
            // For display only: on a full disk it is missing.
            try? spool.put(JSON.encode(progress.node), path, durable: false)
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

    func complete(_ record: JobRecord, _ outputs: [Output]) throws(SystemError) {
        let record = try spool.finish(record, outputs)
        // A worker that was killed behind its last rename.
        cleanUp(after: record)
        announce(record, outputs)
    }

    private func noteResumption(_ record: JobRecord) {
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
        cleaner.removeLeftovers(of: record.id, roots, find) { [weak self] text in
            guard let self else { return }
            queue.async {
                self.journal.write(
                    JournalEntry(.warning, "\(record.name): \(text)", about: record))
            }
        }
    }

    /// - Parameter keepsWork: a retry goes on from the checkpoint, if there is one.
    func fail(
        _ record: JobRecord, _ reason: String, _ code: ExitCode, keepsWork: Bool = false
    ) throws(SystemError) {
        var record = record
        if !keepsWork {
            // First the checkpoint, which names the rest.
            spool.discardCheckpoint(record)
            cleanUp(after: record)
        }
        record.reason = reason
        record.exitCode = code.rawValue
        record.retryAfter = nil
        record = try spool.move(record, to: .failed)
        journal.write(
            JournalEntry(.error, "\(record.name) has failed: \(reason)", .jobFailed, about: record))
    }
}
