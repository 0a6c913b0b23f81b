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
        guard let shares else {
            center(result.view)
            return result
        }
        let power = shares.reduce(0) { $0 + Double($1) * Double($1) }
        var moments = [Double](repeating: 0, count: rows.columns)
        for (row, share) in shares.enumerated() {
            add(rows.view.row(row), times: Double(share), count: rows.columns, to: &moments)
        }
        let mean = moments.map { power > 0 ? $0 / power : 0 }
        mean.withUnsafeBufferPointer { mean in
            guard let mean = mean.baseAddress else { return }
            for (row, share) in shares.enumerated() {
                add(
                    mean, times: -Double(share), count: rows.columns, to: result.view.row(row))
            }
        }
        return result
    }
}
