import Tensors

extension LayerPruning {
    /// Zeroes what `mask` marks, makes up for it and rounds.
    func compensate(
        _ layer: Linear, statistics: Statistics?, mask: [UInt8], biasShare: Double?,
        carried: Double?, pool: WorkerPool
    ) throws -> Outcome {
        let rows = layer.rows
        var outcome = Outcome(zeros: 0, mask: mask, biasShare: biasShare)
        outcome.carriedMean = carried
        var scales: [Double]?
        if compensation.fitsScale, let statistics, let sample = statistics.sample {
            (scales, outcome.carriedScale) = try fittedScales(
                layer.weights, sample: sample, statistics, pool: pool
            ) { rows, target in
                copyWeights(
                    layer.weights.rows(rows), marked: false, from: rows.lowerBound, mask: mask,
                    into: target)
            }
        }
        var summaries = [RowSummary](repeating: RowSummary(), count: rows)
        let fixedScales = scales
        try pool.forEachChunk(ofRows: rows, writing: &summaries) { rows, summaries in
            updateRows(
                layer.weights.rows(rows), from: rows.lowerBound, mask: mask, scales: fixedScales,
                mean: statistics?.mean, variance: statistics?.variance, type: type,
                into: &summaries)
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
    /// multiplied. `fill` writes some rows of the new weights, `[rows, columns]`.
    ///
    /// - Parameter other: what the dense layer reads of the same tokens; nil: the same.
    func fittedScales(
        _ dense: Matrix, sample: InputSample, _ statistics: Statistics,
        reading other: InputSample? = nil, pool: WorkerPool,
        fill: @Sendable (_ rows: Range<Int>, _ target: MatrixView) -> Void
    ) throws -> ([Double], carried: Double?) {
        let rows = dense.rows
        let columns = dense.columns
        let whole = sample
        let sample = compensation.isShrunk ? Statistics.thinned(whole) : whole
        // cov(y, y') is the same for inputs less their mean, and rounds better.
        let inputs = compensation.isCentred ? sample.centred() : sample.rows
        let thinned = other.map { compensation.isShrunk ? Statistics.thinned($0) : $0 }
        let read = thinned.map { compensation.isCentred ? $0.centred() : $0.rows } ?? inputs
        let parts = compensation.isShrunk ? statistics.parts(of: sample, thinnedFrom: whole) : []
        var fits = [Fit](repeating: Fit(), count: rows)
        try pool.forEachChunk(
            ofRows: rows, writing: &fits,
            state: {
                FitScratch(samples: inputs.rows, outputs: WorkerPool.chunk, columns: columns)
            }
        ) { range, fits, scratch in
            let columns = 0..<range.count
            let new = scratch.pruned.rows(columns)
            fill(range, new)
            let y = scratch.dense.view.part(rows: 0..<inputs.rows, columns: columns)
            let z = scratch.sparse.view.part(rows: 0..<inputs.rows, columns: columns)
            multiply(read.view, dense.rows(range), transposed: true, into: y)
            multiply(inputs.view, new, transposed: true, into: z)
            let fit = RowFit(y, z)
            for row in columns where fit.powers[row] > 0 {
                fits[row].scale = min(max(fit.products[row] / fit.powers[row], 0.5), 3)
            }
            for part in parts {
                let fit = RowFit(
                    y.part(rows: part, columns: columns), z.part(rows: part, columns: columns))
                for row in columns where fit.powers[row] > 0 {
                    fits[row].spread.add(
                        fit.products[row] / fit.powers[row] - fits[row].scale,
                        power: fit.powers[row])
                }
            }
        }
        let scales = fits.map(\.scale)
        guard compensation.isShrunk else { return (scales, nil) }
        let carried = ScaleSpread.carried(scales, fits.map(\.spread), parts: parts.count)
        return (scales.map { 1 + carried * ($0 - 1) }, carried)
    }
}

/// The scale of a row, and how it varies.
private struct Fit: Sendable {
    var scale = 1.0
    var spread = ScaleSpread()
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
