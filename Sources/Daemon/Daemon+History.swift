import Posix
import Spool

extension Daemon {
    /// Seconds between two looks at the finished jobs; fewer as long as there are too many.
    private static let historyInterval = 60.0
    private static let busyHistoryInterval = 5.0
    /// So many that have ended do not wait for the next look.
    private static let manyEnded = 100
    /// Jobs that one turn takes out of the history.
    private static let historyBatch = 64
    /// Strange names that are told of.
    private static let maximumOthers = 20

    /// Takes out what the last look has found to be too much, some at a time, and asks for the next
    /// look when its time has come.
    func pruneHistory() throws(SystemError) {
        if excess.isEmpty {
            let now = Clock.boot()
            let isDue =
                lastLook == 0 || now - lastLook > lookInterval
                || now - lastLook > 1 && endedSoFar - endedAtLook >= Self.manyEnded
            guard !isLooking, isDue else { return }
            lastLook = now
            endedAtLook = endedSoFar
            isLooking = true
            historyKeeper.look(at: spool, configuration.history) { [weak self] findings in
                guard let self else { return }
                self.queue.async { self.take(findings) }
            }
            return
        }
        let batch = excess.removeFirst(Self.historyBatch)
        let removals = try spool.takeOut(batch)
        historyKeeper.remove(removals, from: spool) { [weak self] record, manifest in
            guard let self else { return }
            queue.async { self.cleanUp(after: record, manifest) }
        }
        let count = removals.count { $0.isWhole }
        if count > 0 {
            journal.write(JournalEntry(.info, "removed \(count) finished jobs from the history"))
        }
        for removal in removals where !removal.isWhole {
            journal.write(
                JournalEntry(
                    .info,
                    "\(removal.job.id) has no snapshot any more: its owner has "
                        + "\(configuration.history.snapshots) newer ones (history.snapshots)"))
        }
        if !excess.isEmpty { requestTurn() }
    }

    /// Jobs that have ended since the daemon started.
    private var endedSoFar: Int {
        [Message.jobFinished, .jobFailed, .jobRejected].reduce(0) {
            $0 + (journal.counts[$1] ?? 0)
        }
    }

    private func take(_ findings: HistoryKeeper.Findings) {
        isLooking = false
        lookInterval = findings.excess.isEmpty ? Self.historyInterval : Self.busyHistoryInterval
        excess = findings.excess
        if let failure = findings.failure {
            journal.write(JournalEntry(.warning, "\(failure); the history stays as it is"))
        }
        for other in findings.others.prefix(Self.maximumOthers)
        where toldOthers.count < Self.maximumOthers && toldOthers.insert(other).inserted {
            journal.write(
                JournalEntry(.warning, "\(other) is no job's directory and is left alone"))
        }
        if !excess.isEmpty { requestTurn() }
    }
}
