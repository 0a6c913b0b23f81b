import Glibc
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

    var count: Int { tile.rows.count }
    var input: ProductInput { block.input }
    var configuration: ModelConfiguration { model.configuration }

    /// Some of a buffer, without gaps: the block may be narrower than the model's were.
    func view(_ buffer: Matrix, columns: Int) -> MatrixView {
        buffer.prefix(rows: count, columns: columns)
    }

    func apply(
        _ role: Role, _ x: Operand, into y: MatrixView, accumulates: Bool = false
    ) {
        guard let (layer, part) = block.projections[LayerKey(role)] else { return }
        layer.apply(x, part: part, into: y, using: buffers.products, accumulates: accumulates)
    }

    /// x += the layer's output, after a norm and times a factor where there is one for it.
    func add(_ role: Role, _ input: MatrixView, norm: NormWeights?, to x: MatrixView) {
        let left = buffers.products.left(input, as: self.input)
        let factor = configuration.multipliers.residual
        if norm == nil, factor == 1 { return apply(role, left, into: x, accumulates: true) }
        let addend = buffers.addend.view.prefix(count)
        apply(role, left, into: addend)
        norm?.apply(addend, into: addend)
        if factor != 1 { scale(addend, by: factor) }
        Tensors.add(addend, to: x)
    }

    /// What attention reads. x: `[rows, hidden_size]`.
    private func attentionInput(_ x: MatrixView) -> MatrixView {
        guard configuration.normsBefore, let norm = block.norms.attention else { return x }
        let normed = buffers.normed.view.prefix(count)
        norm.apply(x, into: normed)
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
        turn(shared, norm: block.norms.key)
        cache.store(shared, .keys, sequence: slot, at: tile.rows)
        apply(.value, left, into: shared)
        if let limit = configuration.queryKeyValueLimit { clamp(shared, to: limit) }
        cache.store(shared, .values, sequence: slot, at: tile.rows)
    }

    /// Makes queries or keys of a projection's output. x: `[rows, heads * head_dim]`.
    private func turn(_ x: MatrixView, norm: NormWeights?) {
        if let limit = configuration.queryKeyValueLimit { clamp(x, to: limit) }
        let follows = configuration.headNorms?.followsRotation ?? false
        if !follows { normalise(x, norm) }
        if let rotation {
            // The table is made for the whole sequence before it is needed first.
            model.table(of: rotation, positions: tile.rows.upperBound)
                .apply(x, headDimension: configuration.headDim, from: tile.rows.lowerBound)
        }
        if follows { normalise(x, norm) }
    }

    private var rotation: Rotation? { configuration.rotations[block.index] }

    private func normalise(_ x: MatrixView, _ norm: NormWeights?) {
        guard let norm else { return }
        if configuration.headNorms?.extent == .whole {
            norm.apply(x, into: x)
        } else {
            norm.applyPerHead(x, headDimension: configuration.headDim)
        }
    }

    /// Multiplies queries by what depends on their position.
    private func grow(_ query: MatrixView) {
        guard let growth = rotation?.growth else { return }
        for (row, position) in tile.rows.enumerated() where position >= growth.step {
            let steps = Float(position / growth.step)
            scale(
                query.part(rows: row..<(row + 1), columns: 0..<query.columns),
                by: 1 + growth.factor * logf(1 + steps))
        }
    }

    /// The second half, once the keys and values of all earlier tiles are there. x and y:
    /// `[rows, hidden_size]`, which may be the same; y is nil to end at the last layer's input.
    func rest(_ x: MatrixView, into y: MatrixView?) throws {
        let group = configuration.headsPerGroup
        let width = block.shape.keyValueHeads * group * configuration.headDim
        let query = view(buffers.query, columns: width)
        apply(.query, buffers.products.left(attentionInput(x), as: input), into: query)
        turn(query, norm: block.norms.query)
        grow(query)
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
            add(.output, mixed, norm: block.norms.attentionOutput, to: sum)
            if !configuration.normsBefore { block.norms.attention?.apply(sum, into: sum) }
        }
        try feed(side ?? feedForwardInput(sum), addingTo: y == nil ? nil : sum)
        if !configuration.normsBefore, y != nil { block.norms.feedForward?.apply(sum, into: sum) }
    }
}
