/// The layers of a block that read inputs of one kind, in the order of the forward pass.
package enum Stage: Int, Sendable, Hashable, CaseIterable, Comparable {
    /// The attention's query, key and value projections read `[tokens, hidden_size]`, or the first
    /// projections of what stands in its place.
    case attention
    /// What makes keys and values of their latent reads `[tokens, kv_lora_rank]`.
    case keyValueLatent
    /// What makes queries of theirs reads `[tokens, q_lora_rank]`.
    case queryLatent
    /// Its output projection reads `[tokens, num_attention_heads * head_dim]`, of a head of values,
    /// or what the heads or channels of what stands in its place make.
    case output
    /// The feed-forward's first projections read `[tokens, hidden_size]`.
    case feedForward
    /// Its down projection reads `[tokens, intermediate_size]`.
    case down

    /// Whether the input comes straight from a normalisation.
    package var isNormalised: Bool { self != .output && self != .down }

    package var isInAttention: Bool { self <= .output }

    package static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }
}
