import Documents
import Tensors

/// `config.json` with its defaults filled in and checked; names are those of `config.json`.
package struct ModelConfiguration: Sendable {
    package let vocabSize: Int
    package let hiddenSize: Int
    package let intermediateSize: Int
    package let numHiddenLayers: Int
    package let numAttentionHeads: Int
    package let numKeyValueHeads: Int
    package let headDim: Int
    package let maxPositionEmbeddings: Int
    package let tieWordEmbeddings: Bool
    /// Width of the embedding table, where it is not `hidden_size` (OPT's `word_embed_proj_dim`).
    package let embeddingSize: Int
    package let normEpsilon: Float
    package let activation: Activation
    /// Norms come before the layers they feed, not after the residual sum.
    package let normsBefore: Bool
    package let normsAffine: Bool
    package let hasFinalNorm: Bool
    /// The feed-forward reads what the attention reads, not what it has left.
    package let isParallel: Bool
    /// What queries times keys is multiplied by.
    package let attentionScale: Float
    /// c of c tanh(x / c), for the attention's scores and for the logits; nil: they stay as they
    /// are.
    package let attentionSoftcap: Float?
    package let logitSoftcap: Float?
    /// Radians per position of each rotated pair; nil where positions are learned.
    package let inverseFrequencies: [Float]?
    /// What rotated elements are multiplied by.
    package let rotaryFactor: Float
    /// Tokens that a sequence can have: `max_position_embeddings`, or fewer where the rotation of
    /// longer sequences is another one.
    package let longestSequence: Int
    /// How many positions each block attends to, itself included; nil: all. `[num_hidden_layers]`
    package let windows: [Int?]
    /// The mixture of experts of some blocks or all; nil: there is none.
    package let mixture: MixtureConfiguration?
    /// Of the gate and what it weighs; nil: neither is limited.
    package let clamp: Clamp?
    /// The roles that have a bias in this checkpoint, but for experts'.
    package let biases: Set<Role>

    /// Query heads that share one head's keys and values.
    package var headsPerGroup: Int { numAttentionHeads / numKeyValueHeads }

    /// Known models have 256 at most. Frequencies are made from it before any tensor is looked at,
    /// so a slip in `config.json` must not cost gigabytes.
    private static let maximumHeadDim = 1 << 16

    /// - Throws: `ModelError` that names the key.
    package init(_ config: Node, architecture: Architecture, file: String) throws(ModelError) {
        let reader = ConfigReader(config: config, file: file)
        let keys = architecture.keys
        let defaults = architecture.defaults
        vocabSize = try reader.size("vocab_size")
        hiddenSize = try reader.size("hidden_size")
        intermediateSize = try reader.size(
            keys.intermediateSize, default: defaults.intermediateSize)
        numHiddenLayers = try reader.size("num_hidden_layers", atMost: 10_000)
        numAttentionHeads = try reader.size("num_attention_heads")
        let (hiddenSize, heads) = (hiddenSize, numAttentionHeads)
        numKeyValueHeads =
            try keys.keyValueHeads.map { key throws(ModelError) in
                try reader.size(key, default: defaults.keyValueHeads ?? heads)
            } ?? heads
        headDim =
            try keys.headDimension.map { key throws(ModelError) in
                try reader.size(key, default: defaults.headDimension ?? hiddenSize / heads)
            } ?? (hiddenSize / heads)
        maxPositionEmbeddings = try reader.size(
            "max_position_embeddings", default: defaults.maximumPositions)
        if numAttentionHeads % numKeyValueHeads != 0 {
            throw reader.wrong(
                "num_key_value_heads", expected: "a divisor of num_attention_heads")
        }
        if architecture.position == .rotary
            && (headDim < 2 || headDim % 2 != 0 || headDim > Self.maximumHeadDim)
        {
            throw reader.wrong(
                keys.headDimension ?? "num_attention_heads",
                expected: keys.headDimension == nil
                    ? "a number that leaves each head an even part of hidden_size, at most "
                        + "\(Self.maximumHeadDim)"
                    : "an even number from 2 to \(Self.maximumHeadDim) (absent, it is "
                        + "hidden_size / num_attention_heads)")
        }
        if keys.headDimension == nil || architecture.headCount == .dividingHiddenSize,
            hiddenSize % numAttentionHeads != 0
        {
            throw reader.wrong("hidden_size", expected: "a multiple of num_attention_heads")
        }
        tieWordEmbeddings = try reader.flag(
            "tie_word_embeddings", default: defaults.tiedEmbeddings)
        embeddingSize =
            try keys.embeddingSize.map { key throws(ModelError) in
                try reader.size(key, default: hiddenSize)
            } ?? hiddenSize
        normEpsilon = Float(
            try keys.normEpsilon.map { key throws(ModelError) in
                try reader.number(key, default: defaults.normEpsilon)
            } ?? defaults.normEpsilon)
        let name = try reader.text(keys.activation, default: defaults.activation)
        guard let activation = Activation(configuration: name) else {
            throw reader.wrong(
                keys.activation,
                expected: "one of " + Activation.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.activation = activation
        normsBefore =
            try keys.normsBefore.map { key throws(ModelError) in
                try reader.flag(key, default: true)
            } ?? true
        normsAffine =
            try keys.normsAffine.map { key throws(ModelError) in
                try reader.flag(key, default: true)
            } ?? true
        let removed =
            try keys.withoutFinalNorm.map { key throws(ModelError) in
                try reader.flag(key, default: false)
            } ?? false
        hasFinalNorm = normsBefore && !removed
        isParallel =
            try keys.parallelResidual.map { key throws(ModelError) in
                try reader.flag(key, default: true)
            } ?? false
        let scalar =
            try keys.attentionScalar.map { key throws(ModelError) in
                try reader.number(key, default: defaults.attentionScalar)
            } ?? Double(headDim)
        attentionScale = 1 / Float(scalar).squareRoot()
        attentionSoftcap = try reader.cap(
            keys.attentionSoftcap, default: defaults.attentionSoftcap)
        logitSoftcap = try reader.cap(keys.logitSoftcap, default: defaults.logitSoftcap)
        try reader.refuseOtherFunctions(architecture)
        let rotation =
            architecture.position == .rotary
            ? try reader.rotation(
                headDim: headDim, positions: maxPositionEmbeddings, architecture.rotary) : nil
        inverseFrequencies = rotation?.frequencies
        rotaryFactor = rotation?.factor ?? 1
        longestSequence = min(maxPositionEmbeddings, rotation?.longest ?? .max)
        windows = try reader.windows(
            architecture.window, blocks: numHiddenLayers, positions: maxPositionEmbeddings)
        clamp =
            architecture.feedForward == .clampedGate
            ? Clamp(
                slope: Float(try reader.number("swiglu_alpha", default: 1.702)),
                limit: Float(try reader.number("swiglu_limit", default: 7))) : nil
        let blocks = numHiddenLayers
        mixture =
            try architecture.mixture.map { mixture throws(ModelError) in
                try MixtureConfiguration(reader, mixture, blocks: blocks)
            }
        var biases = architecture.biases
        for flag in architecture.biasFlags
        where try reader.flag(flag.key, default: flag.defaultValue) {
            biases.formUnion(flag.roles)
        }
        self.biases = biases
    }
}
