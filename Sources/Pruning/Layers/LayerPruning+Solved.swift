import Tensors

extension LayerPruning {
    /// Prunes a layer by a method that chooses mask and weights together, compensates and rounds.
    func solve(
        _ layer: Linear, by solver: Solver, statistics: Statistics, covariance: InputCovariance,
        pool: WorkerPool
    ) throws -> Outcome {
        let rows = layer.rows
        var norms = [Double](repeating: 0, count: layer.columns)
        for row in 0..<rows {
            addSquares(layer.weights.view.row(row), count: layer.columns, to: &norms)
        }
        let dense = Matrix(rows: rows, columns: layer.columns)
        dense.copy(from: layer.weights)
        let mask: [UInt8]
        let damping: Double
        switch solver {
        case .elimination:
            preconditionFailure("\(metric.name) takes out whole columns, by ChannelPruning")
        case .brainSurgeon(let isCentred, let updates):
            let factor = covariance.factor(isCentred: isCentred)
            mask = try BrainSurgery(
                factor, pattern: pattern, sparsity: sparsity, updates: updates
            ).apply(to: layer.weights, pool: pool)
            damping = factor.damping
        case .leastSquares:
            mask = try LeastSquaresPruning(
                statistics, covariance, isCentred: compensation.needsBias, pattern: pattern,
                sparsity: sparsity, pool: pool
            ).apply(to: layer.weights, pool: pool)
            damping = InputCovariance.damping
        }
        var outcome = try weigh(
            layer, dense: dense, mask: mask, statistics: statistics, covariance: covariance,
            pool: pool)
        outcome.damping = damping
        outcome.biasShare = statistics.biasShare(columnNorms: norms)
        return outcome
    }

    /// Scales and rounds new weights, whatever made them, and says what they come to. `dense`, the
    /// old ones, is used up.
    func weigh(
        _ layer: Linear, dense: Matrix, mask: [UInt8], statistics: Statistics,
        covariance: InputCovariance, pool: WorkerPool
    ) throws -> Outcome {
        let power = try covariance.forms(dense, isCentred: false, pool: pool).reduce(0, +)
        var outcome = Outcome(zeros: 0, mask: mask)
        var scales: [Double]?
        if compensation.fitsScale, let sample = statistics.sample {
            (scales, outcome.carriedScale) = try fittedScales(
                dense, sample: sample, statistics, pool: pool
            ) { row, target in
                target.update(from: layer.weights.view.row(row), count: layer.columns)
            }
            outcome.scales = scales.map { $0.map { Float($0) } }
        }
        let summaries = try finish(
            layer, dense: dense, scales: scales, mean: statistics.mean, pool: pool)
        outcome.zeros = summaries.reduce(0) { $0 + $1.zeros }
        if compensation == .affineShrunk {
            outcome.carriedMean = try carriedMean(
                rows: layer.rows, statistics, pool: pool
            ) { row, target in target.update(from: dense.view.row(row), count: dense.columns) }
        }
        let moved = compensation.needsBias ? outcome.carriedMean ?? 1 : 0
        if compensation.needsBias {
            outcome.biasChange = summaries.map { Float(moved * $0.bias) }
        }
        var error = try covariance.forms(dense, isCentred: compensation.needsBias, pool: pool)
        if compensation.needsBias, moved < 1 {
            for row in error.indices {
                let left = (1 - moved) * summaries[row].bias
                error[row] += Double(statistics.tokens) * left * left
            }
        }
        outcome.expectedError = power > 0 ? max(0, error.reduce(0, +)) / power : 0
        return outcome
    }

    /// Scales and rounds the new weights, and leaves in `dense` what they lack to the old ones.
    private func finish(
        _ layer: Linear, dense: Matrix, scales: [Double]?, mean: [Double], pool: WorkerPool
    ) throws -> [RowSummary] {
        var summaries = [RowSummary](repeating: RowSummary(), count: layer.rows)
        try summaries.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            nonisolated(unsafe) let summaries = start
            try pool.forEach(layer.rows) { row in
                summaries[row] = mean.withUnsafeBufferPointer { mean in
                    finishRow(
                        layer.weights.view.row(row), replacing: dense.view.row(row),
                        scale: scales?[row] ?? 1, mean: mean.baseAddress!, count: layer.columns,
                        type: type)
                }
            }
        }
        return summaries
    }
}
