import Synchronization
import Tensors

extension LayerPruning {
    /// 1 where a weight is to go, `[rows, columns]`, and the squared norms of the dense columns.
    func mask(
        _ layer: Linear, statistics: Statistics?, carried: Double, pool: WorkerPool
    ) throws -> (mask: [UInt8], columnNorms: [Double]) {
        let rows = layer.rows
        let columns = layer.columns
        let scores = Scores(
            self, statistics: statistics, columns: columns, carried: carried)
        let threshold =
            scope == .layer && pattern == .unstructured
            ? try layerThreshold(layer, scores: scores, pool: pool) : nil
        let total = Mutex([Double](repeating: 0, count: columns))
        let norms = OrderedReduction<[Double]> { part in
            total.withLock { for j in part.indices { $0[j] += part[j] } }
        }
        var mask = [UInt8](repeating: 0, count: rows * columns)
        try mask.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            nonisolated(unsafe) let mask = start
            // The threads write rows of their own.
            try pool.forEach(
                (rows + Self.chunk - 1) / Self.chunk,
                state: { MaskScratch(columns: columns) }
            ) { index, scratch in
                var part = [Double](repeating: 0, count: columns)
                for row in (index * Self.chunk)..<min(rows, (index + 1) * Self.chunk) {
                    let weights = layer.weights.view.row(row)
                    mark(
                        mask + row * columns, weights: weights, row: row, scores: scores,
                        threshold: threshold, scratch: scratch)
                    addSquares(weights, count: columns, to: &part)
                }
                norms.add(part, at: index)
            }
        }
        if let threshold {
            try markTies(layer, scores: scores, threshold: threshold, mask: &mask)
        }
        return (mask, total.withLock { $0 })
    }

    /// The mask of one row, `[columns]`.
    private func mark(
        _ mask: UnsafeMutablePointer<UInt8>, weights: UnsafePointer<Float>, row: Int,
        scores: Scores, threshold: Double?, scratch: MaskScratch
    ) {
        let columns = scratch.columns
        let budget = Self.budget(columns, sparsity)
        if pattern == .unstructured, threshold == nil, let factors = scores.factors {
            scratch.selection.markLeast(budget, of: weights, by: factors, mask: mask)
            return
        }
        scores.fill(scratch.scores, weights: weights, row: row)
        if case .groups(let keep, let group) = pattern {
            markLeast(
                keep: keep, ofEvery: group, of: scratch.scores, count: columns,
                scratch: scratch.work, mask: mask)
        } else if let threshold {
            for j in 0..<columns { mask[j] = scratch.scores[j] < threshold ? 1 : 0 }
        } else {
            markLeast(
                budget, of: scratch.scores, count: columns, scratch: scratch.work, mask: mask)
        }
    }
}

/// One thread's buffers for a row.
private final class MaskScratch {
    let columns: Int
    let selection: RowSelection
    let scores: UnsafeMutablePointer<Double>
    let work: UnsafeMutablePointer<Double>

    init(columns: Int) {
        self.columns = columns
        selection = RowSelection(columns: columns)
        scores = .allocate(capacity: columns)
        work = .allocate(capacity: columns)
    }

    deinit {
        scores.deallocate()
        work.deallocate()
    }
}
