import Tensors

/// One block on one tile. All matrices have the tile's rows.
struct TileForward {
    let block: Block
    let model: Model
    let tile: Tile
    let cache: KeyValues
    /// The sequence's place in the cache.
    let slot: Int
    let buffers: TileBuffers
    let observe: Forward.Observer?

    private var count: Int { tile.rows.count }
    private var input: ProductInput { block.input }
    private var configuration: ModelConfiguration { model.configuration }

    /// Some of a buffer, without gaps: the block may be narrower than the model's were.
    private func view(_ buffer: Matrix, columns: Int) -> MatrixView {
        buffer.prefix(rows: count, columns: columns)
    }

    private func apply(
        _ role: Role, _ x: Operand, into y: MatrixView, accumulates: Bool = false
    ) {
        guard let (layer, part) = block.projections[LayerKey(role)] else { return }
        layer.apply(x, part: part, into: y, using: buffers.products, accumulates: accumulates)
    }

    /// x += the layer's output, after a norm where there is one for it.
    private func add(_ role: Role, _ input: MatrixView, norm: NormWeights?, to x: MatrixView) {
        let left = buffers.products.left(input, as: self.input)
        guard let norm else { return apply(role, left, into: x, accumulates: true) }
        let addend = buffers.addend.view.prefix(count)
        apply(role, left, into: addend)
        norm.apply(addend, into: addend)
        Tensors.add(addend, to: x)
    }

    /// What attention reads. x: `[rows, hidden_size]`.
    private func attentionInput(_ x: MatrixView) -> MatrixView {
        guard configuration.normsBefore else { return x }
        let normed = buffers.normed.view.prefix(count)
        block.attentionNorm.apply(x, into: normed)
        return normed
    }

    /// The first half: the tile's keys and values go to the cache. x: `[rows, hidden_size]`.
    func keysAndValues(_ x: MatrixView) throws {
        let normed = attentionInput(x)
        try observe?(Tap(.attention), normed, tile)
        let left = buffers.products.left(normed, as: input)
        let shared = view(
            buffers.shared, columns: block.shape.keyValueHeads * configuration.headDim)
        apply(.key, left, into: shared)
        block.keyNorm?.applyPerHead(shared, headDimension: configuration.headDim)
        rotate(shared)
        cache.store(shared, .keys, sequence: slot, at: tile.rows)
        apply(.value, left, into: shared)
        cache.store(shared, .values, sequence: slot, at: tile.rows)
    }

    private func rotate(_ x: MatrixView) {
        // The table is made for the whole sequence before it is needed first.
        model.rotary(positions: tile.rows.upperBound)?
            .apply(x, headDimension: configuration.headDim, from: tile.rows.lowerBound)
    }

    /// The second half, once the keys and values of all earlier tiles are there. x and y:
    /// `[rows, hidden_size]`, which may be the same; y is nil to end at the last layer's input.
    func rest(_ x: MatrixView, into y: MatrixView?) throws {
        let group = configuration.headsPerGroup
        let width = block.shape.keyValueHeads * group * configuration.headDim
        let query = view(buffers.query, columns: width)
        apply(.query, buffers.products.left(attentionInput(x), as: input), into: query)
        block.queryNorm?.applyPerHead(query, headDimension: configuration.headDim)
        rotate(query)
        let mixed = view(buffers.mixed, columns: width)
        let queries = TileBuffers.queries(group: group)
        for head in 0..<block.shape.keyValueHeads {
            for start in stride(from: 0, to: count, by: queries) {
                attend(
                    query, into: mixed, sharedHead: head,
                    rows: start..<min(count, start + queries))
            }
        }
        try observe?(Tap(.output), mixed, tile)
        // The sum that runs through the block is kept where the output is wanted.
        let sum = y ?? buffers.residual.view.prefix(count)
        let side = configuration.isParallel ? feedForwardInput(x) : nil
        // Where the feed-forward reads something else, it may be of no use.
        if side == nil || y != nil {
            if !sum.isSame(as: x) { sum.copy(from: x) }
            add(.output, mixed, norm: block.attentionOutputNorm, to: sum)
            if !configuration.normsBefore { block.attentionNorm.apply(sum, into: sum) }
        }
        try feed(side ?? feedForwardInput(sum), addingTo: y == nil ? nil : sum)
        if !configuration.normsBefore, y != nil { block.feedForwardNorm.apply(sum, into: sum) }
    }

