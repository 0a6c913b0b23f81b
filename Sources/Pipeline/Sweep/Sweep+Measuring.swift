import Pruning
import Synchronization
import Tensors
import Transformer

extension Sweep {
    /// What is known of a dense block.
    struct Measured {
        var statistics: [Tap: Statistics]
        /// Its output on the first sequences, `[comparedSequences * length, hidden_size]`; without
        /// rows where it is compared with nothing.
        var dense: Matrix
        var cost = Cost()
    }

    /// Runs the dense block on every calibration window: the statistics of each tap that some lane
    /// needs; without a calibration what is known of the inputs already.
    ///
    /// Beyond the windows that are compared the last layer's product is not needed, unless the
    /// sweep follows the dense model.
    ///
    /// - Returns: nil where nothing of the block is to be pruned, or there is no calibration.
    func measure(_ block: Block, _ states: HiddenStates?) throws -> Measured? {
        if let known {
            return Measured(
                statistics: known.statistics(of: block.index), dense: Matrix(rows: 0, columns: 0))
        }
        guard let states else { return nil }
        // What any of the outputs needs.
        let needs = InputNeeds.of(lanes.flatMap { $0.layers[block.index] }, model)
        if needs.isEmpty {
            guard !sequential else { return nil }
            return Measured(
                statistics: [:], dense: Matrix(rows: 0, columns: 0),
                cost: try passes.advance(states, through: block))
        }
        let compared = sequential ? Self.comparedSequences(states.windows) : 0
        let dense = Matrix(
            rows: compared * states.windows.length, columns: model.configuration.hiddenSize)
        let (statistics, cost) = try passes.gather(
            needs, of: block, from: states, to: sequential ? .first(dense) : .inPlace)
        return Measured(statistics: statistics, dense: dense, cost: cost)
    }

    /// Moves the calibration's hidden states past a block that has been pruned.
    ///
    /// - Parameter dense: the dense block's output on the first sequences; nil where nothing of
    ///   the block was pruned.
    /// - Returns: how far its output is from the dense one's, where that was measured.
    func finish(
        _ block: Block, _ states: HiddenStates?, _ dense: Matrix?
    ) throws -> (Difference?, Cost) {
        guard let states, sequential else { return (nil, Cost()) }
        if let dense { return try compareAndAdvance(block, states, dense) }
        if isLast(block.index) { return (nil, Cost()) }
        return (nil, try passes.advance(states, through: block))
    }

    /// Runs the pruned block, or its last step, on every sequence, in place, or, where the sweep
    /// ends here, only on those that are compared.
    func compareAndAdvance(
        _ block: Block, _ states: HiddenStates, _ dense: Matrix,
        to destination: Forward.Destination = .inPlace
    ) throws -> (Difference?, Cost) {
        let length = states.windows.length
        let compared = dense.rows / length
        let total = Mutex(Difference())
        let reduction = OrderedReduction<Difference> { part in
            total.withLock { $0 += part }
        }
        let cost = try passes.run(
            block, states, sequences: isLast(block.index) ? compared : states.windows.count,
            to: destination,
            finished: { tile in
                guard tile.sequence < compared else { return }
                let start = tile.sequence * length
                let rows = (start + tile.rows.lowerBound)..<(start + tile.rows.upperBound)
                reduction.add(
                    Difference(dense.rows(rows), states.matrix.rows(rows)), at: tile.index)
            })
        return (total.withLock { $0 }, cost)
    }
}
