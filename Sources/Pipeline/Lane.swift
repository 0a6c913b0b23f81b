/// One output of a sweep: what is done to each layer, and how much of it goes.
package struct Lane: Sendable {
    /// `[blocks][layers of the block]`.
    package let layers: [[LayerPlan]]
    package let sparsity: Double

    package init(layers: [[LayerPlan]], sparsity: Double) {
        self.layers = layers
        self.sparsity = sparsity
    }
}
