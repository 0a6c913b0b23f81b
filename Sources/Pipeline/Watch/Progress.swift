/// How far a job is.
package struct Progress: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable {
        case reading, survey, denseEvaluation = "dense evaluation", pruning, tuning
        case prunedEvaluation = "pruned evaluation"
        case writing
    }

    package var phase: Phase
    /// From 0; nil outside `pruning`.
    package var block: Int?
    package var blocks: Int
    /// Of the whole job, 0 to 1, in expected time.
    package var fraction: Double
    /// Calibration tokens through a block per second, of the block under way; nil while unknown.
    package var tokensPerSecond: Double?
    /// nil while unknown.
    package var secondsLeft: Double?
    /// e.g. `wanda` where the manifest lists several methods.
    package var method: String?
    /// e.g. `0.7` where the manifest lists several sparsities.
    package var sparsity: Double?

    package init(phase: Phase, blocks: Int, fraction: Double) {
        self.phase = phase
        self.blocks = blocks
        self.fraction = fraction
    }
}
