import Transformer

/// One output of a sweep: what is done to each layer, and how much of it goes.
package struct Lane: Sendable {
    /// `[blocks][layers of the block]`.
    package let layers: [[LayerPlan]]
    package let sparsity: Double
    /// Of its blocks: the model's, but where whole channels go.
    package let shape: BlockShape

    package init(layers: [[LayerPlan]], sparsity: Double, shape: BlockShape) {
        self.layers = layers
        self.sparsity = sparsity
        self.shape = shape
    }
}
