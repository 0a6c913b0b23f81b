import Manifests
import Posix
import Spool

/// Keeps the finished jobs within the history's bounds, some at a time.
///
/// Belongs to the daemon's queue; looking and removing happens on the keeper's.
struct HistoryPruning {
    private let keeper = HistoryKeeper()
    private let journal: Journal
    /// What is still to be taken out.
    private var excess = FinishedJobs.Excess()
    /// On `Clock.boot`.
    private var lastLook = 0.0
    /// Seconds.
    private var lookInterval = 0.0
    private var isLooking = false
    /// Jobs that had ended by then, since the start.
    private var endedAtLook = 0
    /// Strange names among the finished jobs, each told of once.
    private var toldOthers: Set<String> = []

    /// Seconds between two looks at the finished jobs; fewer as long as there are too many.
    private static let interval = 60.0
    private static let busyInterval = 5.0
    /// So many that have ended do not wait for the next look.
    private static let manyEnded = 100
    /// Jobs that one turn takes out of the history.
    private static let batch = 64
    /// Strange names that are told of.
    private static let maximumOthers = 20

    init(_ journal: Journal) { self.journal = journal }

    /// Takes out what the last look has found to be too much, some at a time, and asks for the next
    /// look when its time has come.
    ///
    /// - Parameters:
    ///   - found: called on another queue with what a look has found, for `take`.
    ///   - leaving: called on another queue: see `HistoryKeeper.remove`.
    /// - Returns: whether there is more to take out.
    mutating func prune(
        _ spool: Spool, _ bounds: Configuration.History,
        found: @escaping @Sendable (HistoryKeeper.Findings) -> Void,
        leaving: @escaping @Sendable (JobRecord, Manifest) -> Void
    ) throws(SystemError) -> Bool {
        if excess.isEmpty {
            lookIfDue(spool, bounds, found)
            return false
        }
        let batch = excess.removeFirst(Self.batch)
        let removals = try spool.takeOut(batch)
        keeper.remove(removals, from: spool, leaving: leaving)
        let count = removals.count { $0.isWhole }
        if count > 0 {
            journal.write(JournalEntry(.info, "removed \(count) finished jobs from the history"))
        }
        for removal in removals where !removal.isWhole {
            journal.write(
                JournalEntry(
                    .info,
                    "\(removal.job.id) has no snapshot any more: its owner has "
                        + "\(bounds.snapshots) newer ones (history.snapshots)"))
        }
        return !excess.isEmpty
    }

    private mutating func lookIfDue(
        _ spool: Spool, _ bounds: Configuration.History,
        _ found: @escaping @Sendable (HistoryKeeper.Findings) -> Void
    ) {
        let now = Clock.boot()
        let ended = endedSoFar
        let isDue =
            lastLook == 0 || now - lastLook > lookInterval
            || now - lastLook > 1 && ended - endedAtLook >= Self.manyEnded
        guard !isLooking, isDue else { return }
        lastLook = now
        endedAtLook = ended
        isLooking = true
        keeper.look(at: spool, bounds, report: found)
    }

    /// Jobs that have ended since the daemon started.
    private var endedSoFar: Int {
        let counts = journal.counts
        return [Message.jobFinished, .jobFailed, .jobRejected].reduce(0) {
            $0 + (counts[$1] ?? 0)
        }
    }

    /// Takes over what a look has found.
    /// - Returns: whether there is something to take out.
    mutating func take(_ findings: HistoryKeeper.Findings) -> Bool {
        isLooking = false
        lookInterval = findings.excess.isEmpty ? Self.interval : Self.busyInterval
        excess = findings.excess
        if let failure = findings.failure {
            journal.write(JournalEntry(.warning, "\(failure); the history stays as it is"))
        }
        for other in findings.others.prefix(Self.maximumOthers)
        where toldOthers.count < Self.maximumOthers && toldOthers.insert(other).inserted {
            journal.write(
                JournalEntry(.warning, "\(other) is no job's directory and is left alone"))
        }
        return !excess.isEmpty
    }
}
