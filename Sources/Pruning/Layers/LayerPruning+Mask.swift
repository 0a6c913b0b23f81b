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
            total.withLock { addElements(&$0, part) }
        }
        var mask = [UInt8](repeating: 0, count: rows * columns)
        try pool.forEachChunk(
            ofRows: rows, writing: &mask, state: { RowSelection(columns: columns) }
        ) { range, mask, selection in
            let weights = layer.weights.view
            var part = [Double](repeating: 0, count: columns)
            for (place, row) in range.enumerated() {
                mark(
                    &mask, at: place, weights: weights, row: row, scores: scores,
                    threshold: threshold, selection)
                addSquares(weights, row: row, to: &part)
            }
            norms.add(part, at: range.lowerBound / WorkerPool.chunk)
        }
        if let threshold {
            try markTies(layer, scores: scores, threshold: threshold, mask: &mask)
        }
        return (mask, total.withLock { $0 })
    }

    /// The mask of row `row`, in row `place` of `mask`, `[rows, columns]`.
    private func mark(
        _ mask: inout MutableSpan<UInt8>, at place: Int, weights: MatrixView, row: Int,
        scores: Scores, threshold: Double?, _ selection: RowSelection
    ) {
        let budget = Self.budget(weights.columns, sparsity)
        if pattern == .unstructured, threshold == nil, let factors = scores.factors {
            selection.markLeast(
                budget, of: weights, row: row, by: factors, mask: &mask, at: place)
            return
        }
        scores.fill(selection.scores, weights: weights, row: row)
        if case .groups(let keep, let group) = pattern {
            selection.markLeast(keep: keep, ofEvery: group, mask: &mask, at: place)
        } else if let threshold {
            selection.markBelow(threshold, mask: &mask, at: place)
        } else {
            selection.markLeast(budget, mask: &mask, at: place)
        }
    }
}
