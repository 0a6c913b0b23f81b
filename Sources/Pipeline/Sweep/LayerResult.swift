import Pruning
import Tensors

/// What was done to one layer, with its weights still in memory: they change no more until its
/// block is done.
package struct LayerResult: Sendable {
    package let plan: LayerPlan
    /// The sparsity that was asked for.
    package let sparsity: Double
    package private(set) var outcome: LayerPruning.Outcome
    /// Pruned, and rounded to the type in which they are written; smaller where whole channels go.
    package let layer: Linear
    package private(set) var statistics: Statistics?
    /// Whether they are of all tokens of the block, for the expert saw too few.
    package let isPooled: Bool
    /// How many tokens the layer's expert serves; nil where that was not counted.
    package let tokens: Int?
    /// Of the dense layer.
    package let shape: Shape
    /// Whether weights and bias were tuned with the rest of the block.
    package private(set) var isTuned = false

    package init(
        plan: LayerPlan, sparsity: Double, outcome: LayerPruning.Outcome, layer: Linear,
        statistics: Statistics?, isPooled: Bool, tokens: Int?, shape: Shape
    ) {
        self.plan = plan
        self.sparsity = sparsity
        self.outcome = outcome
        self.layer = layer
        self.statistics = statistics
        self.isPooled = isPooled
        self.tokens = tokens
        self.shape = shape
    }

    /// Without what only a file of statistics has.
    var withoutStatistics: LayerResult {
        var result = self
        result.statistics = nil
        result.outcome.mask = []
        return result
    }

    /// With the weights as they are by now.
    var tuned: LayerResult {
        var result = self
        result.isTuned = true
        // A weight that stays may have become zero. Those that went with channels are not there.
        if Shape(rows: layer.rows, columns: layer.columns) == shape {
            result.outcome.zeros = layer.weights.zeros
        }
        return result
    }
}
