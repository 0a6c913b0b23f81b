import Documents
import Tensors

/// A model family as data: what the forward pass, the checkpoint's names and the biases depend on.
/// A family is one value of this type; nothing else names it.
package struct Architecture: Sendable {
    /// `model_type` in `config.json`.
    package var name: String
    /// `architectures` in `config.json`.
    package var className: String
    /// What `config.json` must say for this value where a family has several.
    package var conditions: [Condition] = []
    /// Where the settings of the language model stand in `config.json`; nil: at its top.
    package var settingsKey: String?
    package var norm: Norm
    package var position: Position
    /// Blocks with a window have heads of their own, and the last ones may read the keys and
    /// values of others.
    package var hasKindsOfHeads = false
    package var feedForward: FeedForward
    package var rotary = Rotary()
    /// Where query, key and value are one layer, their rows come one key/value head after the
    /// other, each with its queries; otherwise all queries, all keys, all values.
    package var interleavesHeads = false
    /// Rows of the embedding table are multiplied by the square root of `hidden_size`.
    package var scalesEmbedding = false
    package var headCount = HeadCount.fixed
    /// Norms over queries and keys; nil: there are none.
    package var headNorms: HeadNorms?
    /// A second embedding, of which each block has a part; nil: there is none.
    package var perLayerInput: PerLayerInputs?
    /// Keys at the top of `config.json` with tokens that stand for what is seen or heard, and what
    /// they are where they are absent; in a text they are padding.
    package var placeholders: [String: Int] = [:]
    /// Weights of layers are stored as `[in, out]`.
    package var storesColumns = false
    /// The head adds a bias.
    package var headHasBias = false
    package var window = Window.none
    package var keys = Keys()
    package var defaults = Defaults()
    package var names: Names
    /// Roles that always have a bias.
    package var biases: Set<Role> = []
    /// Flags of `config.json` that give biases to roles.
    package var biasFlags: [BiasFlag] = []
    /// Settings that only can be as they are here, or absent.
    package var requirements: [String: Node] = [:]
    /// Values of settings that other families refuse, and that say nothing of a text here.
    package var harmless: [String: Node] = [:]
    /// Sizes in `config.json` that can only be what others make them, for transformers computes
    /// with both.
    package var impliedSizes: [String: Quotient] = [:]
    /// What queries, keys and values are made of; nil: of the block's input.
    package var latent: Latent?
    /// What takes the place of the feed-forward in some blocks or all; nil: nothing does.
    package var mixture: Mixture?
    /// What takes the place of the attention in some blocks; nil: nothing does.
    package var recurrence: Recurrence?
    /// The family as which the same weights can be written to get more biases.
    package var relabel: Relabel?

    package enum Norm: Sendable, Hashable {
        case rms
        /// RMS norms whose weights are stored less 1.
        case rmsAroundOne
        case layer
        /// Layer norms whose weights are stored less 1.
        case layerAroundOne
        /// Layer norms with weights and no biases.
        case layerWithoutBias
        /// Layer norms without weights and biases.
        case layerWithoutWeights
    }

    package enum Position: Sendable, Hashable {
        case rotary
        /// A table whose row for position p is p + `offset`.
        case learned(offset: Int)
        /// Biases of the attention's scores.
        case linearBias(Alibi.Kind)
    }

    /// What `config.json` must say.
    package struct Condition: Sendable {
        package var key: String
        /// It stands among the settings of the language model, not at the top.
        package var isInner = false
        package var value: Node
        /// What it means where it is absent.
        package var defaultValue: Node
    }

    /// Norms over queries and keys.
    package struct HeadNorms: Sendable {
        package enum Extent: Sendable, Hashable {
            /// Each head by itself, with the same weights.
            case head
            /// Each head by itself, with weights of its own: `[heads, head_dim]`.
            case ownHead
            /// The same, in one tensor for each head, whose number comes behind the name.
            case numberedHead
            /// All heads at once.
            case whole
        }

        package var extent = Extent.head
        /// nil: that of the blocks.
        package var norm: Norm?
        /// They come behind the rotation.
        package var followsRotation = false
        /// Values are normalised, too, without weights.
        package var includesValues = false
        /// The flag of `config.json` that gives them, else there are none; nil: always.
        package var flag: String?
    }

    /// Of two numbers in `config.json`.
    package struct Quotient: Sendable {
        package var key: String
        package var divisor: String
    }

    package enum FeedForward: Sendable, Hashable {
        case gated, plain
        /// Gate and what it weighs are kept within limits: (up + 1) gate sigmoid(alpha gate).
        case clampedGate

        var isGated: Bool { self != .plain }
    }

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
        /// Those that `layer_types` names, or all but every n-th; `pattern` is the key of n. The
        /// size may be null where `isOptional` and no block slides; the last block never does
        /// where `endsFull`.
        case patterned(
            default: Int, pattern: String? = nil, every: Int, isOptional: Bool = false,
            endsFull: Bool = false)
        /// Those that `layer_types` names, or those that rotate nothing, where
        /// `use_sliding_window` is true.
        case unrotated
        /// The `local` ones of `attention_types`, `window_size` wide.
        case attentionTypes(default: Int)
        /// Those that `layer_types` names, or from `max_window_layers` on, where
        /// `use_sliding_window` is true.
        case optional(default: Int, firstBlock: Int)
        /// Those that `layer_types` names, or every other one from the first on as far as
        /// `max_window_layers`, where `use_sliding_window` is true.
        case interleaved(default: Int, upTo: Int)
        /// All of them where `use_sliding_window` is true.
        case flagged(default: Int)
    }

    package struct BiasFlag: Sendable {
        package var key: String
        package var defaultValue: Bool
        package var roles: Set<Role>
        /// It gives a bias to what is no layer, too: it stays as it is.
        package var givesMore = false
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

    /// The roles of its layers.
    package var roles: [Role] { names.layers.keys.sorted() }

    package static let attentionRoles: Set<Role> = [.query, .key, .value, .output]
    package static let feedForwardRoles: Set<Role> = [.gate, .up, .down]
}
