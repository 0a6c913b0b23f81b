import Pruning

/// Which experts of a block went, and what is known of them.
package struct ExpertsResult: Sendable {
    let block: Int
    let score: ExpertScore
    /// Tokens of the calibration; 0 without one.
    let tokens: Int
    /// How many of them each expert serves in the dense block.
    let served: [Int]
    /// Of each expert; the least go. Empty where they are drawn by lot.
    let scores: [Double]
    /// Ascending: their places are their numbers in the output.
    let kept: [Int]
    /// Weights of linear layers that went.
    let weightsGone: Int
}
