import Tensors

/// What pruning did to a block's output, and how long the block took.
package struct BlockResult: Sendable {
    package let index: Int
    /// Over the calibration sequences that were compared; nil without calibration.
    package let difference: Difference?
    /// Mean over those sequences of the mean squared error.
    package let meanSquaredError: Double?
    package let seconds: Double
    /// Of the evaluation's passes through the dense block and the pruned one; nil where there is
    /// none, of the dense one also where an earlier sweep has measured it.
    package let denseSeconds: Double?
    package let prunedSeconds: Double?
}
