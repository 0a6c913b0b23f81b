import Tensors

extension Forward {
    /// Sees what an expert makes of some of its tokens, `[tokens, hidden_size]`, from any thread.
    /// `first` is the place of the first one among the tokens of all experts of the group.
    package typealias ExpertObserver =
        @Sendable (_ expert: Int, _ output: MatrixView, _ first: Int) throws -> Void

    /// Runs some experts on the tokens that are routed to them, one expert after the other, its
    /// tokens in their order: sums come out the same bits for any number of threads.
    ///
    /// Source: `forward` of the classes of experts in the modeling files of transformers.
    ///
    /// - Parameters:
    ///   - norm: the block, whose norm makes the experts' input.
    ///   - middle: what stands before the feed-forward, `[tokens, hidden_size]`.
    ///   - tokens: those of each expert of the group, `[experts of the group]`.
    ///   - sums: what the experts' outputs are added to, times their weights, as far as it has
    ///     rows, `[at most tokens, hidden_size]`; nil: no output is wanted.
    ///   - step: what of it is done.
    ///   - observe: its tiles count within an expert's tokens, as if they were one sequence.
    ///   - finished: called after each tile, from any thread; what it throws ends the pass.
    package func run(
        _ group: ExpertGroup, of block: Block, _ middle: Matrix, _ tokens: [ExpertTokens],
        addingTo sums: Matrix?, step: ExpertStep = .whole, observe: Observer? = nil,
        made: ExpertObserver? = nil,
        finished: @Sendable (Tile) throws -> Void = { _ in }
    ) throws {
        precondition(tokens.count == group.experts.count, "a list for each expert")
        let limit = sums?.rows ?? 0
        let isOutputAlone = observe == nil && made == nil && !step.isFirst
        var first = 0
        let items = zip(group.experts, tokens).flatMap { expert, tokens -> [Item] in
            defer { first += tokens.count }
            let count = isOutputAlone ? tokens.count(below: limit) : tokens.count
            return stride(from: 0, to: count, by: Tile.size).map { start in
                Item(
                    expert: expert, tokens: tokens, first: first + start,
                    tile: Tile(
                        sequence: 0, rows: start..<min(count, start + Tile.size),
                        index: start / Tile.size))
            }
        }
        let adding = OrderedReduction<Output> { output in
            guard let sums, let matrix = output.matrix else { return }
            let places = output.item.places
            scatterAdd(
                matrix.view, times: output.item.tokens.weights[places], to: sums,
                output.item.tokens.rows[places])
        }
        try pool.forEach(items.count, state: { expertBuffers.borrow() }) { index, loan in
            let item = items[index]
            let run = ExpertForward(
                group: group, block: block, model: model, buffers: loan.buffers,
                step: step, observe: observe)
            let isWanted =
                made != nil
                || !step.isFirst && item.places.contains { Int(item.tokens.rows[$0]) < limit }
            let matrix =
                isWanted
                ? Matrix(rows: item.tile.rows.count, columns: model.configuration.hiddenSize)
                : nil
            try run.run(item, middle, into: matrix?.view)
            if let made, let matrix { try made(item.expert, matrix.view, item.first) }
            adding.add(Output(item: item, matrix: matrix), at: index)
            try finished(item.tile)
        }
    }

    struct Item: Sendable {
        let expert: Int
        let tokens: ExpertTokens
        /// Its place among the tokens of all experts of the group.
        let first: Int
        let tile: Tile

        /// In the lists of `tokens`.
        var places: Range<Int> { tile.rows }
    }

    private struct Output: Sendable {
        let item: Item
        /// `[tile, hidden_size]`; nil where it is not wanted.
        let matrix: Matrix?
    }
}

/// One expert on one tile of its tokens.
struct ExpertForward {
    let group: ExpertGroup
    let block: Block
    let model: Model
    let buffers: ExpertBuffers
    let step: ExpertStep
    let observe: Forward.Observer?

    /// y: `[rows of the tile, hidden_size]`, nil to end at the last layer's input.
    func run(_ item: Forward.Item, _ middle: Matrix, into y: MatrixView?) throws {
        let count = item.tile.rows.count
        let up = buffers.up.prefix(rows: count, columns: group.expertSize)
        let places = item.first..<(item.first + count)
        if case .end(let store) = step {
            up.copy(from: store.rows(places))
            store.release(places)
        } else {
            guard try feed(item, middle, into: up) else { return }
            if case .feed(let store) = step {
                store.rows(places).copy(from: up)
                store.release(places)
            }
        }
        guard let y else { return }
        let products = buffers.products
        group.apply(
            .down, of: item.expert, products.left(up, as: group.input), into: y, using: products)
    }

    /// Up to what the down projection reads, `[rows of the tile, moe_intermediate_size]`.
    /// - Returns: whether it was made.
    private func feed(
        _ item: Forward.Item, _ middle: Matrix, into up: MatrixView
    ) throws -> Bool {
        let (expert, tile, count) = (item.expert, item.tile, item.tile.rows.count)
        let normed = buffers.normed.prefix(rows: count, columns: middle.columns)
        gather(item.tokens.rows[tile.rows], of: middle, into: normed)
        block.norms.experts?.apply(normed, into: normed)
        try observe?(Tap(.feedForward, expert: expert), normed, tile)
        if case .enter = step { return false }
        let products = buffers.products
        let gate = buffers.gate.prefix(rows: count, columns: group.expertSize)
        let left = products.left(normed, as: group.input)
        group.apply(.up, of: expert, left, into: up, using: products)
        group.apply(.gate, of: expert, left, into: gate, using: products)
        model.gate(up, by: gate, of: block)
        try observe?(Tap(.down, expert: expert), up, tile)
        return true
    }
}

extension Forward {
    /// Shows what the experts of a block read, of all tokens whether they are routed to an expert
    /// or not, as one sequence.
    package func observeInput(
        of block: Block, _ middle: Matrix, tokens: Int, observe: Observer
    ) throws {
        try pool.forEach(
            (tokens + Tile.size - 1) / Tile.size, state: { expertBuffers.borrow() }
        ) { index, loan in
            let rows = (index * Tile.size)..<min(tokens, (index + 1) * Tile.size)
            let normed = loan.buffers.normed.prefix(rows: rows.count, columns: middle.columns)
            normed.copy(from: middle.rows(rows))
            middle.release(rows)
            block.norms.experts?.apply(normed, into: normed)
            try observe(
                Tap(.feedForward), normed, Tile(sequence: 0, rows: rows, index: index))
        }
    }
}
