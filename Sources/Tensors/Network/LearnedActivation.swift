import Glibc

/// A nonlinearity with weights of its own: a x² + b x above 0, a' (eˣ - 1 - x) + b x below,
/// where a and a' are learned.
///
/// Source: arXiv 2411.13010; `XIELUActivation` in `activations.py` of transformers.
package struct LearnedActivation: Sendable, Hashable {
    /// Its name in `config.json`.
    package static let name = "xielu"

    private let positive: Float
    private let negative: Float
    private let beta: Float
    private let epsilon: Float

    /// What is stored: a = softplus(`alphaP`), a' = `beta` + softplus(`alphaN`); x is at most
    /// `epsilon` in the exponent.
    package init(alphaP: Float, alphaN: Float, beta: Float, epsilon: Float) {
        func softplus(_ x: Float) -> Float { x > 20 ? x : log1pf(expf(x)) }
        positive = softplus(alphaP)
        negative = beta + softplus(alphaN)
        self.beta = beta
        self.epsilon = epsilon
    }

    /// Applies it to every element of `x`, `[rows, columns]`.
    package func apply(_ x: MatrixView) {
        for index in 0..<x.rows {
            let row = x.row(index)
            for j in 0..<x.columns {
                let value = row[j]
                row[j] =
                    value > 0
                    ? positive * value * value + beta * value
                    : (expm1f(min(value, epsilon)) - value) * negative + beta * value
            }
        }
    }

    /// f'(x)
    @inline(__always)
    func slope(_ x: Float) -> Float {
        if x > 0 { return 2 * positive * x + beta }
        return ((x < epsilon ? expf(x) : 0) - 1) * negative + beta
    }
}
