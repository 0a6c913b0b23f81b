import Glibc
import Pruning
import Synchronization
import Tensors
import Transformer

extension Sweep {
    /// Runs the dense block on every calibration sequence: the statistics of each tap's input, and
    /// the block's output on the first sequences, `[comparedSequences * length, hidden_size]`.
    ///
    /// Beyond those the last layer's product is not needed, unless the sweep follows the dense model.
    ///
    /// - Returns: nil where nothing of the block is to be pruned, or there is no calibration.
    func measure(
        _ block: Block, states: HiddenStates?, observer: SweepObserver
    ) throws -> (statistics: [Tap: Statistics], dense: Matrix)? {
        guard let states else { return nil }
        if !layers[block.index].contains(where: { $0.choice != nil }) {
            if !sequential { try advance(states, through: block, .pruning, observer) }
            return nil
        }
        let windows = states.windows
        let length = windows.length
        let compared = min(windows.count, Self.comparedSequences)
        let dense = Matrix(
            rows: compared * length, columns: model.configuration.hiddenSize)
        let plans = layers[block.index].filter { $0.choice != nil }
        let sampleRows = SampleRows(tokens: windows.tokens.count)
        var samples: [Tap: Matrix] = [:]
        for plan in plans where plan.choice?.compensation.needsSample == true {
            let tap = plan.role.tap
            samples[tap] =
                samples[tap]
                ?? Matrix(rows: sampleRows.count, columns: model.shape(plan.role)[1])
        }
        let kept = samples
        let totals = Mutex<[Tap: Moments]>([:])
        let reduction = OrderedReduction<[Tap: Moments]> { part in
            totals.withLock { totals in
                for (tap, moments) in part { totals[tap, default: moments.zero] += moments }
            }
        }
        try pool.forEach(
            windows.count, state: { workspaces.borrow() }
        ) { index, loan in
            let workspace = loan.workspace
            let hidden = workspace.hidden.view.prefix(length)
            hidden.copy(from: states[index])
            let rows = sampleRows.rows(from: index * length, length: length)
            var part: [Tap: Moments] = [:]
            block.forward(
                hidden, model: model, workspace: workspace,
                stopsAtDown: sequential && index >= compared
            ) { tap, input in
                var moments = Moments(features: input.columns)
                moments.add(input)
                part[tap] = moments
                guard let sample = kept[tap] else { return }
                for (offset, row) in rows {
                    sample.view.row(row).update(from: input.row(offset), count: input.columns)
                }
            }
            if index < compared {
                dense.rows((index * length)..<((index + 1) * length)).copy(from: hidden)
            }
            if !sequential { states[index].copy(from: hidden) }
            reduction.add(part, at: index)
            try observer.advance(length, .pruning, block.index)
        }
        let statistics = totals.withLock { totals in
            Dictionary(
                uniqueKeysWithValues: totals.map {
                    ($0, Statistics($1, sample: kept[$0]))
                })
        }
        return (statistics, dense)
    }

    /// Runs the pruned block on every sequence, in place, or, where the sweep ends here, only on those
    /// that are compared.
    func compareAndAdvance(
        _ block: Block, states: HiddenStates, dense: Matrix, observer: SweepObserver
    ) throws -> (Difference?, Double?) {
        let length = states.windows.length
        let compared = dense.rows / length
        let total = Mutex((Difference(), 0.0))
        let reduction = OrderedReduction<Difference> { part in
            total.withLock {
                $0.0 += part
                $0.1 += part.meanSquaredError
            }
        }
        try pool.forEach(
            isLast(block) ? compared : states.windows.count,
            state: { workspaces.borrow() }
        ) { index, loan in
            block.forward(states[index], model: model, workspace: loan.workspace)
            if index < compared {
                let rows = (index * length)..<((index + 1) * length)
                reduction.add(Difference(dense.rows(rows), states[index]), at: index)
            }
            try observer.advance(length, .pruning, block.index)
        }
        let (difference, error) = total.withLock { $0 }
        return (difference, error / Double(compared))
    }

    func exponential(_ x: Double) -> Double { exp(x) }
}

extension Compensation {
    /// Whether it is fitted on inputs of the layer.
    var needsSample: Bool { self == .scale || self == .affine }
}

extension Moments {
    /// No tokens of as many features.
    fileprivate var zero: Moments { Moments(features: sum.count) }
}
