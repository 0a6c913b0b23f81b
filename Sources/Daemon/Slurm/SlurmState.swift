/// What Slurm says of a job's state: the words of squeue(1), JOB STATE CODES.
enum SlurmState: Sendable, Hashable {
    /// It has not started, or is to start again.
    case pending
    /// It has started and not ended; also of every word that is not known here, for to wait is
    /// never wrong.
    case running
    case ended(SlurmEnd.Kind)
    /// Its start has failed, and it never starts again by itself: only Slurm's administrator can
    /// release it.
    case held

    /// What squeue's %r says of such a job: 22.05 with spaces, others with underscores.
    private static let launchFailed: Set<String> = [
        "launch failed requeued held", "launch_failed_requeued_held",
    ]

    /// - Parameter reason: squeue's word for why it is so.
    init(_ word: String, reason: String) {
        switch word {
        case "PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD",
            "RESV_DEL_HOLD", "SPECIAL_EXIT":
            self = Self.launchFailed.contains(reason) ? .held : .pending
        case "COMPLETED": self = .ended(.completed)
        case "FAILED": self = .ended(reason == "BadConstraints" ? .impossible : .failed)
        case "CANCELLED": self = .ended(.cancelled)
        case "OUT_OF_MEMORY": self = .ended(.outOfMemory)
        case "TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "REVOKED":
            self = .ended(.interrupted)
        default: self = .running
        }
    }

    var isEnded: Bool { if case .ended = self { true } else { false } }
}

/// How a job of Slurm's has ended, as far as Slurm knows.
struct SlurmEnd: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case completed, failed, cancelled, outOfMemory
        /// Slurm ended it for no fault of its own: its time was over, or a node was lost or wanted
        /// for others.
        case interrupted
        /// Its start has failed, and Slurm holds it; it is not ended there yet.
        case held
        /// No node can ever run it.
        case impossible
        /// Slurm does not know it any more.
        case forgotten
        /// Slurm was never told of it.
        case unsubmitted
    }

    var kind: Kind
    /// Slurm's number; nil: it has none.
    var number: Int?
    /// Slurm's own words, as `TIMEOUT` or `FAILED, NonZeroExitCode`; empty where it has said none.
    var words = ""

    /// `its Slurm job 17 (TIMEOUT)`.
    var name: String {
        "its Slurm job" + (number.map { " \($0)" } ?? "") + (words.isEmpty ? "" : " (\(words))")
    }
}
