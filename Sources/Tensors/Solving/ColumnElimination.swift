/// A layer whose columns are taken out a few at a time, with its other weights solved for each
/// time: what stays minimises (w - w') H (w - w')ᵀ for every row w of the dense weights, H the
/// damped covariance (or second moment) of the input.
///
/// Kept are P, the inverse of H for the columns that are left, and the weights W. Taking out the
/// columns R costs tr(W_R P_RR⁻¹ W_Rᵀ), and P and W become P - P_:R P_RR⁻¹ P_R: and
/// W - W_R P_RR⁻¹ P_R:.
///
/// Source: the optimal brain surgeon's equations for more than one weight, as in ZipLM (arXiv
/// 2302.04089).
///
/// Unchecked: it belongs to one caller, whose threads write rows of their own.
package final class ColumnElimination: @unchecked Sendable {
    package let rows: Int
    package let columns: Int
    /// What was added to the diagonal, as a share of its mean.
    package let damping: Double
    /// Whether a column is still there, `[columns]`.
    package private(set) var isLeft: [Bool]
    private let inverse: SquareMatrix
    /// `[rows, columns]`.
    private let weights: UnsafeMutablePointer<Double>
    /// What `weights` points into.
    private let memory: Buffer<Double>

    /// - Parameters:
    ///   - weights: `[rows, columns]`; those of a feature that never varies (or never is there,
    ///     without `mean` taken off) do nothing and become 0.
    ///   - sum: of products of the input less its mean.
    ///   - mean: to add it, for the second moment; nil for the covariance.
    ///   - damping: as a share of the mean of the diagonal; ten times as much, and again, where the
    ///     factorisation fails.
    package init(
        _ weights: Matrix, _ sum: SquareMatrix, tokens: Int, mean: [Double]?,
        damping wanted: Double
    ) {
        precondition(weights.columns == sum.order, "features differ")
        rows = weights.rows
        columns = weights.columns
        isLeft = [Bool](repeating: true, count: weights.columns)
        memory = Buffer(count: rows * columns)
        self.weights = memory.start
        for index in 0..<(rows * columns) { self.weights[index] = Double(weights.start[index]) }
        var damping = wanted
        while true {
            let h = SquareMatrix(sum, tokens: tokens, mean: mean)
            let dead = h.damp(damping)
            if LAPACK.invert(h) {
                for j in dead {
                    for row in 0..<rows { self.weights[row * columns + j] = 0 }
                }
                inverse = h
                self.damping = damping
                return
            }
            damping *= 10
        }
    }

    /// What each group of `size` neighbouring columns would cost, in units of the output's squared
    /// error summed over the tokens; infinite where some of it is gone already. `[columns / size]`
    package func losses(size: Int, pool: WorkerPool) throws -> [Double] {
        let groups = columns / size
        var losses = [Double](repeating: .infinity, count: groups)
        let isLeft = isLeft
        if size == 1 {
            try pool.forEachChunk(ofRows: columns, writing: &losses) { range, losses in
                let norms = squaredNorms(range)
                for (place, j) in range.enumerated() where isLeft[j] {
                    losses[place] = norms[place] / inverse.row(j)[j]
                }
            }
        } else {
            try pool.forEachChunk(ofRows: groups, by: 1, writing: &losses) { group, losses in
                let range = (group.lowerBound * size)..<(group.upperBound * size)
                if range.allSatisfy({ isLeft[$0] }) { losses[0] = loss(range) }
            }
        }
        return losses
    }

    /// The sums of squares of some columns.
    private func squaredNorms(_ range: Range<Int>) -> [Double] {
        var norms = [Double](repeating: 0, count: range.count)
        for row in 0..<rows {
            let line = weights + row * columns + range.lowerBound
            for j in 0..<range.count { norms[j] += line[j] * line[j] }
        }
        return norms
    }

    /// tr(W_R P_RR⁻¹ W_Rᵀ) of neighbouring columns R.
    private func loss(_ range: Range<Int>) -> Double {
        let size = range.count
        let block = SquareMatrix(order: size)
        for (i, column) in range.enumerated() {
            block.row(i).update(from: inverse.row(column) + range.lowerBound, count: size)
        }
        let buffer = Buffer<Double>(count: rows * size)
        let solved = buffer.start
        for row in 0..<rows {
            (solved + row * size)
                .update(from: weights + row * columns + range.lowerBound, count: size)
        }
        Self.solve(block, solved, rows: rows)
        defer { withExtendedLifetime(buffer) {} }
        var total = 0.0
        for row in 0..<rows {
            let line = weights + row * columns + range.lowerBound
            for j in 0..<size { total += line[j] * solved[row * size + j] }
        }
        return total
    }

    /// Takes out columns that are left and solves for the others.
    package func remove(_ gone: [Int], pool: WorkerPool) throws {
        precondition(gone.allSatisfy { isLeft[$0] }, "removed before")
        let k = gone.count
        guard k > 0 else { return }
        let block = SquareMatrix(order: k)
        for (i, row) in gone.enumerated() {
            for (j, column) in gone.enumerated() { block.row(i)[j] = inverse.row(row)[column] }
        }
        // P_:R, and with it P_:R P_RR⁻¹.
        let before = Buffer<Double>(count: columns * k)
        gather(gone, from: inverse.start, rows: columns, into: before.start)
        let solved = Buffer<Double>(count: columns * k)
        solved.start.update(from: before.start, count: columns * k)
        Self.solve(block, solved.start, rows: columns)
        let weightsBefore = Buffer<Double>(count: rows * k)
        gather(gone, from: weights, rows: rows, into: weightsBefore.start)
        let parts = [
            (before.start, inverse.start, columns), (weightsBefore.start, weights, rows),
        ].flatMap { factors, target, rows in
            stride(from: 0, to: rows, by: WorkerPool.chunk).map { first in
                Part(
                    factors: factors + first * k, target: target + first * columns,
                    rows: min(WorkerPool.chunk, rows - first))
            }
        }
        try pool.forEach(parts.count) { index in
            let part = parts[index]
            LAPACK.subtractProduct(
                part.factors, solved.start, from: part.target, m: part.rows, n: columns, k: k)
        }
        withExtendedLifetime((before, weightsBefore)) {}
        for column in gone { isLeft[column] = false }
    }

    /// Rows that one call updates.
    private struct Part: @unchecked Sendable {
        let factors: UnsafeMutablePointer<Double>
        let target: UnsafeMutablePointer<Double>
        let rows: Int
    }

    private func gather(
        _ gone: [Int], from source: UnsafeMutablePointer<Double>, rows: Int,
        into target: UnsafeMutablePointer<Double>
    ) {
        for row in 0..<rows {
            let line = source + row * columns
            for (place, column) in gone.enumerated() {
                target[row * gone.count + place] = line[column]
            }
        }
    }

    /// With a principal part of P, which is as well conditioned as the damped H.
    private static func solve(
        _ block: SquareMatrix, _ x: UnsafeMutablePointer<Double>, rows: Int
    ) {
        let isDone = LAPACK.solve(block, x, rows: rows)
        precondition(isDone, "a part of an inverse is not positive definite")
    }

    /// The weights as they are now, columns that are gone 0.
    package func store(into target: Matrix) {
        precondition(target.rows == rows && target.columns == columns, "shapes differ")
        for row in 0..<rows {
            let (source, line) = (weights + row * columns, target.view.row(row))
            // What is gone is 0 but for rounding.
            for j in 0..<columns { line[j] = isLeft[j] ? Float(source[j]) : 0 }
        }
    }

    /// What one takes for groups of `size` columns, `atOnce` columns at a time, in bytes.
    package static func bytes(
        rows: Int, columns: Int, size: Int, atOnce: Int, threads: Int
    ) -> Int {
        let removing = (2 * columns + rows + atOnce) * atOnce
        let judging = size > 1 ? threads * (size + rows) * size : 0
        return 8 * ((columns + rows) * columns + max(removing, judging))
    }
}
