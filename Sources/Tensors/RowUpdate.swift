/// What pruning one row of a layer comes to, under the assumption that the features of the input are
/// uncorrelated.
package struct RowSummary: Sendable {
    /// `sum_j (old_j - new_j) mean_j`: what the bias would have to take up.
    package var bias = 0.0
    /// `sum_j (old_j - new_j)² var_j`.
    package var removedVariance = 0.0
    /// `sum_j old_j² var_j` and `sum_j old_j mean_j`.
    package var variance = 0.0
    package var mean = 0.0
    /// Elements of the new row that are exactly zero.
    package var zeros = 0

    package init() {}
}

/// Zeroes the marked weights of a row, multiplies what is left by `scale` and rounds it to `type`.
/// mean, variance: `[columns]`, of the input. The summary is of the new weights before rounding, as
/// the definition has it, but for `zeros`.
package func updateRow(
    _ weights: UnsafeMutablePointer<Float>, mask: UnsafePointer<UInt8>, scale: Double,
    mean: UnsafePointer<Double>, variance: UnsafePointer<Double>, count: Int, type: ElementType
) -> RowSummary {
    var summary = RowSummary()
    for j in 0..<count {
        let old = Double(weights[j])
        let new = mask[j] == 0 ? old * scale : 0
        let change = old - new
        summary.bias += change * mean[j]
        summary.removedVariance += change * change * variance[j]
        summary.variance += old * old * variance[j]
        summary.mean += old * mean[j]
        weights[j] = Float(new)
    }
    round(weights, count: count, to: type)
    for j in 0..<count where weights[j] == 0 { summary.zeros += 1 }
    return summary
}

/// sums_j += w_j² over one row.
package func addSquares(
    _ weights: UnsafePointer<Float>, count: Int, to sums: UnsafeMutablePointer<Double>
) {
    for j in 0..<count { sums[j] += Double(weights[j]) * Double(weights[j]) }
}
