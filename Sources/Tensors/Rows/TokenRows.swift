/// Rows of tokens that are somewhere else: those that an expert of a mixture serves.

/// y's rows become those of `x` that `rows` names; what is mapped of a scratch file is given back.
package func gather(_ rows: ArraySlice<Int32>, of x: Matrix, into y: MatrixView) {
    precondition(rows.count == y.rows && x.columns == y.columns, "shapes differ")
    for (index, row) in rows.enumerated() {
        let source = x.rows(Int(row)..<(Int(row) + 1))
        y.row(index).update(from: source.row(0), count: y.columns)
        x.release(Int(row)..<(Int(row) + 1))
    }
}

/// Row `rows[i]` of y += factors[i] times row i of x, which is multiplied and rounded first; rows
/// that y has not are left out, the first of which ends it.
package func scatterAdd(
    _ x: MatrixView, times factors: ArraySlice<Float>, to y: Matrix, _ rows: ArraySlice<Int32>
) {
    precondition(
        rows.count == x.rows && factors.count == x.rows && x.columns == y.columns, "shapes differ")
    for (index, (row, factor)) in zip(rows, factors).enumerated() {
        guard Int(row) < y.rows else { return }
        let (source, target) = (x.row(index), y.rows(Int(row)..<(Int(row) + 1)).row(0))
        for j in 0..<x.columns { target[j] += source[j] * factor }
        y.release(Int(row)..<(Int(row) + 1))
    }
}

/// |sum of factor_i x_i - y|² of row `row` of all matrices, which have the same columns.
package func weighedDistance(
    _ parts: [(matrix: Matrix, factor: Float)], from y: Matrix, row: Int
) -> Double {
    precondition(
        row < y.rows && parts.allSatisfy { $0.matrix.columns == y.columns && row < $0.matrix.rows },
        "shapes differ")
    var sum = 0.0
    let target = y.start + row * y.columns
    let sources = parts.map { ($0.matrix.start + row * y.columns, $0.factor) }
    for j in 0..<y.columns {
        var value: Float = 0
        for (source, factor) in sources { value += source[j] * factor }
        let difference = Double(value - target[j])
        sum += difference * difference
    }
    withExtendedLifetime(parts) {}
    return sum
}

/// Row i of x *= factors[i].
package func scaleRows(_ x: MatrixView, by factors: ArraySlice<Float>) {
    precondition(factors.count == x.rows, "a factor for each row")
    for (index, factor) in factors.enumerated() {
        let row = x.row(index)
        for j in 0..<x.columns { row[j] *= factor }
    }
}

/// Subtracts from rows, each times its token weight, the mean of the rows, times their token
/// weights, too. Each counts as often as the square of its weight says. x: `[samples, features]`,
/// tokenWeights: `[samples]`.
package func center(_ x: MatrixView, tokenWeights: [Float]) {
    precondition(tokenWeights.count == x.rows, "a token weight for each row")
    let power = tokenWeights.reduce(0) { $0 + Double($1) * Double($1) }
    guard power > 0 else { return }
    var mean = [Double](repeating: 0, count: x.columns)
    for (index, tokenWeight) in tokenWeights.enumerated() {
        let row = x.row(index)
        for j in mean.indices { mean[j] += Double(tokenWeight) * Double(row[j]) / power }
    }
    for (index, tokenWeight) in tokenWeights.enumerated() {
        add(mean, times: -Double(tokenWeight), to: x, row: index)
    }
}

extension MatrixView {
    package func fill(_ value: Float) {
        for index in 0..<rows { row(index).update(repeating: value, count: columns) }
    }
}
