import Synchronization
import Tensors

extension Forward {
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
    ///   - observe: its tiles count within an expert's tokens, as if they were one sequence.
    ///   - finished: called after each tile, from any thread; what it throws ends the pass.
    package func run(
        _ group: ExpertGroup, of block: Block, _ middle: Matrix, _ tokens: [ExpertTokens],
        addingTo sums: Matrix?, observe: Observer? = nil,
        finished: @Sendable (Tile) throws -> Void = { _ in }
    ) throws {
        precondition(tokens.count == group.experts.count, "a list for each expert")
        let limit = sums?.rows ?? 0
        let items = zip(group.experts, tokens).flatMap { expert, tokens -> [Item] in
            let count = observe == nil ? tokens.count(below: limit) : tokens.count
            return stride(from: 0, to: count, by: Tile.size).map { start in
                Item(
                    expert: expert, tokens: tokens,
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
        try pool.forEach(items.count, state: { borrowExpert() }) { index, loan in
            let item = items[index]
            let run = ExpertForward(
                group: group, block: block, model: model, buffers: loan.buffers,
                observe: observe)
            let isWanted = item.places.contains { Int(item.tokens.rows[$0]) < limit }
            let matrix =
                isWanted
                ? Matrix(rows: item.tile.rows.count, columns: model.configuration.hiddenSize)
                : nil
            try run.run(item.expert, item.tokens, item.tile, middle, into: matrix?.view)
            adding.add(Output(item: item, matrix: matrix), at: index)
            try finished(item.tile)
        }
    }

    /// Buffers on loan to a thread, which go back when the loan is over.
    private final class ExpertLoan {
        let buffers: ExpertBuffers
        private let owner: Forward

        init(_ buffers: ExpertBuffers, from owner: Forward) {
            self.buffers = buffers
            self.owner = owner
        }

        deinit { owner.freeExperts.withLock { $0.append(buffers) } }
    }

    private func borrowExpert() -> ExpertLoan {
        ExpertLoan(freeExperts.withLock { $0.popLast() } ?? ExpertBuffers(model), from: self)
    }

    private struct Item: Sendable {
        let expert: Int
        let tokens: ExpertTokens
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
    let observe: Forward.Observer?

    /// y: `[rows of the tile, hidden_size]`, nil to end at the last layer's input.
    func run(
        _ expert: Int, _ tokens: ExpertTokens, _ tile: Tile, _ middle: Matrix, into y: MatrixView?
    ) throws {
        let count = tile.rows.count
        let normed = buffers.normed.prefix(rows: count, columns: middle.columns)
        gather(tokens.rows[tile.rows], of: middle, into: normed)
        block.norms.experts?.apply(normed, into: normed)
        try observe?(Tap(.feedForward, expert: expert), normed, tile)
        let products = buffers.products
        let up = buffers.up.prefix(rows: count, columns: group.expertSize)
        let gate = buffers.gate.prefix(rows: count, columns: group.expertSize)
        let left = products.left(normed, as: group.input)
        group.apply(.up, of: expert, left, into: up, using: products)
        group.apply(.gate, of: expert, left, into: gate, using: products)
        model.gate(up, by: gate, of: block)
        try observe?(Tap(.down, expert: expert), up, tile)
        guard let y else { return }
        group.apply(
            .down, of: expert, products.left(up, as: group.input), into: y, using: products)
    }
}

extension Forward {
    /// Shows what the experts of a block read, of all tokens whether they are routed to an expert
    /// or not, as one sequence.
    package func observeInput(
        of block: Block, _ middle: Matrix, tokens: Int, observe: Observer
    ) throws {
        try pool.forEach(
            (tokens + Tile.size - 1) / Tile.size, state: { borrowExpert() }
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
