extension Architecture {
    /// How a family's configuration and checkpoint say the mixture of experts that takes the place
    /// of a block's feed-forward.
    package struct Mixture: Sendable {
        package var blocks: Blocks
        package var routing: Routing
        package var keys = Keys()
        package var defaults = Defaults()
        /// Of the layer that chooses, inside a block; where there are several, a checkpoint has one
        /// of them.
        package var routers: [String]
        /// Of what is added to the scores by which is chosen, inside a block, with its last part;
        /// where there are several, a checkpoint has one of them. Empty: there is none.
        package var correction: [String] = []
        package var routerHasBias = false
        /// Forms in which a checkpoint may hold the experts.
        package var forms: [Form]
        /// Of the expert that all tokens go to, inside a block; nil: the family has none.
        package var shared: Shared?
        /// What it has of its own where it stands beside a block's feed-forward, which then is the
        /// shared expert; nil: it takes that place.
        package var beside: Beside?
        /// Layers of experts that have biases.
        package var biases: Set<Role> = []

        /// Which blocks have a mixture; the others have a plain feed-forward.
        package enum Blocks: Sendable, Hashable {
            case all
            /// Every `decoder_sparse_step`-th one, but for those of `mlp_only_layers`.
            case everyNth
            /// From this key's number on.
            case from(key: String, default: Int)
            /// Those that are `sparse` in a list of all; where it is absent, from this number on.
            case listed(key: String, from: Int)
            /// Every `moe_layer_interval`-th one from `moe_layer_start_index` to
            /// `moe_layer_end_index`.
            case interval
        }

        package struct Keys: Sendable {
            /// Each may stand under any of its names.
            package var experts = ["num_experts", "num_local_experts"]
            package var expertsPerToken = ["num_experts_per_tok"]
            /// `intermediate_size` of an expert.
            package var expertSize = "moe_intermediate_size"
        }

        package struct Defaults: Sendable {
            /// nil: they must be there.
            package var experts: Int? = 128
            package var expertsPerToken: Int? = 8
            package var expertSize: Int?
        }

        /// How wide the shared expert is, and what it is called.
        package struct Shared: Sendable {
            package var size: Size
            package var layers: [Role: String]
            /// A layer of one row, whose sigmoid the shared expert's output is multiplied by.
            package var gate: String?

            package enum Size: Sendable, Hashable {
                case key(String, default: Int)
                /// A number of experts.
                case experts(key: String, default: Int)
            }
        }
    }
}

extension Architecture.Mixture {
    /// How a token's experts and their weights follow from the router's outputs.
    package struct Routing: Sendable, Hashable {
        package var scores: Scores
        /// A flag that has the weights of the chosen experts sum up to 1; nil: `normalises`.
        package var normaliseKey: String?
        package var normalises = false
        package var floor = Floor.none
        /// What the weights are multiplied with at the end.
        package var scaleKey: String?
        package var defaultScale = 1.0
        package var groups = Groups.none

        package enum Scores: Sendable, Hashable {
            /// The softmax over all experts.
            case softmax
            case sigmoid
            /// The outputs themselves; weights are the softmax over those that were chosen.
            case logits
            /// Two experts, each with its softmax over those that come near it.
            ///
            /// Source: `sparsemixer` in `modeling_phimoe.py` of transformers.
            case mixer
        }

        /// What keeps the sum that weights are divided by from 0.
        package enum Floor: Sendable, Hashable {
            case none
            case added(Double)
            case least(key: String, default: Double)
        }

        /// Groups of experts, of which some are left before experts are chosen.
        package enum Groups: Sendable, Hashable {
            case none
            /// Judged by the sum of the two largest scores; both are numbers of groups.
            case topTwo(defaultCount: Int, defaultKept: Int)
            /// Judged by the largest score, where `topk_method` asks for it.
            case largest
        }
    }

    /// How a checkpoint holds the experts' layers.
    package enum Form: Sendable, Hashable {
        /// One tensor for each layer: what comes before an expert's number and behind it.
        case single(prefix: String, layers: [Role: String])
        /// One tensor for the layers of all experts, `[experts, rows, columns]`.
        case fused(gateUp: String, down: String, FusedOrder)
    }

    package struct FusedOrder: Sendable, Hashable {
        /// `[experts, columns, rows]`.
        package var isTransposed = false
        /// A tensor of the other shape, `[experts, rows, columns]`, is read as that; one that fits
        /// both is.
        package var mayBePlain = false
        /// Rows of gate and up take turns; otherwise all of gate come first.
        package var interleaves = false
        /// What the tensors' names end with.
        package var suffix = ""
        package var biasSuffix = "_bias"

        package init(
            isTransposed: Bool = false, mayBePlain: Bool = false, interleaves: Bool = false,
            suffix: String = "", biasSuffix: String = "_bias"
        ) {
            self.isTransposed = isTransposed
            self.mayBePlain = mayBePlain
            self.interleaves = interleaves
            self.suffix = suffix
            self.biasSuffix = biasSuffix
        }
    }
}
