import Tensors

extension LayerPruning {
    /// How much of what the mean brings to weights that a layer loses carries over to other text, 0
    /// to 1. With b_i = sum over j of lost_ij mean_j:
    ///
    ///     carried = |b|² / (|b|² + 32 v)
    ///
    /// v is how much b varies from one unit of the calibration to another.
    ///
    /// Source: `docs/methods.md`, "What carries over".
    ///
    /// - Parameter fill: writes what some rows lose, `[rows, columns]`.
    func carriedMean(
        rows: Int, _ statistics: Statistics, pool: WorkerPool,
        fill: @Sendable (_ rows: Range<Int>, _ target: MatrixView) -> Void
    ) throws -> Double {
        guard let parts = statistics.parts else { return 0 }
        let columns = parts.means.columns
        let (mean, squares) = try pool.sum(
            ofRows: rows, from: (mean: 0.0, spread: 0.0),
            state: {
                (
                    Matrix(rows: WorkerPool.chunk, columns: columns),
                    Matrix(rows: WorkerPool.chunk, columns: parts.count)
                )
            },
            add: { total, part in
                total.mean += part.mean
                total.spread += part.spread
            }
        ) { range, buffers in
            let gone = buffers.0.rows(0..<range.count)
            let outputs = buffers.1.rows(0..<range.count)
            fill(range, gone)
            multiply(gone, parts.means.view, transposed: true, into: outputs)
            var sums = (mean: 0.0, spread: 0.0)
            for row in 0..<range.count {
                let values = (0..<parts.count).map { Double(outputs[row, $0]) }
                let mean = values.reduce(0, +) / Double(parts.count)
                sums.mean += mean * mean
                sums.spread += values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            }
            return sums
        }
        // Of one part.
        let spread = squares / Double(parts.count - 1)
        let signal = max(0, mean - spread / Double(parts.count))
        let doubt = CalibrationParts.meanDoubt * spread * Double(parts.units)
        return signal > 0 ? signal / (signal + doubt) : 0
    }
}

extension LayerPruning {
    /// The same where whole weights go: those that `mask` marks. nil where the compensation moves
    /// all of the mean or nothing.
    func carriedMean(
        _ layer: Linear, _ statistics: Statistics?, mask: [UInt8], pool: WorkerPool
    ) throws -> Double? {
        guard compensation == .affineShrunk, let statistics else { return nil }
        return try carriedMean(rows: layer.rows, statistics, pool: pool) { rows, target in
            copyWeights(
                layer.weights.rows(rows), marked: true, from: rows.lowerBound, mask: mask,
                into: target)
        }
    }

    /// What `Metric.Score.carried` takes for c where that is not measured: all of the mean is
    /// moved, or nothing of it.
    var carriedByDefault: Double { compensation.needsBias && !compensation.isShrunk ? 1 : 0 }
}

extension Statistics {
    /// Rows of a sample on which shrunk scales are fitted: a quarter of what `scale` takes, so that
    /// the fit's cost is a small part of a job's; what it loses in precision, it shrinks by.
    private static let thinRows = 1024
    /// Rows that tell a part's scales from another's.
    private static let partRows = 256

    /// At most 1024 of the sample's rows: every n-th.
    static func thinned(_ sample: Matrix) -> Matrix {
        let step = max(1, (sample.rows + thinRows - 1) / thinRows)
        if step == 1 { return sample }
        let thin = Matrix(rows: (sample.rows + step - 1) / step, columns: sample.columns)
        for row in 0..<thin.rows {
            thin.rows(row..<(row + 1)).copy(from: sample.rows((row * step)..<(row * step + 1)))
        }
        return thin
    }

    /// The rows of a thinned sample that belong to each part of the calibration; of so many parts
    /// together as have 256 rows, where there are two of that size.
    func parts(of thin: Matrix, thinnedFrom sample: Matrix) -> [Range<Int>] {
        guard let parts else { return [] }
        let step = max(1, (sample.rows + Self.thinRows - 1) / Self.thinRows)
        let stride = SampleRows(tokens: tokens).stride * step
        let perPart = max(1, parts.tokens / stride)
        let joined = max(1, min(parts.count / 2, (Self.partRows + perPart - 1) / perPart))
        return (0..<(parts.count / joined)).map { part in
            // Row r is token r * stride.
            func row(_ token: Int) -> Int { min(thin.rows, (token + stride - 1) / stride) }
            let size = parts.tokens * joined
            return row(part * size)..<row((part + 1) * size)
        }
    }
}
