import Tensors

/// softmax(scale q kᵀ) v of every head, causal, within the window, with caps, biases and sinks as
/// `TileForward.attend` has them. Backward, scores and weights are made again.
///
/// Each head of queries is a task of its own; gradients by keys and values that several heads read
/// are made for each of them first, and then added up in their order.
final class AttentionOperation: GroupOperation {
    /// Queries that are taken at a time: so many rows of scores stay in the cache.
    static let queries = 64

    struct Settings: Sendable {
        let heads: BlockHeads
        /// Heads of keys and values; a block that was pruned may have fewer than the model.
        let keyValueHeads: Int
        let scale: Float
        let cap: Float?
        let alibi: Alibi?
        /// Of each head of queries.
        let sinks: [Float]?
        /// How many positions are seen, the own one included; nil: all before it.
        let window: Int?

        var queryHeads: Int { keyValueHeads * heads.perGroup }
    }

    private let settings: Settings
    private let query: Use
    private let key: Use
    private let value: Use
    private let output: Variable
    /// Gradients by keys and by values for each head of queries; nil where each has its own keys.
    private let parts: (keys: Variable, values: Variable)?
    private let length: Int
    private let buffers: Lending<AttentionBuffers>

    init(
        _ settings: Settings, query: Use, key: Use, value: Use, output: Variable,
        parts: (keys: Variable, values: Variable)?, length: Int
    ) {
        self.settings = settings
        self.query = query
        self.key = key
        self.value = value
        self.output = output
        self.parts = parts
        self.length = length
        buffers = Lending { AttentionBuffers(length: length) }
    }

    func forward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        try forEachHead(group, pool) { head, buffers in head.forward(buffers) }
    }

    func backward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        try forEachHead(group, pool) { head, buffers in head.backward(buffers) }
        guard let parts else { return }
        try pool.forEach(group.chunks) { index in
            let rows = group.chunk(index).rows
            for (part, whole, size) in [
                (parts.keys, key, settings.heads.dimension),
                (parts.values, value, settings.heads.valueDimension),
            ] {
                guard let target = whole.gradient(rows) else { continue }
                addMembers(part.gradient.rows(rows), to: target, dimension: size)
            }
        }
    }

    /// The sums over the heads that read the same one. parts: `[tokens, query heads * dimension]`,
    /// whole: `[tokens, key/value heads * dimension]`.
    private func addMembers(_ parts: MatrixView, to whole: MatrixView, dimension: Int) {
        let members = settings.heads.perGroup
        for shared in 0..<settings.keyValueHeads {
            let target = AttentionHead.columns(whole, shared, dimension)
            for member in 0..<members {
                pass(
                    AttentionHead.columns(parts, shared * members + member, dimension),
                    to: target, accumulates: member > 0)
            }
        }
    }

    private func forEachHead(
        _ group: TuningGroup, _ pool: WorkerPool,
        _ body: @Sendable (AttentionHead, AttentionBuffers) -> Void
    ) throws {
        let heads = settings.queryHeads
        try pool.forEach(group.windows * heads, state: { buffers.borrow() }) { index, loan in
            let (window, head) = index.quotientAndRemainder(dividingBy: heads)
            let rows = (window * group.length)..<((window + 1) * group.length)
            let shared = head / settings.heads.perGroup
            let (size, width) = (settings.heads.dimension, settings.heads.valueDimension)
            func part(_ matrix: MatrixView?, _ head: Int, _ size: Int) -> MatrixView? {
                matrix.map { AttentionHead.columns($0, head, size) }
            }
            let byKey = parts?.keys.gradient.rows(rows) ?? key.gradient(rows)
            let byValue = parts?.values.gradient.rows(rows) ?? value.gradient(rows)
            let own = parts == nil ? shared : head
            body(
                AttentionHead(
                    settings: settings, head: head,
                    query: AttentionHead.columns(query.value(rows), head, size),
                    key: AttentionHead.columns(key.value(rows), shared, size),
                    value: AttentionHead.columns(value.value(rows), shared, width),
                    output: AttentionHead.columns(output.value.rows(rows), head, width),
                    byOutput: part(
                        output.needsGradient ? output.gradient.rows(rows) : nil, head, width),
                    byQuery: part(query.gradient(rows), head, size),
                    byKey: part(byKey, own, size), byValue: part(byValue, own, width)),
                loan.buffers)
        }
    }
}

/// The buffers of one thread: scores, weights and their gradients, `[queries, length]` each.
///
/// Unchecked: only one thread at a time uses it, which `AttentionOperation` sees to.
final class AttentionBuffers: @unchecked Sendable {
    let scores: Matrix
    let weights: Matrix
    let changes: Matrix

    init(length: Int) {
        scores = Matrix(rows: AttentionOperation.queries, columns: length)
        weights = Matrix(rows: AttentionOperation.queries, columns: length)
        changes = Matrix(rows: AttentionOperation.queries, columns: length)
    }

    static func bytes(length: Int) -> Int { 12 * AttentionOperation.queries * length }
}
