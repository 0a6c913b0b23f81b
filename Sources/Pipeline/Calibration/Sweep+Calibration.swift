import Pruning
import Synchronization
import Tensors
import Transformer

extension Sweep {
    /// Runs the dense block on every calibration sequence: the statistics of each tap's input, and
    /// the block's output on the first sequences, `[comparedSequences * length, hidden_size]`;
    /// without a calibration what is known of the inputs already.
    ///
    /// Beyond those the last layer's product is not needed, unless the sweep follows the dense
    /// model.
    ///
    /// - Returns: nil where nothing of the block is to be pruned, or there is no calibration.
    func measure(
        _ block: Block, states: HiddenStates?, observer: SweepObserver
    ) throws -> (statistics: [Tap: Statistics], dense: Matrix)? {
        if let known {
            let statistics = Set(block.layers.keys.map(\.tap)).compactMap { tap in
                known.statistics(of: tap, block: block.index).map { (tap, $0) }
            }
            return (Dictionary(uniqueKeysWithValues: statistics), Matrix(rows: 0, columns: 0))
        }
        guard let states else { return nil }
        // What any of the outputs needs.
        let plans = lanes.flatMap { $0.layers[block.index].filter { $0.choice != nil } }
        if plans.isEmpty {
            if !sequential { try advance(states, through: block, .pruning, observer) }
            return nil
        }
        let windows = states.windows
        let length = windows.length
        let compared = Self.comparedSequences(windows)
        let dense = Matrix(
            rows: sequential ? compared * length : 0, columns: model.configuration.hiddenSize)
        let sampleRows = SampleRows(tokens: windows.tokens.count)
        var samples: [Tap: Matrix] = [:]
        for plan in plans where plan.choice?.compensation.fitsScale == true {
            let tap = plan.key.tap
            samples[tap] =
                samples[tap]
                ?? Matrix(
                    rows: sampleRows.count,
                    columns: model.shape(plan.key, block: block.index).columns)
        }
        var products: [Tap: CovarianceSum] = [:]
        for plan in plans where plan.choice?.metric.solver != nil {
            let tap = plan.key.tap
            products[tap] =
                products[tap]
                ?? CovarianceSum(features: model.shape(plan.key, block: block.index).columns)
        }
        let groups = SignedGroups(windows: windows.count, length: length)
        var grouped: [Tap: Matrix] = [:]
        for plan in plans where grouped[plan.key.tap] == nil {
            grouped[plan.key.tap] = Matrix(
                rows: groups.count, columns: model.shape(plan.key, block: block.index).columns)
        }
        let (kept, sums, signed) = (samples, products, grouped)
        let totals = Mutex<[Tap: PartedMoments]>([:])
        let reductions = Dictionary(
            uniqueKeysWithValues: grouped.keys.map { tap in
                let reduction = OrderedReduction<Moments> { part in
                    totals.withLock {
                        $0[
                            tap,
                            default: PartedMoments(
                                features: part.sum.count, windows: windows.count, length: length)
                        ].add(part)
                    }
                }
                return (tap, reduction)
            })
        if !sequential { states.awaitReaders() }
        try forward.run(
            block, states.matrix, length: length, sequences: windows.count,
            destination: sequential ? .first(dense) : .inPlace,
            observe: { tap, input, tile in
                var moments = Moments(features: input.columns)
                moments.add(input)
                reductions[tap]?.add(moments, at: tile.index)
                sums[tap]?.add(input, at: tile.index)
                if let signed = signed[tap] {
                    groups.add(
                        input, window: tile.sequence, first: tile.rows.lowerBound, to: signed)
                }
                guard let sample = kept[tap] else { return }
                let start = tile.sequence * length + tile.rows.lowerBound
                for (offset, row) in sampleRows.rows(from: start, length: tile.rows.count) {
                    sample.rows(row..<(row + 1)).copy(
                        from: input.part(
                            rows: offset..<(offset + 1), columns: 0..<input.columns))
                }
            },
            finished: { tile in
                // As in `Forward.Destination.first`.
                let isWhole = !sequential || tile.sequence < compared
                try observer.advance(
                    tile.rows.count,
                    model.flops(tile, length, through: block, endsBeforeLast: !isWhole),
                    .pruning, block.index)
            })
        let statistics = totals.withLock { totals in
            Dictionary(
                uniqueKeysWithValues: totals.map { tap, moments in
                    let products = sums[tap]?.finish(moments.total)
                    let mean = moments.total.sum.map { $0 / Double(moments.total.count) }
                    let sketch = signed[tap].map { InputSketch($0, groups, mean: mean) }
                    return (
                        tap,
                        Statistics(
                            moments, sample: kept[tap], sketch: sketch, products: products
                        ).rounded
                    )
                })
        }
        return (statistics, dense)
    }

    /// Runs the pruned block on every sequence, in place, or, where the sweep ends here, only on
    /// those that are compared.
    func compareAndAdvance(
        _ block: Block, states: HiddenStates, dense: Matrix, observer: SweepObserver
    ) throws -> (Difference?, Double?) {
        let length = states.windows.length
        let compared = dense.rows / length
        let total = Mutex(Difference())
        let reduction = OrderedReduction<Difference> { part in
            total.withLock { $0 += part }
        }
        states.awaitReaders()
        try forward.run(
            block, states.matrix, length: length,
            sequences: isLast(block) ? compared : states.windows.count,
            finished: { tile in
                if tile.sequence < compared {
                    let start = tile.sequence * length
                    let rows = (start + tile.rows.lowerBound)..<(start + tile.rows.upperBound)
                    reduction.add(
                        Difference(dense.rows(rows), states.matrix.rows(rows)), at: tile.index)
                }
                try observer.advance(
                    tile.rows.count, model.flops(tile, length, through: block), .pruning,
                    block.index)
            })
        let difference = total.withLock { $0 }
        return (difference, difference.meanSquaredError)
    }
}
