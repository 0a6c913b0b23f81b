extension Architecture {
    /// Keys of `config.json` that families name differently.
    package struct Keys: Sendable {
        /// Names of this family for keys that are read under both.
        package var aliases: [String: String] = [:]
        /// The same where they count first.
        package var overrides: [String: String] = [:]
        /// nil: always `defaults.maximumPositions`.
        package var maximumPositions: String? = "max_position_embeddings"
        /// nil: always `defaults.intermediateFactor` times `hidden_size`.
        package var intermediateSize: String? = "intermediate_size"
        /// A flag: the feed-forward is narrower than `intermediate_size` says; nil: it is not.
        package var shrinksIntermediateSize: String?
        /// nil: always `defaults.activation`.
        package var activation: String? = "hidden_act"
        /// nil: always `defaults.keyValueHeads`.
        package var keyValueHeads: String? = "num_key_value_heads"
        /// nil: `hidden_size` / `num_attention_heads`.
        package var headDimension: String? = "head_dim"
        /// nil: always `defaults.normEpsilon`.
        package var normEpsilon: String? = "rms_norm_eps"
        /// nil: the same as `hidden_size`.
        package var embeddingSize: String?
        /// nil: norms come before the layers they feed.
        package var normsBefore: String?
        /// nil: norms have a weight (and a bias, where the kind has one).
        package var normsAffine: String?
        /// nil: there is a final norm.
        package var withoutFinalNorm: String?
        /// nil: as `defaults.parallelResidual` has it.
        package var parallelResidual: String?
        /// How many norms a block with both in parallel has.
        package var parallelNorms: String?
        /// Position by linear biases, where it is true.
        package var linearBiases: String?
        /// What queries times keys is divided by the square root of; nil: a head's size.
        package var attentionScalar: String?
        /// What queries times keys is multiplied by in its place.
        package var attentionMultiplier: String?
        /// Flags: whether queries times keys is divided at all, and also by a block's number.
        package var scalesAttention: String?
        package var scalesAttentionByBlock: String?
        /// Queries, keys and values are kept between it and its negative.
        package var queryKeyValueLimit: String?
        /// A flag that gives the head a bias; nil: as `headHasBias` has it.
        package var headBias: String?
        /// What the embedding and what a block's layers add to the sum are multiplied by.
        package var embeddingMultiplier: String?
        package var residualMultiplier: String?
        /// What logits are multiplied by, or divided by.
        package var logitMultiplier: String?
        package var logitDivisor: String?
        /// Caps of the attention's scores and of the logits; nil, and null in `config.json`: none.
        package var attentionSoftcap: String?
        package var logitSoftcap: String?
    }

    /// What a key that is absent means, as in the family's configuration class in transformers.
    package struct Defaults: Sendable {
        package var activation = "silu"
        /// Names that mean another than they say.
        package var activationNames: [String: String] = [:]
        package var normEpsilon = 1e-6
        /// nil: as many as `num_attention_heads`.
        package var keyValueHeads: Int?
        /// nil: `hidden_size` / `num_attention_heads`.
        package var headDimension: Int?
        package var maximumPositions = 2048
        package var tiedEmbeddings = false
        /// Of other sizes, by their keys; those that are not here must be there.
        package var sizes: [String: Int] = [:]
        /// Of `hidden_size`, where `intermediate_size` is absent; nil: it must be there.
        package var intermediateFactor: Int?
        package var parallelResidual = false
        package var parallelNorms = 1
        package var attentionScalar = 1.0
        package var scalesAttention = true
        package var attentionMultiplier = 1.0
        package var logitMultiplier = 1.0
        /// nil: none.
        package var attentionSoftcap: Double?
        package var logitSoftcap: Double?
    }
}
