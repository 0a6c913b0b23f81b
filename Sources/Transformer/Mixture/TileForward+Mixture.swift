import Tensors

extension TileForward {
    /// The second half of a mixture's block up to what stands before its feed-forward, and what its
    /// shared expert adds. x and y: `[rows, hidden_size]`, which may be the same; the first row is
    /// token `first` of `routes`.
    ///
    /// Source: `forward` of the classes of mixtures in the modeling files of transformers.
    ///
    /// - Parameter sum: what the experts' outputs are then added to, `[rows, hidden_size]`; nil
    ///   where it is not wanted.
    func middle(
        _ x: MatrixView, into y: MatrixView, _ routes: Routes, first: Int, sum: MatrixView?,
        observesShared: Bool
    ) throws {
        let mixed = try attention(x)
        if !y.isSame(as: x) { y.copy(from: x) }
        add(.output, mixed, norm: block.norms.attentionOutput, to: y)
        let normed = feedForwardInput(y)
        try observe?(Tap(.feedForward), normed, tile)
        let logits = buffers.routed.view.prefix(count)
        apply(.router, Operand(normed), into: logits)
        block.router?.route(logits, first: first, into: routes)
        guard block.layers[LayerKey(.down)] != nil else {
            sum?.fill(0)
            return
        }
        if !observesShared, sum == nil { return }
        let up = feedUp(normed)
        if observesShared { try observe?(Tap(.down), up, tile) }
        guard let sum else { return }
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
    /// - Parameter finished: called after each piece with its number of rows, from any thread; what
    ///   it throws ends the pass.
    package func add(
        _ sums: Matrix, to hidden: Matrix, rows: Int,
        finished: @Sendable (_ rows: Range<Int>) throws -> Void = { _ in }
    ) throws {
        try pool.forEach((rows + Tile.size - 1) / Tile.size) { index in
            let part = (index * Tile.size)..<min(rows, (index + 1) * Tile.size)
            defer {
                hidden.release(part)
                sums.release(part)
            }
            let factor = model.configuration.multipliers.residual
            if factor != 1 { scale(sums.rows(part), by: factor) }
            Tensors.add(sums.rows(part), to: hidden.rows(part))
            try finished(part)
        }
    }
}
