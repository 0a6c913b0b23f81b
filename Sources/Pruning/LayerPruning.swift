import Tensors

/// Prunes one layer in memory.
package struct LayerPruning: Sendable {
    /// As in the checkpoint, e.g. `model.layers.0.mlp.down_proj`.
    package var name: String
    package var metric: Metric
    package var compensation: Compensation
    package var pattern: Pattern
    /// The share of zeros of an unstructured pattern.
    package var sparsity: Double
    package var scope: Scope
    /// For `random`.
    package var seed: UInt64
    /// The type in which the weights will be written: they are rounded to it.
    package var type: ElementType

    package init(
        name: String, metric: Metric, compensation: Compensation, pattern: Pattern,
        sparsity: Double, scope: Scope, seed: UInt64, type: ElementType
    ) {
        self.name = name
        self.metric = metric
        self.compensation = compensation
        self.pattern = pattern
        self.sparsity = sparsity
        self.scope = scope
        self.seed = seed
        self.type = type
    }

    /// What was done to the layer.
    package struct Outcome: Sendable {
        /// Weights that are exactly zero now.
        package var zeros: Int
        /// What was added to the bias, `[rows]`, float32; nil where the compensation has none.
        package var biasChange: [Float]?
        /// What each row was multiplied by, `[rows]`.
        package var scales: [Float]?
        /// 1 where a weight was zeroed, `[rows, columns]`.
        package var mask: [UInt8]
        /// The share of the mean in the expected squared input, weighted by the columns that it
        /// feeds: `sum_j c_j mean_j² / sum_j c_j E[x_j²]`, c_j the squared norm of column j. 0 to 1;
        /// nil without statistics.
        package var biasShare: Double?
        /// The expected squared error of the output over its expected square, for uncorrelated
        /// inputs; nil without statistics.
        package var expectedError: Double?
    }

    /// Rows handed to a thread at a time; a constant, for the products' shapes must not depend on the
    /// number of threads.
    private static let chunk = 64

    /// Masks, compensates and rounds `layer` in place; its bias is left to the caller, who adds
    /// `biasChange`. `statistics` is required by every metric and compensation but `magnitude`,
    /// `random` and `none`; with `scale` and `affine` it needs its sample.
    package func apply(
        to layer: Linear, statistics: Statistics?, pool: WorkerPool
    ) throws -> Outcome {
        let rows = layer.rows
        let columns = layer.columns
        precondition(statistics.map { $0.mean.count == columns } ?? true, "features differ")
        let biasShare = statistics.map { self.biasShare(of: layer, statistics: $0) }
        let scores = Scores(self, statistics: statistics, columns: columns)
        let threshold =
            scope == .layer && pattern == .unstructured
            ? try layerThreshold(layer, scores: scores, pool: pool) : nil
        var mask = [UInt8](repeating: 0, count: rows * columns)
        try mask.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let mask = buffer.baseAddress!
            // The threads write rows of their own.
            try pool.forEach(rows, state: { RowScratch(columns: columns) }) { row, scratch in
                let weights = layer.weights.view.row(row)
                scores.fill(scratch.scores, weights: weights, row: row)
                let target = mask + row * columns
                switch pattern {
                case .groups(let keep, let group):
                    markLeast(
                        keep: keep, ofEvery: group, of: scratch.scores, count: columns,
                        scratch: scratch.work, mask: target)
                case .unstructured where threshold != nil:
                    for j in 0..<columns { target[j] = scratch.scores[j] < threshold! ? 1 : 0 }
                case .unstructured:
                    markLeast(
                        Self.budget(columns, sparsity), of: scratch.scores, count: columns,
                        scratch: scratch.work, mask: target)
                }
            }
        }
        if let threshold {
            try markTies(layer, scores: scores, threshold: threshold, mask: &mask)
        }
        return try compensate(
            layer, statistics: statistics, mask: mask, biasShare: biasShare, pool: pool)
    }

    /// `floor(count * sparsity)`, forgiving the last bit of a decimal fraction.
    static func budget(_ count: Int, _ sparsity: Double) -> Int {
        min(count, Int((Double(count) * sparsity + 1e-9).rounded(.down)))
    }

    private func biasShare(of layer: Linear, statistics: Statistics) -> Double {
        var columnNorms = [Double](repeating: 0, count: layer.columns)
        columnNorms.withUnsafeMutableBufferPointer { sums in
            for row in 0..<layer.rows {
                addSquares(
                    layer.weights.view.row(row), count: layer.columns, to: sums.baseAddress!)
            }
        }
        var mean = 0.0
        var total = 0.0
        for j in 0..<layer.columns {
            mean += columnNorms[j] * statistics.mean[j] * statistics.mean[j]
            total += columnNorms[j] * statistics.norm2[j] / Double(statistics.tokens)
        }
        return total > 0 ? min(1, mean / total) : 0
    }

    private func compensate(
        _ layer: Linear, statistics: Statistics?, mask: [UInt8], biasShare: Double?,
        pool: WorkerPool
    ) throws -> Outcome {
        let rows = layer.rows
        let columns = layer.columns
        var outcome = Outcome(zeros: 0, mask: mask, biasShare: biasShare)
        var scales: [Double]?
        if compensation == .scale || compensation == .affine, let sample = statistics?.sample {
            scales = try fittedScales(layer, sample: sample, mask: mask, pool: pool)
        }
        var summaries = [RowSummary](repeating: RowSummary(), count: rows)
        let none = [Double](repeating: 0, count: columns)
        let fixedScales = scales
        try summaries.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let summaries = buffer.baseAddress!
            try pool.forEach(rows) { row in
                summaries[row] = mask.withUnsafeBufferPointer { mask in
                    (statistics?.mean ?? none).withUnsafeBufferPointer { mean in
                        (statistics?.variance ?? none).withUnsafeBufferPointer { variance in
                            updateRow(
                                layer.weights.view.row(row),
                                mask: mask.baseAddress! + row * columns,
                                scale: fixedScales?[row] ?? 1, mean: mean.baseAddress!,
                                variance: variance.baseAddress!, count: columns, type: type)
                        }
                    }
                }
            }
        }
        outcome.zeros = summaries.reduce(0) { $0 + $1.zeros }
        outcome.scales = scales.map { $0.map { Float($0) } }
        if compensation.needsBias { outcome.biasChange = summaries.map { Float($0.bias) } }
        if statistics != nil {
            let moved = compensation.needsBias
            let error: Double = summaries.reduce(0) {
                $0 + $1.removedVariance + (moved ? 0 : $1.bias * $1.bias)
            }
            let power: Double = summaries.reduce(0) { $0 + $1.variance + $1.mean * $1.mean }
            outcome.expectedError = power > 0 ? error / power : 0
        }
        return outcome
    }

    /// a_i of the compensation for every row, clamped to [0.5, 3]; 1 where the pruned output does not
    /// vary.
    private func fittedScales(
        _ layer: Linear, sample: Matrix, mask: [UInt8], pool: WorkerPool
    ) throws -> [Double] {
        let rows = layer.rows
        let columns = layer.columns
        let centered: Matrix
        if compensation == .affine {
            // cov(y, y') is the same for inputs less their mean, and rounds better.
            centered = Matrix(rows: sample.rows, columns: columns)
            centered.copy(from: sample)
            center(centered.view)
        } else {
            centered = sample
        }
        var scales = [Double](repeating: 1, count: rows)
        try scales.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let scales = buffer.baseAddress!
            try pool.forEach(
                (rows + Self.chunk - 1) / Self.chunk,
                state: { FitScratch(samples: sample.rows, outputs: Self.chunk, columns: columns) }
            ) { index, scratch in
                let range = (index * Self.chunk)..<min(rows, (index + 1) * Self.chunk)
                let old = layer.weights.rows(range)
                let new = scratch.pruned.rows(0..<range.count)
                for (target, row) in range.enumerated() {
                    let source = layer.weights.view.row(row)
                    for j in 0..<columns {
                        new.row(target)[j] = mask[row * columns + j] == 0 ? source[j] : 0
                    }
                }
                let columnRange = 0..<range.count
                let y = scratch.dense.view.part(rows: 0..<sample.rows, columns: columnRange)
                let z = scratch.sparse.view.part(rows: 0..<sample.rows, columns: columnRange)
                multiply(centered.view, old, transposed: true, into: y)
                multiply(centered.view, new, transposed: true, into: z)
                let fit = RowFit(y, z)
                for (target, row) in range.enumerated() where fit.powers[target] > 0 {
                    scales[row] = min(max(fit.products[target] / fit.powers[target], 0.5), 3)
                }
            }
        }
        return scales
    }
}

/// One thread's buffers for a row.
private final class RowScratch {
    let scores: UnsafeMutablePointer<Double>
    let work: UnsafeMutablePointer<Double>

    init(columns: Int) {
        scores = .allocate(capacity: columns)
        work = .allocate(capacity: columns)
    }

    deinit {
        scores.deallocate()
        work.deallocate()
    }
}

/// One thread's buffers for the fit of some rows.
private final class FitScratch {
    let pruned: Matrix
    let dense: Matrix
    let sparse: Matrix

    init(samples: Int, outputs: Int, columns: Int) {
        pruned = Matrix(rows: outputs, columns: columns)
        dense = Matrix(rows: samples, columns: outputs)
        sparse = Matrix(rows: samples, columns: outputs)
    }
}
