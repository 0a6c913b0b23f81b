/// The layers of a block that read inputs of one kind, in the order of the forward pass.
package enum Stage: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// The attention's query, key and value projections read `[tokens, hidden_size]`.
    case attention
    /// Its output projection reads `[tokens, num_attention_heads * head_dim]`.
    case output
    /// The feed-forward's first projections read `[tokens, hidden_size]`.
    case feedForward
    /// Its down projection reads `[tokens, intermediate_size]`.
    case down

    /// Whether the input comes straight from a normalisation.
    package var isNormalised: Bool { self == .attention || self == .feedForward }

    package var isInAttention: Bool { self == .attention || self == .output }

    package static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
}
