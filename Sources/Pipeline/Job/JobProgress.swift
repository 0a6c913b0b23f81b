import Checkpoint
import Posix
import Reports

/// How far a job is, as its snapshot keeps it, beside the hidden states.
struct JobProgress: Sendable {
    /// The private directory in which outputs are built.
    struct Place: Sendable, Hashable {
        let name: String
        let identity: FileIdentity
    }

    /// Everything before this block is done, in the sweep of the last of `outputs` (of all where
    /// they share one).
    var block: Int
    /// Seconds that the job ran until then, in all attempts.
    var seconds: Double
    /// In tokens through a block: see `ProgressMeter`.
    var work: Int
    /// What a survey has found, for each of the job's outputs; empty where there was none to be
    /// made.
    var sparsities: [Survey.Sparsities]
    /// How blocks were chosen, for each of the job's outputs; empty where there were none to be.
    var choices: [ReportDocument.Choice]
    /// The outputs that were begun, in the job's order.
    var outputs: [BegunOutput]
    /// Where they are.
    var place: Place
}

extension JobProgress.Place {
    init(_ partial: PartialDirectory) {
        self.init(name: partial.name, identity: partial.identity)
    }
}
