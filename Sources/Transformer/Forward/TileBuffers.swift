import Tensors

/// The buffers that one thread needs to run a block on one tile.
///
/// Unchecked: only one thread at a time uses it, which `Forward` sees to.
final class TileBuffers: @unchecked Sendable {
    /// Queries whose scores are computed at a time, of all heads that share one head's keys: where
    /// they meet their own keys, half of the scores are computed in vain, but products of few rows
    /// are slow.
    static func queries(group: Int) -> Int { group >= 3 ? 64 : 128 }
    /// Keys whose scores are computed at a time.
    static let keys = 256

    /// `[tile, hidden_size]`: after a norm.
    let normed: Matrix
    /// `[tile, hidden_size]`: the sum that runs through a block whose output is not wanted.
    let residual: Matrix
    /// `[tile, hidden_size]`: what is added to that sum after a norm of its own; empty without one.
    let addend: Matrix
    /// `[tile, num_attention_heads * head_dim]`, or what stands in its place.
    let query: Matrix
    /// `[tile, num_key_value_heads * head_dim]`: keys, then values; both where they are made of a
    /// latent.
    let shared: Matrix
    /// `[tile, num_attention_heads * head_dim]`: the heads' outputs.
    let mixed: Matrix
    /// `[heads of a group * queries, head_dim]`: the queries that read the same keys, one head
    /// after the other, and what they get.
    let stacked: Matrix
    let attended: Matrix
    /// `[heads of a group * queries, keys]`: scores and then weights.
    let scores: Matrix
    /// The queries and the weights in bfloat16; nil where products do not take that.
    let roundedQueries: FactorBuffer?
    let roundedWeights: FactorBuffer?
    let softmax: OnlineSoftmax
    /// `[tile, intermediate_size]`.
    let up: Matrix
    /// `[tile, intermediate_size]`; empty where the feed-forward is plain.
    let gate: Matrix
    /// `[tile, experts]`: the router's outputs; empty where there is none.
    let routed: Matrix
    /// Of attention by latents; nil: there is none.
    let latent: LatentBuffers?
    let products = Products()
    /// For what comes behind a block's feed-forward.
    let end: EndBuffers

    init(_ model: Model, rows: Int, input: ProductInput) {
        let configuration = model.configuration
        let attention = configuration.mixerWidth
        let stack = Self.stack(configuration, rows: rows)
        let dimension = configuration.widestHead
        normed = Matrix(rows: rows, columns: configuration.hiddenSize)
        residual = Matrix(rows: rows, columns: configuration.hiddenSize)
        addend = Matrix(
            rows: Self.hasAddend(model) ? rows : 0, columns: configuration.hiddenSize)
        query = Matrix(rows: rows, columns: attention)
        shared = Matrix(rows: rows, columns: configuration.sharedWidth)
        mixed = Matrix(rows: rows, columns: attention)
        latent = configuration.latent.map { LatentBuffers($0, rows: rows) }
        stacked = Matrix(rows: stack, columns: dimension)
        attended = Matrix(rows: stack, columns: dimension)
        scores = Matrix(rows: stack, columns: Self.keys)
        func rounded(_ count: Int) -> FactorBuffer? {
            input == .bfloat16 ? FactorBuffer(count: count, as: input) : nil
        }
        roundedQueries = rounded(stack * dimension)
        roundedWeights = rounded(stack * Self.keys)
        softmax = OnlineSoftmax(rows: stack)
        up = Matrix(rows: rows, columns: configuration.widestFeedForward)
        let isGated = model.architecture.feedForward.isGated
        gate = Matrix(rows: isGated ? rows : 0, columns: configuration.widestFeedForward)
        let mixture = configuration.mixture
        routed = Matrix(rows: mixture == nil ? 0 : rows, columns: mixture?.experts ?? 0)
        end = EndBuffers(model)
    }

    /// Rows of what reads the same keys, in the block that has most.
    private static func stack(_ configuration: ModelConfiguration, rows: Int) -> Int {
        configuration.heads.reduce(0) {
            max($0, $1.perGroup * min(rows, queries(group: $1.perGroup)))
        }
    }

    private static func hasAddend(_ model: Model) -> Bool {
        let names = model.architecture.names
        return names.attentionOutputNorm != nil || names.feedForwardOutputNorm != nil
            || model.configuration.multipliers.residual != 1
    }

    /// What one of them takes, in bytes.
    static func bytes(_ model: Model, rows: Int) -> Int {
        let configuration = model.configuration
        let stack = stack(configuration, rows: rows)
        let forward = model.architecture.feedForward.isGated ? 2 : 1
        let row =
            (hasAddend(model) ? 3 : 2) * configuration.hiddenSize
            + 2 * configuration.mixerWidth + configuration.sharedWidth
            + (configuration.latent.map(LatentBuffers.width) ?? 0)
            + forward * configuration.widestFeedForward + (configuration.mixture?.experts ?? 0)
        // Products in bfloat16 keep a copy of their widest input.
        let widest = max(
            configuration.widestFeedForward, configuration.hiddenSize,
            configuration.recurrence?.width ?? 0, configuration.widestOutput)
        return 4 * rows * (row + widest) + 6 * stack * (keys + 2 * configuration.widestHead)
            + EndBuffers.bytes(model)
    }
}
