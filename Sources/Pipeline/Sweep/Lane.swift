import Transformer

/// One output of a sweep: what is done to each layer, and how much of it goes.
package struct Lane: Sendable {
    /// `[blocks][layers of the block]`.
    package let layers: [[LayerPlan]]
    private let sparsity: Double
    /// By layer's name, where they differ.
    private let allocated: [String: Double]
    /// Of each block: the model's, but where whole channels go.
    package let shapes: [BlockShape]

    package init(
        layers: [[LayerPlan]], sparsity: Double, allocated: [String: Double] = [:],
        shapes: [BlockShape]
    ) {
        self.layers = layers
        self.sparsity = sparsity
        self.allocated = allocated
        self.shapes = shapes
    }

    /// The share of a layer that is to go.
    func sparsity(of layer: LayerPlan) -> Double { allocated[layer.name] ?? sparsity }
}
