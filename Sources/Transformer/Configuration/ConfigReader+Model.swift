import Documents
import Tensors

extension ConfigReader {
    /// A flag that the family may not have.
    func flag(_ key: String?, default fallback: Bool) throws(ModelError) -> Bool {
        guard let key else { return fallback }
        return try flag(key, default: fallback)
    }

    func intermediateSize(
        _ architecture: Architecture, hiddenSize: Int
    ) throws(ModelError) -> Int {
        let defaults = architecture.defaults
        let multiple = defaults.intermediateFactor.map { $0 * hiddenSize }
        guard let key = architecture.keys.intermediateSize else { return multiple ?? hiddenSize }
        let size = try size(key, default: multiple ?? defaults.sizes[key])
        guard let shrinks = architecture.keys.shrinksIntermediateSize,
            try flag(shrinks, default: true)
        else { return size }
        return try shrunk(size)
    }

    /// Two thirds, times a factor, rounded up.
    ///
    /// Source: `Lfm2MLP` in `modeling_lfm2.py` of transformers.
    private func shrunk(_ size: Int) throws(ModelError) -> Int {
        let key = "block_ffn_dim_multiplier"
        let part = Int(2 * Double(size) / 3)
        if node(key)?.isNull == true { return max(1, part) }
        let scaled = try number(key, default: 1) * Double(part)
        let multiple = try self.size("block_multiple_of", default: 256, atMost: 1 << 16)
        guard scaled >= 1, scaled <= 1e9 else {
            throw wrong(key, expected: "a factor that leaves the feed-forward a usual width")
        }
        return (Int(scaled) + multiple - 1) / multiple * multiple
    }

    func activation(
        _ architecture: Architecture
    ) throws(ModelError) -> FeedForwardActivation {
        let fallback = architecture.defaults.activation
        let key = architecture.keys.activation
        let given = try key.map { key throws(ModelError) in
            try text(key, default: fallback)
        }
        let name = architecture.defaults.activationNames[given ?? fallback] ?? given ?? fallback
        if name == LearnedActivation.name, architecture.names.activation != nil {
            return .learned
        }
        guard let activation = Activation(configuration: name) else {
            throw wrong(
                key ?? "",
                expected: "one of " + Activation.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return .fixed(activation)
    }

    /// Names of the norms before attention and feed-forward, which may be the same.
    func norms(
        _ architecture: Architecture, isParallel: Bool
    ) throws(ModelError) -> (attention: String?, feedForward: String?) {
        let names = architecture.names
        guard isParallel else { return (names.attentionNorm, names.feedForwardNorm) }
        if let pair = names.parallelNorms, let key = architecture.keys.parallelNorms {
            let count = try size(key, default: architecture.defaults.parallelNorms, atMost: 2)
            if count == 2 { return pair }
        }
        return (
            names.attentionNorm,
            names.sharesParallelNorm ? names.attentionNorm : names.feedForwardNorm
        )
    }

    /// What queries times keys is multiplied by, in each block.
    func attentionScales(
        _ architecture: Architecture, headDim: Int, blocks: Int
    ) throws(ModelError) -> [Float] {
        let (keys, defaults) = (architecture.keys, architecture.defaults)
        var scale: Float
        if let key = keys.attentionMultiplier {
            scale = Float(try number(key, default: defaults.attentionMultiplier))
        } else {
            let scalar =
                try keys.attentionScalar.map { key throws(ModelError) in
                    try number(key, default: defaults.attentionScalar)
                } ?? Double(headDim)
            scale = 1 / Float(scalar).squareRoot()
        }
        if try !flag(keys.scalesAttention, default: defaults.scalesAttention) { scale = 1 }
        let isDivided = try flag(keys.scalesAttentionByBlock, default: false)
        return (0..<blocks).map { isDivided ? scale / Float($0 + 1) : scale }
    }

    func multipliers(
        _ architecture: Architecture
    ) throws(ModelError) -> ModelConfiguration.Multipliers {
        let keys = architecture.keys
        func factor(_ key: String?, default fallback: Double = 1) throws(ModelError) -> Float {
            guard let key else { return 1 }
            return Float(try number(key, default: fallback))
        }
        return ModelConfiguration.Multipliers(
            embedding: try factor(keys.embeddingMultiplier),
            residual: try factor(keys.residualMultiplier),
            logits: try factor(
                keys.logitMultiplier, default: architecture.defaults.logitMultiplier)
                / factor(keys.logitDivisor))
    }
}
