/// `sum_j a_j b_j` in double precision.
@inline(__always)
func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
    var sums = SIMD4<Double>()
    let whole = count & ~3
    for j in stride(from: 0, to: whole, by: 4) { sums.addProduct(load4(a + j), load4(b + j)) }
    var sum = total(sums)
    for j in whole..<count { sum += Double(a[j]) * Double(b[j]) }
    return sum
}

/// `sum_j a_ij b_j` of each row i. a: `[rows, columns]`, b: `[columns]`.
package func rowProducts(_ a: MatrixView, _ b: [Double]) -> [Double] {
    precondition(b.count == a.columns, "columns differ")
    return (0..<a.rows).map { index in
        let row = a.row(index)
        var sum = 0.0
        for j in 0..<a.columns { sum += Double(row[j]) * b[j] }
        return sum
    }
}

/// y_j += factor x_j.
@inline(__always)
func add(
    _ x: UnsafePointer<Float>, times factor: Float, count: Int,
    to y: UnsafeMutablePointer<Float>
) {
    for j in 0..<count { y[j] += factor * x[j] }
}

/// Zeroes what `mask` marks.
@inline(__always)
func zero(
    _ x: UnsafeMutablePointer<Float>, where mask: UnsafePointer<UInt8>, count: Int
) {
    // In arithmetic alone, which the compiler makes vectors of.
    for j in 0..<count { x[j] *= Float(1 &- mask[j]) }
}

/// y_j += factor x_j, y being row `row` of a matrix. x: `[columns]`.
package func add(_ x: [Double], times factor: Double, to y: MatrixView, row: Int) {
    precondition(x.count == y.columns, "columns differ")
    let target = y.checkedRow(row)
    for j in x.indices { target[j] = Float(Double(target[j]) + factor * x[j]) }
}

/// y_j += sum over the rows of factor_i x_ij, in order of the rows, y being row `row` of a matrix.
/// x: `[rows, columns]`, factors: `[rows]`.
package func addRows(_ x: MatrixView, times factors: [Float], to y: MatrixView, row: Int) {
    precondition(factors.count == x.rows, "a factor for each row")
    precondition(x.columns == y.columns, "columns differ")
    let y = y.checkedRow(row)
    // Four at a time, for y to be read and written less often than x.
    let whole = x.rows & ~3
    for i in stride(from: 0, to: whole, by: 4) {
        let (a, b, c, d) = (x.row(i), x.row(i + 1), x.row(i + 2), x.row(i + 3))
        let (p, q, r, s) = (factors[i], factors[i + 1], factors[i + 2], factors[i + 3])
        for j in 0..<x.columns {
            y[j] = (((y[j] + p * a[j]) + q * b[j]) + r * c[j]) + s * d[j]
        }
    }
    for i in whole..<x.rows { add(x.row(i), times: factors[i], count: x.columns, to: y) }
}
