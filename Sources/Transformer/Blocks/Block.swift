import Tensors

/// One decoder layer with its weights in memory.
package final class Block: Sendable {
    package let index: Int
    package let layers: [LayerKey: Linear]
    /// What computes each layer that is one thing, as a part of a layer.
    let projections: [LayerKey: (layer: Linear, part: Int)]
    /// Of a mixture, whose experts come apart from the block; nil: it is none.
    let router: Router?
    let norms: BlockNorms
    let mixer: BlockMixer
    let activation: BlockActivation
    /// Scores of each query head's key without a value, `[num_attention_heads]`; nil: there are
    /// none.
    let sinks: [Float]?
    /// What comes behind its feed-forward; nil: nothing does.
    let end: BlockEnd?
    package let shape: BlockShape

    /// How products of the block hold their factors.
    let input: ProductInput

    init(
        index: Int, layers: [LayerKey: Linear], router: Router?, norms: BlockNorms,
        mixer: BlockMixer, activation: BlockActivation, sinks: [Float]?, end: BlockEnd?,
        shape: BlockShape, input: ProductInput
    ) {
        self.index = index
        self.layers = layers
        projections = layers.reduce(into: [:]) { projections, entry in
            for (part, role) in entry.key.role.parts.enumerated() {
                projections[LayerKey(role, expert: entry.key.expert)] = (entry.value, part)
            }
        }
        self.router = router
        self.norms = norms
        self.mixer = mixer
        self.activation = activation
        self.sinks = sinks
        self.end = end
        self.shape = shape
        self.input = input
    }

    /// The same block with other layers, of such a shape.
    package func replacing(_ layers: [LayerKey: Linear], shape: BlockShape) -> Block {
        Block(
            index: index, layers: layers, router: router, norms: norms, mixer: mixer,
            activation: activation, sinks: sinks, end: end, shape: shape, input: input)
    }

    /// The same block, whose router chooses among some experts alone; they keep their numbers.
    package func among(_ experts: [Int]) -> Block {
        Block(
            index: index, layers: layers, router: router?.among(experts), norms: norms,
            mixer: mixer, activation: activation, sinks: sinks, end: end, shape: shape,
            input: input)
    }

    /// The same block with other norms.
    func replacing(norms: BlockNorms) -> Block {
        Block(
            index: index, layers: layers, router: router, norms: norms, mixer: mixer,
            activation: activation, sinks: sinks, end: end, shape: shape, input: input)
    }

    /// The same block without its layers: what its experts need of it.
    package var withoutLayers: Block { replacing([:], shape: shape) }

    package var isMixture: Bool { router != nil }

    /// Makes layers fit for use whose weights have been changed.
    package func pack(pool: WorkerPool) throws {
        let layers = Array(layers.values)
        try pool.forEach(layers.count) { layers[$0].pack() }
    }
}
