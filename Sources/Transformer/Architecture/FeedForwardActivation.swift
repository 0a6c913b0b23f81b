import Tensors

/// The nonlinearity of a feed-forward.
package enum FeedForwardActivation: Sendable, Hashable {
    case fixed(Activation)
    /// It has weights of its own in each block.
    case learned
}