    /// What the feed-forward reads. x: `[rows, hidden_size]`.
    private func feedForwardInput(_ x: MatrixView) -> MatrixView {
        guard configuration.normsBefore else { return x }
        let normed = buffers.normed.view.prefix(count)
        block.feedForwardNorm.apply(x, into: normed)
        return normed
    }

    /// normed, x: `[rows, hidden_size]`; x is nil to end at the last layer's input.
    private func feed(_ normed: MatrixView, addingTo x: MatrixView?) throws {
        try observe?(Tap(.feedForward), normed, tile)
        let up = view(buffers.up, columns: block.shape.intermediateSize)
        let left = buffers.products.left(normed, as: input)
        apply(.up, left, into: up)
        switch model.architecture.feedForward {
        case .gated:
            let gate = view(buffers.gate, columns: block.shape.intermediateSize)
            apply(.gate, left, into: gate)
            configuration.activation.gate(up, by: gate)
        case .plain:
            configuration.activation.apply(up)
        }
        try observe?(Tap(.down), up, tile)
        if let x { add(.down, up, norm: block.feedForwardOutputNorm, to: x) }
    }

    /// Some rows of the heads that share one head's keys and values: softmax(scale q kᵀ) v, causal,
    /// within the window, with scores capped where the family says so. query, output:
    /// `[rows of the tile, num_attention_heads * head_dim]`.
    private func attend(
        _ query: MatrixView, into output: MatrixView, sharedHead: Int, rows: Range<Int>
    ) {
        let dimension = configuration.headDim
        let group = configuration.headsPerGroup
        let stack = group * rows.count
        let stacked = buffers.stacked.view.prefix(stack)
        let attended = buffers.attended.view.prefix(stack)
        func columns(_ member: Int) -> Range<Int> {
            let head = sharedHead * group + member
            return (head * dimension)..<((head + 1) * dimension)
        }
        for member in 0..<group {
            let part = (member * rows.count)..<((member + 1) * rows.count)
            stacked.part(rows: part, columns: 0..<dimension)
                .copy(from: query.part(rows: rows, columns: columns(member)))
        }
        let queries =
            buffers.roundedQueries?.store(stacked)
            ?? Operand(roundingInPlace: stacked, as: input)
        let first = tile.rows.lowerBound + rows.lowerBound
        let last = tile.rows.lowerBound + rows.upperBound
        let oldest = block.window.map { max(0, first - $0 + 1) } ?? 0
        let factor = configuration.attentionScale
        let cap = configuration.attentionSoftcap
        buffers.softmax.reset(rows: stack)
        for start in stride(from: oldest, to: last, by: TileBuffers.keys) {
            let keys = start..<min(last, start + TileBuffers.keys)
            let scores = buffers.scores.prefix(rows: stack, columns: keys.count)
            buffers.products.multiply(
                queries, cache.read(.keys, sequence: slot, head: sharedHead, keys),
                transposed: true, into: scores)
            if let cap { softcap(scores, scale: factor, at: cap) }
            let part = buffers.softmax.absorb(
                scores, scale: cap == nil ? factor : 1, into: attended, as: input,
                in: buffers.roundedWeights
            ) { row in
                let position = first + row % rows.count
                let from = block.window.map { max(0, position - $0 + 1) } ?? 0
                let lower = min(max(from, keys.lowerBound), keys.upperBound)
                let upper = min(max(position + 1, lower), keys.upperBound)
                return (lower - keys.lowerBound)..<(upper - keys.lowerBound)
            }
            buffers.products.multiply(
                part, cache.read(.values, sequence: slot, head: sharedHead, keys),
                transposed: false, into: attended, accumulates: start > oldest)
        }
        for member in 0..<group {
            let part = (member * rows.count)..<((member + 1) * rows.count)
            buffers.softmax.normalize(
                attended.part(rows: part, columns: 0..<dimension), from: part.lowerBound,
                into: output.part(rows: rows, columns: columns(member)))
        }
    }
}
