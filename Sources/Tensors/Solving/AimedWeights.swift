/// Where a layer's weights would go if none were removed, for its output to be nearest to W d, d
/// being what the dense model's layer reads in place of the input x: W + W D H⁻¹, with D = sum
/// of (d - x) xᵀ and H the damped sum of x xᵀ, or both of x less its mean.
///
/// It is the minimum of `sum |W d - W' x|² + |W - W'|²_damping`.
package final class AimedWeights: Sendable {
    private let factor: SquareMatrix
    private let drift: SquareMatrix
    /// The mean of x, `[features]`, and the sum of d - x; nil for x less its mean.
    private let means: (input: [Double], drift: [Double])?
    private let dead: [Int]

    /// - Parameters:
    ///   - sum: of products of the input less its mean.
    ///   - mean: to add it, for the second moment; nil for the covariance.
    ///   - drift: `[features of x, features of d]`, the sum of (x - mean) (d - x)ᵀ.
    ///   - driftSum: of d - x over the tokens.
    ///   - damp: makes sums fit to be factorised, and says which features never are there.
    package init(
        _ sum: SquareMatrix, tokens: Int, mean: [Double]?, drift: SquareMatrix,
        driftSum: [Double], damping: Damping
    ) {
        self.drift = drift
        means = mean.map { ($0, driftSum) }
        var level = damping.share
        while true {
            let h = SquareMatrix(sum, tokens: tokens, mean: mean)
            let dead = damping.isScaled ? Self.dampScaled(h, level) : h.damp(level)
            if LAPACK.factor(h) {
                factor = h
                self.dead = dead
                return
            }
            level *= 10
        }
    }

    /// What is added to the diagonal: the same as by the solver that starts from these weights.
    package struct Damping: Sendable, Hashable {
        /// Of the diagonal's mean.
        let share: Double
        /// As `ScaledCovariance` has it; else as `InverseFactor` does.
        let isScaled: Bool

        package init(share: Double, isScaled: Bool) {
            self.share = share
            self.isScaled = isScaled
        }
    }

    private static func dampScaled(_ h: SquareMatrix, _ damping: Double) -> [Int] {
        let diagonal = h.diagonal
        let dead = diagonal.indices.filter { diagonal[$0] <= 0 }
        let floor =
            damping * diagonal.reduce(0) { $0 + max(0, $1) } / Double(max(1, diagonal.count))
        for j in diagonal.indices {
            h.row(j)[j] = diagonal[j] > 0 ? (1 + damping) * (diagonal[j] + floor) : 1
        }
        return dead
    }

    /// Replaces weights, `[rows, features]`.
    package func replace(_ weights: Matrix, pool: WorkerPool) throws {
        let features = weights.columns
        precondition(features == drift.order, "features differ")
        try pool.forEachChunk(
            ofRows: weights.rows,
            state: {
                (
                    Buffer<Double>(count: WorkerPool.chunk * features),
                    Buffer<Double>(count: WorkerPool.chunk * features)
                )
            }
        ) { range, buffers in
            let rows = weights.rows(range)
            let (dense, moved) = (buffers.0.start, buffers.1.start)
            for row in 0..<range.count {
                let source = rows.row(row)
                let offset = means.map { means in
                    (0..<features).reduce(0) { $0 + Double(source[$1]) * means.drift[$1] }
                }
                for j in 0..<features {
                    dense[row * features + j] = -Double(source[j])
                    moved[row * features + j] = (offset ?? 0) * (means?.input[j] ?? 0)
                }
            }
            LAPACK.subtractProduct(
                dense, drift.start, from: moved, m: range.count, n: features, k: features)
            for row in 0..<range.count { for j in dead { moved[row * features + j] = 0 } }
            LAPACK.solve(factored: factor, moved, rows: range.count)
            for row in 0..<range.count {
                let target = rows.row(row)
                for j in 0..<features {
                    target[j] = Float(Double(target[j]) + moved[row * features + j])
                }
            }
            withExtendedLifetime(buffers) {}
        }
    }

    /// What it takes beside the sums and the weights, in bytes.
    package static func bytes(features: Int, threads: Int) -> Int {
        8 * features * (features + threads * 2 * WorkerPool.chunk)
    }
}
