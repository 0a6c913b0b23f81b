import Synchronization
import Tensors

/// The covariance of a layer's input, and what was made of it last: layers that read the same input
/// are solved one after the other.
package final class InputCovariance: Sendable {
    private struct Made: Sendable {
        var isCentred: Bool
        var factor: InverseFactor?
        var problem: (ScaledCovariance, values: [Float], vectors: Matrix)?
    }

    /// Sums over the tokens of products of the input less its mean, `[features, features]`.
    let products: SquareMatrix
    private let tokens: Int
    private let mean: [Double]
    private let made = Mutex<Made?>(nil)

    /// Share of the mean of the diagonal that is added to it: 1 %, as SparseGPT does.
    static let damping = 0.01

    init(_ products: SquareMatrix, tokens: Int, mean: [Double]) {
        self.products = products
        self.tokens = tokens
        self.mean = mean
    }

    /// Of the covariance where `isCentred`, else of the second moment.
    func factor(isCentred: Bool) -> InverseFactor {
        if let known = made.withLock({ $0?.isCentred == isCentred ? $0?.factor : nil }) {
            return known
        }
        forget()
        let factor = InverseFactor(
            of: products, tokens: tokens, mean: isCentred ? nil : mean, damping: Self.damping)
        made.withLock { $0 = Made(isCentred: isCentred, factor: factor) }
        return factor
    }

    /// The same with its eigenvalues and eigenvectors, in coordinates in which all features vary
    /// alike.
    func problem(
        isCentred: Bool, pool: WorkerPool
    ) throws -> (ScaledCovariance, values: [Float], vectors: Matrix) {
        if let known = made.withLock({ $0?.isCentred == isCentred ? $0?.problem : nil }) {
            return known
        }
        forget()
        let problem = try ScaledCovariance(
            of: products, tokens: tokens, mean: isCentred ? nil : mean, damping: Self.damping,
            pool: pool)
        let (values, vectors) = problem.decomposition()
        made.withLock {
            $0 = Made(isCentred: isCentred, problem: (problem, values, vectors))
        }
        return (problem, values, vectors)
    }

    /// `weights`, `[rows, features]`, to take columns out of; not kept.
    func elimination(of weights: Matrix, isCentred: Bool) -> ColumnElimination {
        forget()
        return ColumnElimination(
            weights, products, tokens: tokens, mean: isCentred ? nil : mean, damping: Self.damping)
    }

    /// What moves weights towards a dense output; not kept.
    func aim(at dense: DenseInput, isCentred: Bool, isScaled: Bool) -> AimedWeights {
        AimedWeights(
            products, tokens: tokens, mean: isCentred ? nil : mean, drift: dense.drift,
            driftSum: dense.driftSum,
            damping: AimedWeights.Damping(share: Self.damping, isScaled: isScaled))
    }

    /// Gives back the memory of what can be made again.
    package func forget() { made.withLock { $0 = nil } }

    /// w C wᵀ of every row w, C the covariance (or second moment) times the number of tokens.
    func forms(_ rows: Matrix, isCentred: Bool, pool: WorkerPool) throws -> [Double] {
        var forms = try quadraticForms(rows, products, pool: pool)
        if isCentred { return forms }
        for (row, offset) in rowProducts(rows.view, mean).enumerated() {
            forms[row] += Double(tokens) * offset * offset
        }
        return forms
    }
}
