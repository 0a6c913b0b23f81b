import Tensors

/// Some inputs of a layer.
package struct InputSample: Sendable {
    /// `[samples, features]`, each times its token weight.
    package let rows: Matrix
    /// Each counts as often as the square of its token weight says, `[samples]`; nil: once.
    package let tokenWeights: [Float]?

    package init(_ rows: Matrix, tokenWeights: [Float]? = nil) {
        self.rows = rows
        self.tokenWeights = tokenWeights
    }

    /// Every `step`-th.
    func every(_ step: Int) -> InputSample {
        if step == 1 { return self }
        let kept = Array(stride(from: 0, to: rows.rows, by: step))
        return InputSample(
            rows.selecting(rows: kept),
            tokenWeights: tokenWeights.map { weights in kept.map { weights[$0] } })
    }

    /// The inputs less their mean, each times its token weight.
    func centred() -> Matrix {
        let result = Matrix(rows: rows.rows, columns: rows.columns)
        result.copy(from: rows)
        if let tokenWeights {
            center(result.view, tokenWeights: tokenWeights)
        } else {
            center(result.view)
        }
        return result
    }
}
