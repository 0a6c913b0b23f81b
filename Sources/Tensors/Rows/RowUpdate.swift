/// What pruning one row of a layer comes to, under the assumption that the features of the input
/// are uncorrelated.
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
func updateRow(
    _ weights: UnsafeMutablePointer<Float>, mask: UnsafePointer<UInt8>, scale: Double,
    mean: UnsafePointer<Double>, variance: UnsafePointer<Double>, count: Int, type: ElementType
) -> RowSummary {
    var bias = SIMD4<Double>()
    var removed = SIMD4<Double>()
    var spread = SIMD4<Double>()
    var center = SIMD4<Double>()
    let scale4 = SIMD4(repeating: scale)
    let whole = count & ~3
    for j in stride(from: 0, to: whole, by: 4) {
        let old = load4(weights + j)
        // Plus 0, for a negative weight times 0 is -0.
        let new = old * scale4 * kept4(mask + j) + SIMD4()
        let change = old - new
        let (mean, variance) = (load4(mean + j), load4(variance + j))
        bias.addProduct(change, mean)
        removed.addProduct(change * change, variance)
        spread.addProduct(old * old, variance)
        center.addProduct(old, mean)
        for lane in 0..<4 { weights[j &+ lane] = Float(new[lane]) }
    }
    var summary = RowSummary()
    summary.bias = total(bias)
    summary.removedVariance = total(removed)
    summary.variance = total(spread)
    summary.mean = total(center)
    for j in whole..<count {
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
    summary.zeros = countZeros(weights, count: count)
    return summary
}

/// Multiplies a row of new weights, whatever they were made by, by `scale`, rounds it to `type` and
/// leaves old - new, before rounding, in `old`. mean: `[columns]`, of the input. Of the summary,
/// `bias` and `zeros` are set.
func finishRow(
    _ new: UnsafeMutablePointer<Float>, replacing old: UnsafeMutablePointer<Float>, scale: Double,
    mean: UnsafePointer<Double>, count: Int, type: ElementType
) -> RowSummary {
    var summary = RowSummary()
    for j in 0..<count {
        let value = Double(new[j]) * scale
        let change = Double(old[j]) - value
        summary.bias += change * mean[j]
        // Plus 0, for a negative number's 0 may be -0.
        new[j] = Float(value + 0)
        old[j] = Float(change)
    }
    round(new, count: count, to: type)
    summary.zeros = countZeros(new, count: count)
    return summary
}

/// 1 for each of four weights that stays, 0 for each that goes.
@inline(__always)
private func kept4(_ mask: UnsafePointer<UInt8>) -> SIMD4<Double> {
    SIMD4(repeating: 1)
        - SIMD4(Double(mask[0]), Double(mask[1]), Double(mask[2]), Double(mask[3]))
}

/// In arithmetic alone, which the compiler makes vectors of; a comparison comes out as a branch.
private func countZeros(_ weights: UnsafePointer<Float>, count: Int) -> Int {
    var total = 0
    for start in stride(from: 0, to: count, by: 1 << 20) {
        var part: Int32 = 0
        for j in start..<min(start + (1 << 20), count) {
            let magnitude = Int32(truncatingIfNeeded: weights[j].bitPattern & 0x7FFF_FFFF)
            // -1 where it is 0.
            part &+= (magnitude &- 1) &>> 31
        }
        total -= Int(part)
    }
    return total
}

extension Matrix {
    /// How many elements are exactly zero.
    package var zeros: Int { countZeros(start, count: rows * columns) }
}

/// `updateRow` of some rows of a layer, from row `first` on. weights: those rows, mask and scales:
/// of the whole layer, `[all rows, columns]` and `[all rows]`, mean and variance: `[columns]`; nil:
/// zeros, and for scales ones. summaries: `[rows]`.
package func updateRows(
    _ weights: MatrixView, from first: Int, mask: [UInt8], scales: [Double]?, mean: [Double]?,
    variance: [Double]?, type: ElementType, into summaries: inout MutableSpan<RowSummary>
) {
    let columns = weights.columns
    let none = mean == nil || variance == nil ? [Double](repeating: 0, count: columns) : []
    let (mean, variance) = (mean ?? none, variance ?? none)
    precondition(mean.count == columns && variance.count == columns, "columns differ")
    for index in 0..<weights.rows {
        let row = first + index
        mask.span.withRow(row, columns: columns) {
            summaries[index] = updateRow(
                weights.row(index), mask: $0, scale: scales?[row] ?? 1, mean: mean,
                variance: variance, count: columns, type: type)
        }
    }
}

/// `finishRow` of some rows of a layer, from row `first` on. new, old: those rows, scales: of the
/// whole layer, `[all rows]`, nil: ones, mean: `[columns]`, summaries: `[rows]`.
package func finishRows(
    _ new: MatrixView, replacing old: MatrixView, from first: Int, scales: [Double]?,
    mean: [Double], type: ElementType, into summaries: inout MutableSpan<RowSummary>
) {
    precondition(
        new.rows == old.rows && new.columns == old.columns && mean.count == new.columns,
        "shapes differ")
    for index in 0..<new.rows {
        summaries[index] = finishRow(
            new.row(index), replacing: old.row(index), scale: scales?[first + index] ?? 1,
            mean: mean, count: new.columns, type: type)
    }
}

/// sums_j += w_j² over all rows, in order. weights: `[rows, columns]`, sums: `[columns]`.
package func addSquares(_ weights: MatrixView, to sums: inout [Double]) {
    for row in 0..<weights.rows { addSquares(weights, row: row, to: &sums) }
}

/// The same of row `row` alone.
package func addSquares(_ weights: MatrixView, row: Int, to sums: inout [Double]) {
    precondition(sums.count == weights.columns, "columns differ")
    let row = weights.checkedRow(row)
    sums.withUnsafeMutableBufferPointer { sums in
        for j in 0..<weights.columns { sums[j] += Double(row[j]) * Double(row[j]) }
    }
}

/// sums_j += x_j². Both `[columns]`.
package func addSquares(_ x: Buffer<Double>, to sums: inout [Double]) {
    precondition(sums.count == x.count, "columns differ")
    for j in sums.indices { sums[j] += x.start[j] * x.start[j] }
}

/// The weights that are marked where `keeps`, else those that are not, and 0 in place of the
/// others; of some rows of a layer, from row `first` on. mask: of the whole layer, `[all rows,
/// columns]`.
package func copyWeights(
    _ weights: MatrixView, marked keeps: Bool, from first: Int, mask: [UInt8],
    into target: MatrixView
) {
    precondition(
        target.rows == weights.rows && target.columns == weights.columns, "shapes differ")
    for index in 0..<weights.rows {
        let (source, target) = (weights.row(index), target.row(index))
        mask.span.withRow(first + index, columns: weights.columns) { mask in
            for j in 0..<weights.columns {
                target[j] = (mask[j] == 0) == keeps ? 0 : source[j]
            }
        }
    }
}
