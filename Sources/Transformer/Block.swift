import Tensors

/// One decoder layer with its weights in memory.
package final class Block: Sendable {
    package let index: Int
    package let layers: [LayerKey: Linear]
    /// What computes each layer that is one thing, as a part of a layer.
    let projections: [LayerKey: (layer: Linear, part: Int)]
    let norms: BlockNorms
    let activation: BlockActivation
    package let shape: BlockShape

    /// How products of the block hold their factors.
    let input: ProductInput

    init(
        index: Int, layers: [LayerKey: Linear], norms: BlockNorms, activation: BlockActivation,
        shape: BlockShape, input: ProductInput
    ) {
        self.index = index
        self.layers = layers
        projections = layers.reduce(into: [:]) { projections, entry in
            for (part, role) in entry.key.role.parts.enumerated() {
                projections[LayerKey(role, expert: entry.key.expert)] = (entry.value, part)
            }
        }
        self.norms = norms
        self.activation = activation
        self.shape = shape
        self.input = input
    }

    /// The same block with other layers, of such a shape.
    package func replacing(_ layers: [LayerKey: Linear], shape: BlockShape) -> Block {
        Block(
            index: index, layers: layers, norms: norms, activation: activation, shape: shape,
            input: input)
    }

    /// Makes layers fit for use whose weights have been changed.
    package func pack(pool: WorkerPool) throws {
        let layers = Array(layers.values)
        try pool.forEach(layers.count) { layers[$0].pack() }
    }
}
