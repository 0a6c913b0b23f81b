import Tensors

/// Prunes a layer in blocks of columns: in each the weights go whose loss, w² / U_jj², is least,
/// one column after the other, and what they leave is made up for by the columns right of them.
///
/// Source: SparseGPT (arXiv 2301.00774), algorithm 1.
struct BrainSurgery: Sendable {
    private let factor: InverseFactor
    private let pattern: Pattern
    private let sparsity: Double
    private let updates: Bool
    private let width: Int

    /// Rows handed to a thread at a time.
    private static let chunk = LayerPruning.chunk

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
        // Scores of a block with room to search them, and its mask.
        let width = min(columns, 4096)
        return InverseFactorBlock.bytes(features: columns, width: width)
            + 17 * rows * min(columns, 128) + threads * 4 * chunk * width
    }

    /// Prunes `weights`, `[rows, columns]`, in place.
    /// - Returns: 1 where a weight went.
    func apply(to weights: Matrix, pool: WorkerPool) throws -> [UInt8] {
        let (rows, columns) = (weights.rows, weights.columns)
        for (j, isDead) in factor.isDead.enumerated() where isDead {
            for row in 0..<rows { weights.view.row(row)[j] = 0 }
        }
        var mask = [UInt8](repeating: 0, count: rows * columns)
        for start in stride(from: 0, to: columns, by: width) {
            let block = InverseFactorBlock(
                factor, columns: start..<min(start + width, columns))
            let chosen = pattern == .unstructured ? try choose(block, weights, pool: pool) : nil
            try mask.withUnsafeMutableBufferPointer { buffer in
                guard let first = buffer.baseAddress else { return }
                nonisolated(unsafe) let mask = first
                try sweep(block, weights, chosen: chosen, mask: mask, pool: pool)
            }
        }
        return mask
    }

    /// The mask of a block, `[rows, width]`: all of its rows compete for what stays.
    private func choose(
        _ block: InverseFactorBlock, _ weights: Matrix, pool: WorkerPool
    ) throws -> [UInt8] {
        let width = block.columns.count
        let count = weights.rows * width
        var scores = [Double](repeating: 0, count: count)
        try scores.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            nonisolated(unsafe) let scores = start
            try pool.forEach((weights.rows + Self.chunk - 1) / Self.chunk) { index in
                let first = index * Self.chunk
                for row in first..<min(weights.rows, first + Self.chunk) {
                    block.score(weights.view.row(row), into: scores + row * width)
                }
            }
        }
        var mask = [UInt8](repeating: 0, count: count)
        var scratch = [Double](repeating: 0, count: count)
        // As the published code has it: no forgiving of a last bit.
        markLeast(
            Int(Double(count) * sparsity), of: scores, count: count, scratch: &scratch, mask: &mask)
        return mask
    }

    private func sweep(
        _ block: InverseFactorBlock, _ weights: Matrix, chosen: [UInt8]?,
        mask: UnsafeMutablePointer<UInt8>, pool: WorkerPool
    ) throws {
        nonisolated(unsafe) let mask = mask
        let width = block.columns.count
        let group: (keep: Int, size: Int)? =
            if case .groups(let keep, let size) = pattern { (keep, size) } else { nil }
        try pool.forEach(
            (weights.rows + Self.chunk - 1) / Self.chunk,
            state: { SurgeryScratch(rows: Self.chunk, width: width) }
        ) { index, scratch in
            let first = index * Self.chunk
            let range = first..<min(weights.rows, first + Self.chunk)
            for row in range {
                let target = mask + row * weights.columns + block.columns.lowerBound
                if let chosen {
                    for j in 0..<width { target[j] = chosen[row * width + j] }
                }
                block.sweep(
                    weights.view.row(row), mask: target,
                    errors: scratch.errors.view.row(row - first), work: scratch.work,
                    group: group, updates: updates, scores: scratch.scores,
                    scratch: scratch.search)
            }
            if updates {
                block.carry(scratch.errors.rows(0..<range.count), to: weights.rows(range))
            }
        }
    }
}

/// One thread's buffers.
private final class SurgeryScratch {
    let errors: Matrix
    let work: UnsafeMutablePointer<Double>
    let scores: UnsafeMutablePointer<Double>
    let search: UnsafeMutablePointer<Double>

    init(rows: Int, width: Int) {
        errors = Matrix(rows: rows, columns: width)
        work = .allocate(capacity: width)
        scores = .allocate(capacity: width)
        search = .allocate(capacity: width)
    }

    deinit {
        work.deallocate()
        scores.deallocate()
        search.deallocate()
    }
}
