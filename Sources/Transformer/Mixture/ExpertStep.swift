import Tensors

/// What is done of some experts' forward pass: all, or a part between two of which the layers that
/// read one input can be pruned.
package enum ExpertStep: Sendable {
    case whole
    /// Shows what the first layers read, and does nothing.
    case enter
    /// Up to what the down projections read, which is left in a matrix, `[tokens of all these
    /// experts, moe_intermediate_size]`, one expert after the other.
    case feed(Matrix)
    /// What the down projections make of it.
    case end(Matrix)

    /// Whether it has no output.
    var isFirst: Bool {
        switch self {
        case .enter, .feed: true
        case .whole, .end: false
        }
    }
}
