import Pruning
import Tensors

/// What was done to one layer, with its weights still in memory: they change no more until its
/// block is done.
package struct LayerResult: Sendable {
    package let plan: LayerPlan
    /// The sparsity that was asked for.
    package let sparsity: Double
    package let outcome: LayerPruning.Outcome
    /// Pruned, and rounded to the type in which they are written; smaller where whole channels go.
    package let layer: Linear
    package let statistics: Statistics?
    /// Whether they are of all tokens of the block, for the expert saw too few.
    package let isPooled: Bool
    /// How many tokens the layer's expert serves; nil where that was not counted.
    package let tokens: Int?
    /// Of the dense layer.
    package let shape: Shape
}
