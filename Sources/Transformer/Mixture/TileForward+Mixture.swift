import Tensors

extension TileForward {
    /// The second half of a mixture's block up to what stands before its feed-forward, and what its
    /// shared expert adds. x and y: `[rows, hidden_size]`, which may be the same; the first row is
    /// token `first` of `routes`.
    ///
    /// Source: `forward` of the classes of mixtures in the modeling files of transformers.
    ///
    /// - Parameters:
    ///   - sum: what the experts' outputs are then added to, `[rows, hidden_size]`; nil where it is
    ///     not wanted.
    ///   - beside: what the shared expert makes where the mixture stands beside it, likewise.
    func middle(
        _ x: MatrixView, into y: MatrixView, _ routes: Routes, first: Int, sum: MatrixView?,
        beside: MatrixView?, observesShared: Bool
    ) throws {
        let mixed = try mix(x)
        if !y.isSame(as: x) { y.copy(from: x) }
        add(mixer.output, mixed, norm: block.norms.attentionOutput, to: y)
        let normed = feedForwardInput(y)
        try observe?(Tap(.feedForward), normed, tile)
        route(y, normed, routes, first: first)
        guard hasShared else {
            sum?.fill(0)
            return
        }
        if !observesShared, sum == nil { return }
        let up = feedUp(normed)
        if observesShared { try observe?(Tap(.down), up, tile) }
        if let sum { share(up, normed, sum: sum, beside: beside) }
    }

    /// Whether there is an expert that all tokens go to.
    var hasShared: Bool { block.layers[LayerKey(.down)] != nil }

    /// Chooses the tokens' experts. y: what stands before the feed-forward; normed: what it reads.
    func route(_ y: MatrixView, _ normed: MatrixView, _ routes: Routes, first: Int) {
        let logits = buffers.routed.view.prefix(count)
        if let router = block.router?.beside {
            router.apply(
                y, into: logits, through: buffers.addend.view.prefix(count), buffers.products)
        } else {
            apply(.router, Operand(normed), into: logits)
        }
        block.router?.route(logits, first: first, into: routes)
    }

    /// What the shared expert's down projection makes of `up`, `[rows, intermediate_size]`.
    func share(
        _ up: MatrixView, _ normed: MatrixView, sum: MatrixView, beside: MatrixView?
    ) {
        if let beside {
            sum.fill(0)
            apply(.down, buffers.products.left(up, as: input), into: beside)
            block.norms.beside?.shared.apply(beside, into: beside)
            return
        }
        apply(.down, buffers.products.left(up, as: input), into: sum)
        guard block.layers[LayerKey(.sharedGate)] != nil else { return }
        let gate = buffers.routed.prefix(rows: count, columns: 1)
        apply(.sharedGate, Operand(normed), into: gate)
        let factors = (0..<count).map { sigmoid(gate[$0, 0]) }
        scaleRows(sum, by: factors[...])
    }
}

extension Forward {
    /// Ends a mixture's block once its experts have run: hidden += sums, `[at least rows,
    /// hidden_size]` each.
    ///
    /// - Parameters:
    ///   - block: its norms and what comes behind.
    ///   - beside: what is added to the experts' sums first; nil: nothing.
    ///   - tokens: of all rows.
    package func finish(
        _ block: Block, _ sums: Matrix, beside: Matrix?, addingTo hidden: Matrix,
        tokens: [Int32], rows: Int
    ) throws {
        defer { block.end?.perLayer?.release() }
        try pool.forEach(
            (rows + Tile.size - 1) / Tile.size, state: { tileBuffers.borrow() }
        ) { index, loan in
            let part = (index * Tile.size)..<min(rows, (index + 1) * Tile.size)
            defer { for matrix in [hidden, sums, beside] { matrix?.release(part) } }
            let sum = sums.rows(part)
            block.norms.beside?.output.apply(sum, into: sum)
            if let beside { Tensors.add(beside.rows(part), to: sum) }
            block.norms.feedForwardOutput?.apply(sum, into: sum)
            let factor = model.configuration.multipliers.residual
            if factor != 1 { scale(sum, by: factor) }
            Tensors.add(sum, to: hidden.rows(part))
            try block.applyEnd(to: hidden.rows(part), tokens[part], loan.buffers.end)
        }
    }
}
