import Glibc
import Tensors

/// One block on one tile. All matrices have the tile's rows.
struct TileForward {
    let block: Block
    let model: Model
    let tile: Tile
    let cache: KeyValues
    /// nil where no block of the model has such inputs.
    let recurrent: RecurrentInputs?
    /// The sequence's place in the cache.
    let slot: Int
    let buffers: TileBuffers
    let observe: Forward.Observer?
    /// The tile's tokens, `[rows]`.
    let tokens: ArraySlice<Int32>
    /// The tile's keys and values that are kept for later blocks; nil where the model keeps none.
    let kept: KeptRows?
    /// What steps of the block leave for later ones, `[rows, BlockStep.width]`; nil where the block
    /// runs as a whole.
    var between: MatrixView?

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
    func attentionInput(_ x: MatrixView) -> MatrixView {
        guard configuration.normsBefore, let norm = block.norms.attention else { return x }
        let normed = buffers.normed.view.prefix(count)
        norm.apply(x, into: normed)
        return normed
    }

    /// The first half: what later tiles need of this one goes to the cache. x:
    /// `[rows, hidden_size]`.
    func first(_ x: MatrixView) throws {
        switch block.mixer {
        case .attention: try keysAndValues(x)
        case .deltaRule(let weights): try deltaInputs(x, weights)
        case .convolution: try convolutionInputs(x)
        }
    }

    var mixer: TokenMixer { configuration.mixers[block.index] }

    /// What the block's tokens make of each other: the input of its output projection.
    func mix(_ x: MatrixView) throws -> MatrixView {
        let mixed =
            switch block.mixer {
            case .attention: try attention(x)
            case .deltaRule: deltaOutputs(x)
            case .convolution(let convolution): convolve(x, convolution)
            }
        try observe?(Tap(.output), mixed, tile)
        return mixed
    }

    /// The tile's keys and values go to the cache. x: `[rows, hidden_size]`.
    private func keysAndValues(_ x: MatrixView) throws {
        let normed = attentionInput(x)
        try observe?(Tap(.attention), normed, tile)
        if heads.source != nil { return takeKept() }
        if let latent = configuration.latent, let own = buffers.latent {
            return try keysAndValues(normed, latent, own)
        }
        let left = buffers.products.left(normed, as: input)
        let width = block.shape.keyValueHeads * heads.dimension
        let shared = view(buffers.shared, columns: width)
        apply(.key, left, into: shared)
        if heads.valuesAreKeys {
            let values = view(buffers.mixed, columns: width)
            values.copy(from: shared)
            store(values: values)
        }
        turn(shared, norm: block.norms.key)
        store(shared, .keys)
        if heads.valuesAreKeys { return }
        apply(.value, left, into: shared)
        store(values: shared)
    }

    private func store(values: MatrixView) {
        if let limit = configuration.queryKeyValueLimit { clamp(values, to: limit) }
        normalise(values, block.norms.value)
        store(values, .values)
    }

    /// Makes queries or keys of a projection's output. x: `[rows, heads * head_dim]`.
    private func turn(_ x: MatrixView, norm: NormWeights?) {
        let follows = configuration.headNorms?.followsRotation ?? false
        if !follows { normalise(x, norm) }
        if let limit = configuration.queryKeyValueLimit { clamp(x, to: limit) }
        table?.apply(x, headDimension: heads.dimension, from: tile.rows.lowerBound)
        if follows { normalise(x, norm) }
    }

    private var rotation: Rotation? { configuration.rotations[block.index] }

    var heads: BlockHeads { configuration.heads[block.index] }

    /// What rotates the tile's queries and keys, made for the whole sequence before it is needed
    /// first; nil: nothing does.
    var table: RotaryTable? {
        rotation.map {
            model.table(of: $0.of(length: cache.length), positions: tile.rows.upperBound)
        }
    }

    private func normalise(_ x: MatrixView, _ norm: NormWeights?) {
        guard let norm else { return }
        if configuration.headNorms?.extent == .whole {
            norm.apply(x, into: x)
        } else {
            norm.applyPerHead(x, headDimension: heads.dimension)
        }
    }

    /// Multiplies queries by what depends on their position.
    private func grow(_ query: MatrixView) {
        rotation?.growth?.apply(query, positions: tile.rows)
    }

    /// The second half, once what it needs of all earlier tiles is there. x and y:
    /// `[rows, hidden_size]`, which may be the same; y is nil to end at the last layer's input.
    func rest(_ x: MatrixView, into y: MatrixView?) throws {
        let mixed = try mix(x)
        // The sum that runs through the block is kept where the output is wanted.
        let sum = y ?? buffers.residual.view.prefix(count)
        let side = configuration.isParallel ? feedForwardInput(x) : nil
        // Where the feed-forward reads something else, it may be of no use.
        if side == nil || y != nil {
            if !sum.isSame(as: x) { sum.copy(from: x) }
            addMixed(mixed, to: sum)
        }
        try feed(side ?? feedForwardInput(sum), addingTo: y == nil ? nil : sum)
        if y != nil { try end(sum) }
    }

    /// x += what the output projection makes of the heads' outputs. x: `[rows, hidden_size]`.
    func addMixed(_ mixed: MatrixView, to x: MatrixView) {
        add(mixer.output, mixed, norm: block.norms.attentionOutput, to: x)
        if !configuration.normsBefore { block.norms.attention?.apply(x, into: x) }
    }

    /// What comes behind the feed-forward. x: `[rows, hidden_size]`.
    func end(_ x: MatrixView) throws {
        if !configuration.normsBefore { block.norms.feedForward?.apply(x, into: x) }
        try block.applyEnd(to: x, tokens, buffers.end)
    }

    /// What the heads make of `x`: `[rows, num_attention_heads * head_dim]`, of a head of values.
    private func attention(_ x: MatrixView) throws -> MatrixView {
        let group = heads.perGroup
        let query = view(
            buffers.query, columns: block.shape.keyValueHeads * group * heads.dimension)
        if let latent = configuration.latent, let own = buffers.latent {
            try queries(attentionInput(x), latent, own, into: query)
        } else {
            apply(.query, buffers.products.left(attentionInput(x), as: input), into: query)
            turn(query, norm: block.norms.query)
            grow(query)
        }
        let mixed = view(
            buffers.mixed, columns: block.shape.keyValueHeads * heads.groupSize)
        let queries = TileBuffers.queries(group: group)
        for head in 0..<block.shape.keyValueHeads {
            for start in stride(from: 0, to: count, by: queries) {
                attend(
                    query, into: mixed, sharedHead: head,
                    rows: start..<min(count, start + queries))
            }
        }
        weigh(mixed, x)
        return mixed
    }

    /// Multiplies what the heads make by the sigmoid of their gates, where they have them.
    private func weigh(_ mixed: MatrixView, _ x: MatrixView) {
        guard block.projections[LayerKey(.outputGate)] != nil else { return }
        // The queries have been used up.
        let gate = view(buffers.query, columns: mixed.columns)
        apply(.outputGate, buffers.products.left(attentionInput(x), as: input), into: gate)
        Activation.sigmoid.gate(mixed, by: gate)
    }
}
