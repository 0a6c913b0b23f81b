/// The upper Cholesky factor U of the inverse of a damped covariance (or second moment) H of a
/// layer's input: H⁻¹ = Uᵀ U. Source: SparseGPT (arXiv 2301.00774).
package final class InverseFactor: Sendable {
    /// Only the upper triangle has meaning.
    package let upper: SquareMatrix
    /// Features that never differ from the mean (or from zero): their weights do nothing.
    package let isDead: [Bool]
    /// What was added to the diagonal, as a share of its mean.
    package let damping: Double

    /// - Parameters:
    ///   - sum: of products of the input less its mean.
    ///   - mean: to add it, for the second moment; nil for the covariance.
    ///   - damping: as a share of the mean of the diagonal; ten times as much, and again, where the
    ///     factorisation fails.
    package init(of sum: SquareMatrix, tokens: Int, mean: [Double]?, damping wanted: Double) {
        var damping = wanted
        while true {
            let h = SquareMatrix(sum, tokens: tokens, mean: mean)
            let dead = h.damp(damping)
            if LAPACK.factorInverse(h) {
                upper = h
                var isDead = [Bool](repeating: false, count: h.order)
                for j in dead { isDead[j] = true }
                self.isDead = isDead
                self.damping = damping
                return
            }
            damping *= 10
        }
    }

    /// Bytes of it for so many features.
    package static func bytes(features: Int) -> Int { 8 * features * features }
}
