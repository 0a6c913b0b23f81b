/// A model family as data: what the forward pass, the checkpoint's names and the biases depend on.
/// A family is one value of this type; nothing else names it.
package struct Architecture: Sendable {
    /// `model_type` in `config.json`.
    package var name: String
    /// `architectures` in `config.json`.
    package var className: String
    package var norm: Norm
    package var position: Position
    package var feedForward: FeedForward
    package var rotary = Rotary()
    /// Where query, key and value are one layer, their rows come one key/value head after the
    /// other, each with its queries; otherwise all queries, all keys, all values.
    package var interleavesHeads = false
    /// Rows of the embedding table are multiplied by the square root of `hidden_size`.
    package var scalesEmbedding = false
    package var headCount = HeadCount.fixed
    /// RMS norms over each head of queries and keys.
    package var normalisesQueriesAndKeys = false
    package var window = Window.none
    package var keys = Keys()
    package var defaults = Defaults()
    package var names: Names
    /// Roles that always have a bias.
    package var biases: Set<Role> = []
    /// Flags of `config.json` that give biases to roles.
    package var biasFlags: [BiasFlag] = []
    /// Sizes in `config.json` that can only be what others make them, for transformers computes
    /// with both.
    package var impliedSizes: [String: Quotient] = [:]
    /// The family as which the same weights can be written to get more biases.
    package var relabel: Relabel?

    package enum Norm: Sendable, Hashable {
        case rms
        /// RMS norms whose weights are stored less 1.
        case rmsAroundOne
        case layer
    }

    package enum Position: Sendable, Hashable {
        case rotary
        /// A table whose row for position p is p + `offset`.
        case learned(offset: Int)
    }

    /// How a configuration says the rotation of queries and keys.
    package struct Rotary: Sendable {
        /// Outside of `rope_parameters`.
        package var base = "rope_theta"
        /// Outside of `rope_parameters`, the share of a head's elements that is rotated; nil: all
        /// are.
        package var fraction: String?
        package var defaultFraction = 1.0
        /// Of `rope_type`.
        package var types = [
            "default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional",
        ]
        /// Other names for them.
        package var aliases: [String: String] = [:]
        /// What `original_max_position_embeddings` is where it does not stand outside of
        /// `rope_parameters`; nil: what stands inside.
        package var originalPositions: Int?
    }

    /// Of two numbers in `config.json`.
    package struct Quotient: Sendable {
        package var key: String
        package var divisor: String
    }

    package enum FeedForward: Sendable, Hashable { case gated, plain }

    /// Which numbers of attention heads of the same size a configuration can say.
    package enum HeadCount: Sendable, Hashable {
        /// That of the model: a head's size is `hidden_size` / `num_attention_heads`.
        case fixed
        /// Divisors of `hidden_size`, which the configuration is checked for; `head_dim` is a key.
        case dividingHiddenSize
        /// Any; `head_dim` is a key.
        case free
    }

    /// Which blocks attend to the last `sliding_window` positions only.
    package enum Window: Sendable, Hashable {
        case none
        /// All of them, unless `sliding_window` is null; absent, it is `default`. Those that
        /// `layer_types` names, where `readsLayerTypes` and it is there.
        case always(default: Int?, readsLayerTypes: Bool = false)
        /// Those that `layer_types` names, or every other one from the first on.
        case alternating(default: Int)
        /// Those that `layer_types` names, or from `max_window_layers` on, where
        /// `use_sliding_window` is true.
        case optional(default: Int, firstBlock: Int)
    }

    /// Keys of `config.json` that families name differently.
    package struct Keys: Sendable {
        package var intermediateSize = "intermediate_size"
        package var activation = "hidden_act"
        /// nil: as many as `num_attention_heads`.
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
        /// nil: the feed-forward reads what the attention has left.
        package var parallelResidual: String?
        /// What queries times keys is divided by the square root of; nil: a head's size.
        package var attentionScalar: String?
        /// Caps of the attention's scores and of the logits; nil, and null in `config.json`: none.
        package var attentionSoftcap: String?
        package var logitSoftcap: String?
    }

    /// What a key that is absent means, as in the family's configuration class in transformers.
    package struct Defaults: Sendable {
        package var activation = "silu"
        package var normEpsilon = 1e-6
        /// nil: as many as `num_attention_heads`.
        package var keyValueHeads: Int?
        /// nil: `hidden_size` / `num_attention_heads`.
        package var headDimension: Int?
        package var maximumPositions = 2048
        package var tiedEmbeddings = false
        package var attentionScalar = 1.0
        package var attentionSoftcap = 1.0
        package var logitSoftcap = 1.0
    }

    /// Tensor names, each without `.weight` and `.bias`.
    package struct Names: Sendable {
        /// What comes before the number of a block.
        package var blocks: String
        package var embedding: String
        package var positions: String?
        package var projectIn: String?
        package var projectOut: String?
        package var finalNorm: String
        /// Where there are several, a checkpoint has one of them.
        package var heads = ["lm_head"]
        /// Inside a block.
        package var attentionNorm: String
        package var feedForwardNorm: String
        /// Over what attention and feed-forward add to the sum that runs through the block.
        package var attentionOutputNorm: String?
        package var feedForwardOutputNorm: String?
        package var queryNorm: String?
        package var keyNorm: String?
        package var layers: [Role: String]
        /// Of a mixture's experts; nil: there are none.
        package var experts: Experts?

        /// A layer of an expert is named by both: `mlp.experts.3.gate_proj`.
        package struct Experts: Sendable {
            /// What comes before the number of an expert.
            package var prefix: String
            /// What comes behind it.
            package var layers: [Role: String]
        }

        /// A layer inside a block; nil where the family has no such layer.
        func layer(_ layer: LayerKey) -> String? {
            guard let expert = layer.expert else { return layers[layer.role] }
            return experts.flatMap { experts in
                experts.layers[layer.role].map { "\(experts.prefix).\(expert).\($0)" }
            }
        }
    }

    package struct BiasFlag: Sendable {
        package var key: String
        package var defaultValue: Bool
        package var roles: Set<Role>
    }

    package struct Relabel: Sendable {
        /// `model_type` of this family and of the other one.
        package var from: String
        package var name: String
        /// `tokenizer_class` under which the other family has this one's tokens; see
        /// `TokenizerLabel`.
        package var tokenizerClass: String
        /// What stands for an absent one in transformers 4.
        package var formerClass: String
        /// Keys of `config.json` that mean nothing there.
        package var dropped: [String]
    }

    /// Every family.
    package static let all: [Architecture] = [
        llama, mistral, qwen2, qwen3, gemma2, phi3, opt, gptNeoX,
    ]

    package static func named(_ name: String) -> Architecture? { all.first { $0.name == name } }

    /// The roles of its layers.
    package var roles: [Role] { names.layers.keys.sorted() }

    package static let attentionRoles: Set<Role> = [.query, .key, .value, .output]
    package static let feedForwardRoles: Set<Role> = [.gate, .up, .down]
}
