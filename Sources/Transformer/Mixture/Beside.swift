import Checkpoint
import Tensors

extension Architecture.Mixture {
    /// What a mixture has of its own where it stands beside a block's feed-forward. All names are
    /// inside a block.
    package struct Beside: Sendable {
        /// Over what experts read, over the sum of what they make, and over what the feed-forward
        /// makes; without `.weight`.
        package var expertNorm: String
        package var outputNorm: String
        package var sharedNorm: String
        /// What the router's input is multiplied by behind a norm without weights, `[hidden_size]`,
        /// and each expert's weight, `[experts]`.
        package var routerScale: String
        package var expertScale: String
    }
}

/// The norms of a mixture that stands beside a feed-forward.
struct BesideNorms: Sendable {
    var experts: NormWeights
    var output: NormWeights
    var shared: NormWeights
}

extension BlockNorms {
    /// Over what experts read.
    var experts: NormWeights? { beside?.experts ?? feedForward }
}

/// A router that reads the sum that runs through the block by itself.
///
/// Source: `Gemma4TextRouter` in `modeling_gemma4.py` of transformers.
struct BesideRouter: Sendable {
    /// Its weights are what the normalised input is multiplied by.
    let norm: NormWeights
    let layer: Linear
    /// Of each expert's weight, `[experts]`.
    let factors: [Float]

    /// x, normed: `[rows, hidden_size]`; logits: `[rows, experts]`.
    func apply(
        _ x: MatrixView, into logits: MatrixView, through normed: MatrixView,
        _ products: Products
    ) {
        norm.apply(x, into: normed)
        layer.apply(Operand(normed), into: logits, using: products)
    }
}

extension Model {
    func besideNormNames(block: Int) -> [String] {
        guard isMixture(block), let beside = architecture.mixture?.beside else { return [] }
        return [beside.expertNorm, beside.outputNorm, beside.sharedNorm].map {
            blockName($0, block)
        }
    }

    func besideNorms(block: Int) throws -> BesideNorms? {
        let names = besideNormNames(block: block)
        if names.isEmpty { return nil }
        return BesideNorms(
            experts: try norm(names[0]), output: try norm(names[1]), shared: try norm(names[2]))
    }

    /// The router's weights, its scale and the experts' factors; empty where the mixture takes the
    /// feed-forward's place.
    func besideTensors(block: Int) throws -> [TensorView] {
        guard let beside = architecture.mixture?.beside, let mixture = configuration.mixture
        else { return [] }
        let hidden = configuration.hiddenSize
        return [
            try tensor(blockName(routerName, block), [mixture.experts, hidden]),
            try checkpoint.expect(blockName(beside.routerScale, block), shape: [hidden]),
            try checkpoint.expect(blockName(beside.expertScale, block), shape: [mixture.experts]),
        ]
    }

    func besideRouter(block: Int) throws -> BesideRouter? {
        let tensors = try besideTensors(block: block)
        if tensors.isEmpty { return nil }
        let root = Float(1 / Double(configuration.hiddenSize).squareRoot())
        return BesideRouter(
            norm: NormWeights(
                kind: .rms, weight: try tensors[1].floats().map { $0 * root }, bias: nil,
                epsilon: configuration.normEpsilon),
            layer: Linear(
                weights: try tensors[0].matrix(rows: 0..<tensors[0].shape[0]), bias: nil,
                input: .float32),
            factors: try tensors[2].floats())
    }

    /// Bytes of such a router.
    var besideBytes: Int {
        guard architecture.mixture?.beside != nil, let mixture = configuration.mixture else {
            return 0
        }
        let (rows, columns) = (mixture.experts, configuration.hiddenSize)
        return 4 * rows * columns
            + Linear.packedBytes(rows: rows, columns: columns, input: .float32, parts: [])
    }

    /// `intermediate_size` of the expert that all tokens go to; 0 where there is none.
    func sharedSize(_ mixture: MixtureConfiguration, _ block: Int) -> Int {
        configuration.feedForwardFactor(block) * (mixture.sharedSize ?? 0)
    }
}

extension Model {
    /// Whether a mixture stands beside each block's feed-forward, whose output waits for it.
    package var isBesideFeedForward: Bool { architecture.mixture?.beside != nil }
}

extension Block {
    package var isBesideFeedForward: Bool { norms.beside != nil }
}
