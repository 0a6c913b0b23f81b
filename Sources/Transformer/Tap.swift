/// An input inside a block that linear layers read.
package enum Tap: Int, Sendable, Hashable, CaseIterable {
    /// What the attention's query, key and value projections read: `[tokens, hidden_size]`.
    case attention
    /// What its output projection reads: `[tokens, num_attention_heads * head_dim]`.
    case output
    /// What the feed-forward's first projections read: `[tokens, hidden_size]`.
    case feedForward
    /// What its down projection reads: `[tokens, intermediate_size]`.
    case down

    /// Whether the input comes straight from a normalisation.
    package var isNormalised: Bool { self == .attention || self == .feedForward }
}
