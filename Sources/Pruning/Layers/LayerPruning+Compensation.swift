import Tensors

extension LayerPruning {
    /// Zeroes what `mask` marks, makes up for it and rounds.
    func compensate(
        _ layer: Linear, statistics: Statistics?, mask: [UInt8], biasShare: Double?,
        carried: Double?, pool: WorkerPool
    ) throws -> Outcome {
        let rows = layer.rows
        let columns = layer.columns
        var outcome = Outcome(zeros: 0, mask: mask, biasShare: biasShare)
        outcome.carriedMean = carried
        var scales: [Double]?
        if compensation.fitsScale, let statistics, let sample = statistics.sample {
            (scales, outcome.carriedScale) = try fittedScales(
                layer.weights, sample: sample, statistics, pool: pool
            ) { row, target in
                let source = layer.weights.view.row(row)
                for j in 0..<columns {
                    target[j] = mask[row * columns + j] == 0 ? source[j] : 0
                }
            }
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
        let moved = compensation.needsBias ? carried ?? 1 : 0
        if compensation.needsBias {
            outcome.biasChange = summaries.map { Float(moved * $0.bias) }
        }
        if statistics != nil {
            let error: Double = summaries.reduce(0) {
                let left = (1 - moved) * $1.bias
                return $0 + $1.removedVariance + left * left
            }
            let power: Double = summaries.reduce(0) { $0 + $1.variance + $1.mean * $1.mean }
            outcome.expectedError = power > 0 ? error / power : 0
        }
        return outcome
    }

    /// a_i of the compensation for every row, clamped to [0.5, 3]; 1 where the pruned output does
    /// not vary; and, where it is shrunk, how much of a_i - 1 carries over, with which it is
    /// multiplied. `fill` writes a row of the new weights, `[columns]`.
    func fittedScales(
        _ dense: Matrix, sample: Matrix, _ statistics: Statistics, pool: WorkerPool,
        fill: @Sendable (_ row: Int, _ target: UnsafeMutablePointer<Float>) -> Void
    ) throws -> ([Double], carried: Double?) {
        let rows = dense.rows
        let columns = dense.columns
        let whole = sample
        let sample = compensation.isShrunk ? Statistics.thinned(whole) : whole
        let centered: Matrix
        if compensation.isCentred {
            // cov(y, y') is the same for inputs less their mean, and rounds better.
            centered = Matrix(rows: sample.rows, columns: columns)
            centered.copy(from: sample)
            center(centered.view)
        } else {
            centered = sample
        }
        let parts = compensation.isShrunk ? statistics.parts(of: sample, thinnedFrom: whole) : []
        var scales = [Double](repeating: 1, count: rows)
        var spreads = [ScaleSpread](repeating: ScaleSpread(), count: rows)
        try spreads.withUnsafeMutableBufferPointer { spreadBuffer in
            nonisolated(unsafe) let spreads = spreadBuffer.baseAddress!
            try scales.withUnsafeMutableBufferPointer { buffer in
                nonisolated(unsafe) let scales = buffer.baseAddress!
                try pool.forEach(
                    (rows + Self.chunk - 1) / Self.chunk,
                    state: {
                        FitScratch(samples: sample.rows, outputs: Self.chunk, columns: columns)
                    }
                ) { index, scratch in
                    let range = (index * Self.chunk)..<min(rows, (index + 1) * Self.chunk)
                    let old = dense.rows(range)
                    let new = scratch.pruned.rows(0..<range.count)
                    for (target, row) in range.enumerated() { fill(row, new.row(target)) }
                    let columnRange = 0..<range.count
                    let y = scratch.dense.view.part(rows: 0..<sample.rows, columns: columnRange)
                    let z = scratch.sparse.view.part(rows: 0..<sample.rows, columns: columnRange)
                    multiply(centered.view, old, transposed: true, into: y)
                    multiply(centered.view, new, transposed: true, into: z)
                    let fit = RowFit(y, z)
                    for (target, row) in range.enumerated() where fit.powers[target] > 0 {
                        scales[row] = min(max(fit.products[target] / fit.powers[target], 0.5), 3)
                    }
                    for part in parts {
                        let fit = RowFit(
                            y.part(rows: part, columns: columnRange),
                            z.part(rows: part, columns: columnRange))
                        for (target, row) in range.enumerated() where fit.powers[target] > 0 {
                            spreads[row].add(
                                fit.products[target] / fit.powers[target] - scales[row],
                                power: fit.powers[target])
                        }
                    }
                }
            }
        }
        guard compensation.isShrunk else { return (scales, nil) }
        let carried = ScaleSpread.carried(scales, spreads, parts: parts.count)
        return (scales.map { 1 + carried * ($0 - 1) }, carried)
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
