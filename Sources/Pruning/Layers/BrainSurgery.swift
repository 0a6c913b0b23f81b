import Tensors

/// Prunes a layer in column groups: in each the weights go whose loss, w² / U_jj², is least,
/// one column after the other, and what they leave is made up for by the columns right of them.
///
/// Source: SparseGPT (arXiv 2301.00774), algorithm 1.
struct BrainSurgery: Sendable {
    private let factor: InverseFactor
    private let pattern: Pattern
    private let sparsity: Double
    private let updates: Bool
    private let width: Int

    init(_ factor: InverseFactor, pattern: Pattern, sparsity: Double, updates: Bool) {
        self.factor = factor
        self.pattern = pattern
        self.sparsity = sparsity
        self.updates = updates
        width = Self.width(pattern)
    }

    /// 128 columns, or as many of the groups as these hold, one at least.
    private static func width(_ pattern: Pattern) -> Int {
        guard case .groups(_, let group) = pattern else { return 128 }
        return group * max(1, 128 / group)
    }

    static func bytes(rows: Int, columns: Int, threads: Int) -> Int {
        // Scores of a column group with room to search them, and its mask.
        let width = min(columns, 4096)
        return ColumnGroup.bytes(features: columns, width: width)
            + 17 * rows * min(columns, 128) + threads * 4 * WorkerPool.chunk * width
    }

    /// Prunes `weights`, `[rows, columns]`, in place.
    /// - Returns: 1 where a weight went.
    func apply(to weights: Matrix, pool: WorkerPool) throws -> [UInt8] {
        let (rows, columns) = (weights.rows, weights.columns)
        for (j, isDead) in factor.isDead.enumerated() where isDead {
            for row in 0..<rows { weights.view[row, j] = 0 }
        }
        var mask = [UInt8](repeating: 0, count: rows * columns)
        for start in stride(from: 0, to: columns, by: width) {
            let columnGroup = ColumnGroup(
                factor, columns: start..<min(start + width, columns))
            let chosen =
                pattern == .unstructured ? try choose(columnGroup, weights, pool: pool) : nil
            try sweep(columnGroup, weights, chosen: chosen, mask: &mask, pool: pool)
        }
        return mask
    }

    /// The mask of a column group, `[rows, width]`: all of its rows compete for what stays.
    private func choose(
        _ columnGroup: ColumnGroup, _ weights: Matrix, pool: WorkerPool
    ) throws -> [UInt8] {
        let width = columnGroup.columns.count
        let count = weights.rows * width
        let scores = Buffer<Double>(count: count)
        try pool.forEachChunk(ofRows: weights.rows) { range in
            columnGroup.score(weights.rows(range), from: range.lowerBound, into: scores)
        }
        // As the published code has it: no forgiving of a last bit.
        return markLeast(Int(Double(count) * sparsity), of: scores)
    }

    private func sweep(
        _ columnGroup: ColumnGroup, _ weights: Matrix, chosen: [UInt8]?,
        mask: inout [UInt8], pool: WorkerPool
    ) throws {
        let width = columnGroup.columns.count
        let group: (keep: Int, size: Int)? =
            if case .groups(let keep, let size) = pattern { (keep, size) } else { nil }
        try pool.forEachChunk(
            ofRows: weights.rows, writing: &mask,
            state: { ColumnGroup.Scratch(rows: WorkerPool.chunk, width: width) }
        ) { range, mask, scratch in
            columnGroup.prune(
                weights.rows(range), from: range.lowerBound, chosen: chosen, group: group,
                updates: updates, mask: &mask, scratch: scratch)
        }
    }
}
