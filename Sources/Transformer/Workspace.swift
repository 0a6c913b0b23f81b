import Tensors

/// The buffers that one thread needs to run a block on one sequence.
///
/// Unchecked: only one thread at a time uses it, which `Workspaces` sees to.
package final class Workspace: @unchecked Sendable {
    /// Rows of queries whose scores are computed at a time: a constant, for the shapes of products
    /// must depend on the sequence's length alone.
    static let tile = 256

    /// `[length, hidden_size]`: what enters and leaves a block.
    package let hidden: Matrix
    /// `[length, hidden_size]`: after a norm.
    let normed: Matrix
    /// `[length, hidden_size]`: what attention or feed-forward adds.
    let projected: Matrix
    /// `[length, num_attention_heads * head_dim]`.
    let query: Matrix
    /// `[length, num_key_value_heads * head_dim]`.
    let key: Matrix
    let value: Matrix
    /// `[length, num_attention_heads * head_dim]`: the heads' outputs.
    let mixed: Matrix
    /// `[tile, length]`: one head's attention weights.
    let scores: Matrix
    /// `[length, intermediate_size]`.
    let up: Matrix
    /// `[length, intermediate_size]`; empty where the feed-forward is plain.
    let gate: Matrix
    var products = Bfloat16Scratch()

    /// - Parameter length: of the longest sequence.
    package init(_ model: Model, length: Int) {
        let configuration = model.configuration
        let attention = configuration.numAttentionHeads * configuration.headDim
        let keys = configuration.numKeyValueHeads * configuration.headDim
        let isGated = model.architecture.feedForward == .gated
        hidden = Matrix(rows: length, columns: configuration.hiddenSize)
        normed = Matrix(rows: length, columns: configuration.hiddenSize)
        projected = Matrix(rows: length, columns: configuration.hiddenSize)
        query = Matrix(rows: length, columns: attention)
        key = Matrix(rows: length, columns: keys)
        value = Matrix(rows: length, columns: keys)
        mixed = Matrix(rows: length, columns: attention)
        scores = Matrix(rows: min(length, Self.tile), columns: length)
        up = Matrix(rows: length, columns: configuration.intermediateSize)
        gate = Matrix(rows: isGated ? length : 0, columns: configuration.intermediateSize)
    }

    /// What one of them takes, in bytes.
    package static func bytes(_ model: Model, length: Int) -> Int {
        let configuration = model.configuration
        let attention =
            (2 * configuration.numAttentionHeads + 2 * configuration.numKeyValueHeads)
            * configuration.headDim
        let forward = model.architecture.feedForward == .gated ? 2 : 1
        let row =
            3 * configuration.hiddenSize + attention + forward * configuration.intermediateSize
        return 4 * length * (row + min(length, tile))
    }
}
