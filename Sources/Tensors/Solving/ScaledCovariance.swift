/// A layer's least-squares problem in coordinates in which every feature varies alike: with C the
/// covariance (or second moment) of the input, to each of whose variances `damping` times their
/// mean is added, and s_j² = C_jj, weights become w_j s_j and C becomes H = (C_jk / (s_j s_k)) +
/// damping I, in float32.
///
/// The first damping is for features that hardly vary: weights that are chosen as if they never did
/// more would blow up what the pruning of layers before this one does to them.
package final class ScaledCovariance: Sendable {
    /// `[features, features]`.
    let matrix: Matrix
    /// The s_j; 0 where C_jj is not positive before damping: such weights do nothing, and become 0.
    let scales: [Double]

    /// - Parameters:
    ///   - sum: of products of the input less its mean.
    ///   - mean: to add it, for the second moment; nil for the covariance.
    package init(
        of sum: SquareMatrix, tokens: Int, mean: [Double]?, damping: Double, pool: WorkerPool
    ) throws {
        let n = sum.order
        let count = Double(max(1, tokens))
        let powers = (0..<n).map { j in
            let offset = mean?[j] ?? 0
            return max(0, sum.row(j)[j] / count + offset * offset)
        }
        let floor = damping * powers.reduce(0, +) / Double(max(1, n))
        let scales = powers.map { $0 > 0 ? ($0 + floor).squareRoot() : 0 }
        let matrix = Matrix(rows: n, columns: n)
        let inverse = scales.map { $0 > 0 ? 1 / $0 : 0 }
        let ratios = (0..<n).map { (mean?[$0] ?? 0) * inverse[$0] }
        try pool.forEach(n) { i in
            let source = sum.row(i)
            let target = matrix.start + i * n
            let factor = inverse[i] / count
            let ratio = ratios[i]
            inverse.withUnsafeBufferPointer { inverse in
                ratios.withUnsafeBufferPointer { ratios in
                    for j in 0..<n {
                        target[j] = Float(factor * source[j] * inverse[j] + ratio * ratios[j])
                    }
                }
            }
            target[i] = Float(1 + damping)
        }
        self.matrix = matrix
        self.scales = scales
    }

    /// Its eigenvalues, and its eigenvectors one a row; of the diagonal alone where that fails.
    package func decomposition() -> (values: [Float], vectors: Matrix) {
        let n = matrix.rows
        let vectors = Matrix(rows: n, columns: n)
        vectors.copy(from: matrix)
        if let values = LAPACK.eigenvalues(vectors) { return (values, vectors) }
        vectors.start.update(repeating: 0, count: n * n)
        for j in 0..<n { vectors.start[j * (n + 1)] = 1 }
        return ((0..<n).map { matrix.start[$0 * (n + 1)] }, vectors)
    }

    /// Bytes of it and its decomposition, with what that takes while it is made.
    package static func bytes(features: Int) -> Int { 16 * features * features }

    /// The widest input that can be decomposed.
    package static let maximumFeatures = LAPACK.maximumOrder
}
