import Transformer

/// One output of a sweep: what is done to each layer, and how much of it goes.
package struct Lane: Sendable {
    /// `[blocks][layers of the block]`.
    package let layers: [[LayerPlan]]
    /// Of each block: the model's, but where whole channels go.
    package let shapes: [BlockShape]
    /// Blocks that go; nil: none.
    let cut: BlockCut?
    /// How many experts stay of each block; nil where none is to go.
    let experts: ExpertPlan?
    private let sparsity: Double
    /// By layer's name, where they differ.
    private let allocated: [String: Double]
    let label: OutputLabel

    package init(layers: [[LayerPlan]], sparsity: Double, shapes: [BlockShape]) {
        self.init(
            layers: layers, sparsity: sparsity, shapes: shapes, cut: nil, experts: nil,
            allocated: [:], label: OutputLabel())
    }

    init(
        layers: [[LayerPlan]], sparsity: Double, shapes: [BlockShape], cut: BlockCut?,
        experts: ExpertPlan?,
        allocated: [String: Double], label: OutputLabel
    ) {
        self.layers = layers
        self.shapes = shapes
        self.cut = cut
        self.experts = experts
        self.sparsity = sparsity
        self.allocated = allocated
        self.label = label
    }

    /// The sparsity of a layer.
    func sparsity(of layer: LayerPlan) -> Double { allocated[layer.name] ?? sparsity }
}
