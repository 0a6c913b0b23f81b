extension Architecture {
    /// What takes the place of the attention in some blocks, with its names inside a block.
    package struct Recurrence: Sendable {
        package var mixer: TokenMixer
        /// What `layer_types` calls such a block.
        package var layerType: String
        package var blocks: Blocks
        /// The convolution's tensors, without `.weight` and `.bias`.
        package var convolution: String
        /// Of the delta rule: the norm over each head's outputs, and the tensors `A_log` and
        /// `dt_bias`. Empty where there is none.
        package var norm = ""
        package var speed = ""
        package var stepBias = ""

        /// Which blocks it is in, where there are no `layer_types`.
        package enum Blocks: Sendable, Hashable {
            /// All but every n-th; `key` is that of n.
            case besidesEvery(key: String, default: Int)
            /// All but those of a list; none where there is no list.
            case besidesListed(key: String)
            /// `layer_types` must be there.
            case named
        }
    }
}
