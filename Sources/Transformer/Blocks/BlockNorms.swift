import Tensors

/// The norms of a block; nil where it has none.
struct BlockNorms: Sendable {
    /// Over what attention and feed-forward read.
    var attention: NormWeights?
    var feedForward: NormWeights?
    /// Over what is added to the sum that runs through the block.
    var attentionOutput: NormWeights?
    var feedForwardOutput: NormWeights?
    /// Over the heads.
    var query: NormWeights?
    var key: NormWeights?
    var value: NormWeights?
    /// Where a mixture stands beside a feed-forward.
    var beside: BesideNorms?
    /// Over the latents of queries, and of keys and values.
    var queryLatent: NormWeights?
    var keyValueLatent: NormWeights?
    /// Over what each head of the delta rule makes.
    var delta: NormWeights?
    /// Over what is made of the second embedding.
    var perLayer: NormWeights?
}

/// A norm's weight and bias as they are applied, `[features]`, or `[heads * features]` where each
/// head has its own.
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
        case .layer, .layerAroundOne, .layerWithoutBias, .layerWithoutWeights:
            layerNormalize(x, weight: weight, bias: bias, epsilon: epsilon, into: y)
        }
    }

    /// Over each head of each row by itself. x: `[rows, heads * features]`.
    func applyPerHead(_ x: MatrixView, headDimension: Int) {
        let hasOwn = (weight?.count ?? 0) > headDimension
        for start in stride(from: 0, to: x.columns, by: headDimension) {
            let columns = start..<(start + headDimension)
            let head = x.part(rows: 0..<x.rows, columns: columns)
            let norm =
                hasOwn
                ? NormWeights(
                    kind: kind, weight: weight.map { Array($0[columns]) }, bias: nil,
                    epsilon: epsilon) : self
            norm.apply(head, into: head)
        }
    }
}

/// The nonlinearity of a block's feed-forward.
enum BlockActivation: Sendable {
    case fixed(Activation)
    case learned(LearnedActivation)

    /// x: `[rows, intermediate_size]`.
    func apply(_ x: MatrixView) {
        switch self {
        case .fixed(let activation): activation.apply(x)
        case .learned(let activation): activation.apply(x)
        }
    }

    /// x *= f(gate); the gate is overwritten.
    func gate(_ x: MatrixView, by gate: MatrixView) {
        switch self {
        case .fixed(let activation): activation.gate(x, by: gate)
        case .learned(let activation):
            activation.apply(gate)
            multiply(x, by: gate)
        }
    }
}
