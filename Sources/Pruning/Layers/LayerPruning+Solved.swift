import Tensors

extension LayerPruning {
    /// Prunes a layer by a method that chooses mask and weights together, compensates and rounds.
    func solve(
        _ layer: Linear, by solver: Solver, statistics: Statistics, covariance: InputCovariance,
        pool: WorkerPool
    ) throws -> Outcome {
        var norms = [Double](repeating: 0, count: layer.columns)
        addSquares(layer.weights.view, to: &norms)
        let dense = Matrix(rows: layer.rows, columns: layer.columns)
        dense.copy(from: layer.weights)
        let aimed =
            solver.updates
            ? try Self.aim(
                layer.weights, statistics, covariance,
                isCentred: solver.isCentred ?? compensation.needsBias,
                isScaled: solver == .leastSquares, pool: pool) : nil
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
            layer, dense: dense, aimed: aimed, mask: mask, statistics: statistics,
            covariance: covariance, pool: pool)
        outcome.damping = damping
        outcome.biasShare = statistics.biasShare(columnNorms: norms)
        return outcome
    }

    /// Scales and rounds new weights, whatever made them, and says what they come to. `dense`, the
    /// old ones, is used up, as is `aimed`, where the layer was solved towards other ones.
    func weigh(
        _ layer: Linear, dense: Matrix, aimed: Matrix?, mask: [UInt8], statistics: Statistics,
        covariance: InputCovariance, pool: WorkerPool
    ) throws -> Outcome {
        let power = try covariance.forms(dense, isCentred: false, pool: pool).reduce(0, +)
        var outcome = Outcome(zeros: 0, mask: mask)
        var scales: [Double]?
        if compensation.fitsScale, let sample = statistics.sample {
            (scales, outcome.carriedScale) = try fittedScales(
                dense, sample: sample, statistics, reading: statistics.dense?.sample, pool: pool
            ) { rows, target in target.copy(from: layer.weights.rows(rows)) }
            outcome.scales = scales.map { $0.map { Float($0) } }
        }
        let drift = statistics.dense.map { rowProducts(dense.view, $0.meanDrift) }
        var summaries = try finish(
            layer, dense: dense, scales: scales, mean: statistics.mean, pool: pool)
        if let drift { for row in drift.indices { summaries[row].bias += drift[row] } }
        outcome.zeros = summaries.reduce(0) { $0 + $1.zeros }
        if compensation == .affineShrunk {
            outcome.carriedMean = try carriedMean(
                rows: layer.rows, statistics, pool: pool
            ) { rows, target in target.copy(from: dense.rows(rows)) }
        }
        let moved = compensation.needsBias ? outcome.carriedMean ?? 1 : 0
        if compensation.needsBias {
            outcome.biasChange = summaries.map { Float(moved * $0.bias) }
        }
        if let aimed {
            // What the new weights lack to those that they would be if none had gone.
            try pool.forEachChunk(ofRows: layer.rows) { rows in
                dense.rows(rows).copy(from: aimed.rows(rows))
                subtract(layer.weights.rows(rows), from: dense.rows(rows))
            }
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
        try pool.forEachChunk(ofRows: layer.rows, writing: &summaries) { rows, summaries in
            finishRows(
                layer.weights.rows(rows), replacing: dense.rows(rows), from: rows.lowerBound,
                scales: scales, mean: mean, type: type, into: &summaries)
        }
        return summaries
    }
}
