import Reports
import Tensors

/// What pruning did to a block's output, and how long the block took.
package struct BlockResult: Sendable {
    package let index: Int
    /// Over the calibration sequences that were compared; nil without calibration.
    package let difference: Difference?
    package let seconds: Double
    let cost: LaneCost
    /// What tuning has reached; nil where the block was not tuned.
    var tuning: TuningOutcome?
    /// Of blocks behind it that went; nil where none did.
    var seam: ReportDocument.Seam?

    /// Mean over those sequences of the mean squared error.
    package var meanSquaredError: Double? { difference?.meanSquaredError }
}
