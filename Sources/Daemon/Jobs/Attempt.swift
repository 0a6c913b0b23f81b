import Pipeline
import Spool

/// How an attempt at a job has ended, as far as its worker and the daemon know.
struct Attempt: Sendable {
    /// As it was when the attempt began, with what was learned of it since.
    var record: JobRecord
    /// What was set aside for it.
    var share: Share
    /// Why the daemon ended it; nil: the daemon did not.
    var ending: Worker.Ending?
    /// The worker's own last word.
    var result: WorkerEvent?
    /// The last that it said of how far it was.
    var progress: Progress?
    /// It wrote a snapshot.
    var hasKept = false
    /// What its control group counted.
    var outOfMemoryKills = 0
    var end: ChildProcess.End
    /// How Slurm's job has ended; nil: it was none of Slurm's.
    var slurm: SlurmEnd?

    /// ` at block 3 of 30`, as far as is known.
    var place: String {
        guard let progress else { return "" }
        guard let block = progress.block else { return " during \(progress.phase.rawValue)" }
        return " at block \(block + 1) of \(progress.blocks)"
    }

    var ranOutOfMemory: Bool { outOfMemoryKills > 0 || end.ranOutOfMemory(share.memory) }
}
