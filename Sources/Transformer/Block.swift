import Tensors

/// One decoder layer with its weights in memory.
package final class Block: Sendable {
    package let index: Int
    package let layers: [LayerKey: Linear]
    /// What computes each layer that is one thing, as a part of a layer.
    let projections: [LayerKey: (layer: Linear, part: Int)]
    let attentionNorm: NormWeights
    let feedForwardNorm: NormWeights
    /// Over what is added to the sum that runs through the block; nil where the family has none.
    let attentionOutputNorm: NormWeights?
    let feedForwardOutputNorm: NormWeights?
    /// Over each head; nil where the family has none.
    let queryNorm: NormWeights?
    let keyNorm: NormWeights?
    /// How many positions are attended to; nil: all.
    let window: Int?
    package let shape: BlockShape

    /// How products of the block hold their factors.
    let input: ProductInput

    init(
        index: Int, layers: [LayerKey: Linear], attentionNorm: NormWeights,
        feedForwardNorm: NormWeights, attentionOutputNorm: NormWeights?,
        feedForwardOutputNorm: NormWeights?, queryNorm: NormWeights?, keyNorm: NormWeights?,
        window: Int?, shape: BlockShape, input: ProductInput
    ) {
        self.index = index
        self.layers = layers
        projections = layers.reduce(into: [:]) { projections, entry in
            for (part, role) in entry.key.role.parts.enumerated() {
                projections[LayerKey(role, expert: entry.key.expert)] = (entry.value, part)
            }
        }
        self.attentionNorm = attentionNorm
        self.feedForwardNorm = feedForwardNorm
        self.attentionOutputNorm = attentionOutputNorm
        self.feedForwardOutputNorm = feedForwardOutputNorm
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
        self.window = window
        self.shape = shape
        self.input = input
    }

    /// The same block with other layers, of such a shape.
    package func replacing(_ layers: [LayerKey: Linear], shape: BlockShape) -> Block {
        Block(
            index: index, layers: layers, attentionNorm: attentionNorm,
            feedForwardNorm: feedForwardNorm, attentionOutputNorm: attentionOutputNorm,
            feedForwardOutputNorm: feedForwardOutputNorm, queryNorm: queryNorm, keyNorm: keyNorm,
            window: window, shape: shape, input: input)
    }

    /// Makes layers fit for use whose weights have been changed.
    package func pack(pool: WorkerPool) throws {
        let layers = Array(layers.values)
        try pool.forEach(layers.count) { layers[$0].pack() }
    }
}

/// A norm's weight and bias, `[features]`, as they are applied.
struct NormWeights: Sendable {
    let kind: Architecture.Norm
    let weight: [Float]?
    let bias: [Float]?
    let epsilon: Float

    /// x, y: `[rows, features]`; they may be the same.
    func apply(_ x: MatrixView, into y: MatrixView) {
        switch kind {
        case .rms, .rmsAroundOne:
            let ones = weight ?? [Float](repeating: 1, count: x.columns)
            rmsNormalize(x, weight: ones, epsilon: epsilon, into: y)
        case .layer:
            layerNormalize(x, weight: weight, bias: bias, epsilon: epsilon, into: y)
        }
    }

    /// Over each head of each row by itself. x: `[rows, heads * features]`.
    func applyPerHead(_ x: MatrixView, headDimension: Int) {
        for start in stride(from: 0, to: x.columns, by: headDimension) {
            let head = x.part(rows: 0..<x.rows, columns: start..<(start + headDimension))
            apply(head, into: head)
        }
    }
}
