/// How far rows are from what they should be, each measured by its own size: the sum over the rows
/// of |y - target|² / (|target|² + columns 1e-8), in double precision. 0: all are alike; the
/// number of rows: as if all of y were 0.
///
/// - Parameters:
///   - y, target: `[rows, columns]`.
///   - gradient: where the gradient by y goes, times `scale`; nil: it is not wanted.
package func relativeError(
    _ y: MatrixView, _ target: MatrixView, gradient: MatrixView? = nil, scale: Double = 1
) -> Double {
    precondition(y.rows == target.rows && y.columns == target.columns, "shapes differ")
    precondition(
        gradient.map { $0.rows == y.rows && $0.columns == y.columns } ?? true, "shapes differ")
    var total = 0.0
    for index in 0..<y.rows {
        let (values, wanted) = (y.row(index), target.row(index))
        var (errors, powers) = (SIMD4<Double>(), SIMD4<Double>())
        let whole = y.columns & ~3
        for j in stride(from: 0, to: whole, by: 4) {
            let t = load4(UnsafePointer(wanted + j))
            let distance = load4(UnsafePointer(values + j)) - t
            errors.addProduct(distance, distance)
            powers.addProduct(t, t)
        }
        var error = Tensors.total(errors)
        var power = Tensors.total(powers) + 1e-8 * Double(y.columns)
        for j in whole..<y.columns {
            let distance = Double(values[j]) - Double(wanted[j])
            error += distance * distance
            power += Double(wanted[j]) * Double(wanted[j])
        }
        total += error / power
        guard let changes = gradient?.row(index) else { continue }
        let factor = Float(2 * scale / power)
        for j in 0..<y.columns { changes[j] = factor * (values[j] - wanted[j]) }
    }
    return total
}
