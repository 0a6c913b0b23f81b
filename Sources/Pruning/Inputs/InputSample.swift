import Tensors

/// Some inputs of a layer.
package struct InputSample: Sendable {
    /// `[samples, features]`, each times its share.
    package let rows: Matrix
    /// Each counts as often as the square of its share says, `[samples]`; nil: once.
    package let shares: [Float]?

    package init(_ rows: Matrix, shares: [Float]? = nil) {
        self.rows = rows
        self.shares = shares
    }

    /// Every `step`-th.
    func every(_ step: Int) -> InputSample {
        if step == 1 { return self }
        let kept = Array(stride(from: 0, to: rows.rows, by: step))
        return InputSample(
            rows.selecting(rows: kept), shares: shares.map { shares in kept.map { shares[$0] } })
    }

    /// The inputs less their mean, each times its share.
    func centred() -> Matrix {
        let result = Matrix(rows: rows.rows, columns: rows.columns)
        result.copy(from: rows)
        if let shares { center(result.view, shares: shares) } else { center(result.view) }
        return result
    }
}
