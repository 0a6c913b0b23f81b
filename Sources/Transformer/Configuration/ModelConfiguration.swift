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
    /// Of queries and keys.
    package let headDim: Int
    package let maxPositionEmbeddings: Int
    package let tieWordEmbeddings: Bool
    /// Width of the embedding table, where it is not `hidden_size` (OPT's `word_embed_proj_dim`).
    package let embeddingSize: Int
    package let normEpsilon: Float
    package let activation: FeedForwardActivation
    /// Norms come before the layers they feed, not after the residual sum.
    package let normsBefore: Bool
    package let normsAffine: Bool
    package let hasFinalNorm: Bool
    /// The feed-forward reads what the attention reads, not what it has left.
    package let isParallel: Bool
    /// Names of the norms before attention and feed-forward, which may be the same.
    package let attentionNorm: String?
    package let feedForwardNorm: String?
    /// Norms over queries and keys; nil: there are none.
    package let headNorms: Architecture.HeadNorms?
    /// The latents of queries, keys and values; nil: they have none.
    package let latent: LatentConfiguration?
    /// What queries times keys is multiplied by, in each block.
    package let attentionScales: [Float]
    /// c of c tanh(x / c), for the attention's scores and for the logits; nil: they stay as they
    /// are.
    package let attentionSoftcap: Float?
    package let logitSoftcap: Float?
    /// Queries, keys and values are kept between it and its negative; nil: they stay.
    package let queryKeyValueLimit: Float?
    /// The head adds a bias.
    package let headHasBias: Bool
    package let multipliers: Multipliers
    package let position: Architecture.Position
    /// What turns queries and keys in each block; nil: nothing does. `[num_hidden_layers]`
    package let rotations: [Rotation?]
    /// The attention heads of each block. `[num_hidden_layers]`
    package let heads: [BlockHeads]
    /// Where keys and values are kept that later blocks read.
    package let kept: KeptKeyValues
    /// Blocks that read others' keys and values have a feed-forward of twice the width.
    package let doublesFeedForward: Bool
    /// Features of each block's part of the second embedding; 0 where there is none.
    package let perLayerSize: Int
    /// Tokens that stand for what is seen or heard, and what they are in a text.
    package let placeholders: Placeholders
    /// How many positions each block attends to, itself included; nil: all. `[num_hidden_layers]`
    package let windows: [Int?]
    /// The mixture of experts of some blocks or all; nil: there is none.
    package let mixture: MixtureConfiguration?
    /// What lets the tokens of each block see each other. `[num_hidden_layers]`
    package let mixers: [TokenMixer]
    /// What stands in place of the attention in some blocks; nil: nothing does.
    package let recurrence: RecurrenceConfiguration?
    /// Of the gate and what it weighs; nil: neither is limited.
    package let clamp: Clamp?
    /// The roles that have a bias in this checkpoint, but for experts'.
    package let biases: Set<Role>

    /// Radians per position of each rotated pair, in the first block that rotates; nil: none does.
    package var inverseFrequencies: [Float]? {
        rotations.lazy.compactMap(\.self).first?.frequencies
    }

    /// Lengths of sequences above which a rotation is another one, ascending, and the model's
    /// positions behind them.
    package var lengthLimits: [Int] {
        let lengths = Set(rotations.compactMap { $0?.long?.length })
        return lengths.filter { $0 < maxPositionEmbeddings }.sorted() + [maxPositionEmbeddings]
    }

    /// The widest input of a projection behind the heads, or behind what stands in their place.
    var mixerWidth: Int { max(widestQueries, widestOutput, recurrence?.width ?? 0) }

    /// Factors of what runs through the model.
    package struct Multipliers: Sendable, Hashable {
        /// Of the embedding table's rows.
        package var embedding: Float = 1
        /// Of what attention and feed-forward add to the sum that runs through a block.
        package var residual: Float = 1
        package var logits: Float = 1
    }

    /// Known models have 256 at most. Frequencies are made from it before any tensor is looked at,
    /// so a slip in `config.json` must not cost gigabytes.
    private static let maximumHeadDim = 1 << 16

    /// - Throws: `ModelError` that names the key.
    package init(_ config: Node, architecture: Architecture, file: String) throws(ModelError) {
        let keys = architecture.keys
        let defaults = architecture.defaults
        let outer = ConfigReader(
            config: config, file: file, aliases: keys.aliases, overrides: keys.overrides)
        let reader = ConfigReader(
            config: architecture.settings(config), file: file,
            prefix: architecture.settingsKey.map { "\($0)." } ?? "", aliases: keys.aliases,
            overrides: keys.overrides)
        try reader.refuseOtherFunctions(architecture)
        vocabSize = try reader.size("vocab_size", default: defaults.sizes["vocab_size"])
        hiddenSize = try reader.size("hidden_size", default: defaults.sizes["hidden_size"])
        numHiddenLayers = try reader.size(
            "num_hidden_layers", default: defaults.sizes["num_hidden_layers"], atMost: 10_000)
        numAttentionHeads = try reader.size(
            "num_attention_heads", default: defaults.sizes["num_attention_heads"])
        let (hiddenSize, heads) = (hiddenSize, numAttentionHeads)
        intermediateSize = try reader.intermediateSize(architecture, hiddenSize: hiddenSize)
        numKeyValueHeads =
            try keys.keyValueHeads.map { key throws(ModelError) in
                let isNull = reader.node(key)?.isNull ?? false
                return try reader.size(
                    key, default: isNull ? heads : defaults.keyValueHeads ?? heads)
            } ?? defaults.keyValueHeads ?? heads
        latent =
            try architecture.latent.map { latent throws(ModelError) in
                try LatentConfiguration(reader, latent)
            }
        let said =
            try keys.headDimension.map { key throws(ModelError) in
                try reader.size(key, default: defaults.headDimension ?? hiddenSize / heads)
            } ?? (hiddenSize / heads)
        headDim = latent?.headDim ?? said
        maxPositionEmbeddings =
            try keys.maximumPositions.map { key throws(ModelError) in
                try reader.size(key, default: defaults.maximumPositions)
            } ?? defaults.maximumPositions
        position =
            try keys.linearBiases.map { key throws(ModelError) in
                try reader.flag(key, default: false) ? .linearBias(.rounded) : architecture.position
            } ?? architecture.position
        let isRotated = position == .rotary
        if latent != nil, numKeyValueHeads != numAttentionHeads {
            throw reader.wrong(
                keys.keyValueHeads ?? "num_attention_heads",
                expected: "\(numAttentionHeads), as num_attention_heads is")
        }
        if numAttentionHeads % numKeyValueHeads != 0 {
            throw reader.wrong(
                keys.keyValueHeads ?? "num_attention_heads",
                expected: "a divisor of num_attention_heads")
        }
        if isRotated, latent == nil,
            headDim < 2 || headDim % 2 != 0 || headDim > Self.maximumHeadDim
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
        tieWordEmbeddings = try outer.flag(
            "tie_word_embeddings", default: defaults.tiedEmbeddings)
        embeddingSize =
            try keys.embeddingSize.map { key throws(ModelError) in
                try reader.size(key, default: hiddenSize)
            } ?? hiddenSize
        normEpsilon = Float(
            try keys.normEpsilon.map { key throws(ModelError) in
                try reader.number(key, default: defaults.normEpsilon)
            } ?? defaults.normEpsilon)
        activation = try reader.activation(architecture)
        normsBefore = try reader.flag(keys.normsBefore, default: true)
        normsAffine = try reader.flag(keys.normsAffine, default: true)
        let removed = try reader.flag(keys.withoutFinalNorm, default: false)
        hasFinalNorm = normsBefore && !removed
        isParallel = try reader.flag(
            keys.parallelResidual, default: defaults.parallelResidual)
        (attentionNorm, feedForwardNorm) = try reader.norms(
            architecture, isParallel: isParallel)
        let flag = architecture.headNorms?.flag
        headNorms = try reader.flag(flag, default: flag == nil) ? architecture.headNorms : nil
        let scales = try reader.attentionScales(
            architecture, headDim: headDim, blocks: numHiddenLayers)
        attentionScales =
            try latent.map { latent throws(ModelError) in
                let scale = try reader.attentionScale(latent, architecture.rotary)
                return scales.map { _ in scale }
            } ?? scales
        attentionSoftcap = try reader.cap(
            keys.attentionSoftcap, default: defaults.attentionSoftcap)
        logitSoftcap = try reader.cap(keys.logitSoftcap, default: defaults.logitSoftcap)
        queryKeyValueLimit = try reader.cap(keys.queryKeyValueLimit, default: nil)
        headHasBias = try reader.flag(keys.headBias, default: architecture.headHasBias)
        multipliers = try reader.multipliers(architecture)
        let slides = try reader.windows(architecture, blocks: numHiddenLayers)
        let blockHeads = try reader.heads(
            architecture, slides,
            BlockHeads(
                queries: numAttentionHeads, keyValues: numKeyValueHeads, dimension: headDim,
                ownValueDimension: latent?.valueSize),
            atMost: Self.maximumHeadDim)
        self.heads = blockHeads
        kept = KeptKeyValues(blockHeads)
        doublesFeedForward =
            architecture.hasKindsOfHeads
            ? try reader.flag("use_double_wide_mlp", default: false) : false
        perLayerSize = try reader.perLayerSize(architecture, vocabulary: vocabSize)
        placeholders = try reader.placeholders(architecture, outer, vocabulary: vocabSize)
        let positions = maxPositionEmbeddings
        // One that reaches all positions is none.
        windows = slides.blocks.map { isSliding in
            isSliding ? slides.size.flatMap { $0 < positions ? $0 : nil } : nil
        }
        rotations =
            isRotated
            ? try reader.rotations(
                architecture.rotary, slides,
                heads: latent.map { latent in
                    blockHeads.map { heads in
                        var rotated = heads
                        rotated.dimension = latent.rotatedSize
                        return rotated
                    }
                } ?? blockHeads, positions: positions)
            : [Rotation?](repeating: nil, count: numHiddenLayers)
        try latent?.check(rotations, reader)
        clamp =
            architecture.feedForward == .clampedGate
            ? Clamp(
                slope: Float(try reader.number("swiglu_alpha", default: 1.702)),
                limit: Float(try reader.number("swiglu_limit", default: 7))) : nil
        let blocks = numHiddenLayers
        mixers = try reader.mixers(architecture.recurrence, blocks: blocks)
        recurrence =
            try architecture.recurrence.map { recurrence throws(ModelError) in
                try RecurrenceConfiguration(reader, recurrence, hiddenSize: hiddenSize)
            }
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
