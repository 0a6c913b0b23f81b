import Pruning
import Tensors

/// What was done to one layer, with its weights still in memory: they change no more until its
/// block is done.
package struct LayerResult: Sendable {
    package let plan: LayerPlan
    /// The share of the weights that was to go.
    package let sparsity: Double
    package let outcome: LayerPruning.Outcome
    /// Pruned, and rounded to the type in which they are written; smaller where whole channels go.
    package let layer: Linear
    package let statistics: Statistics?
    /// Of the dense layer.
    package let shape: Shape
}
