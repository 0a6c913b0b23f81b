/// Sums, per column, of y z and z z over the rows of two matrices, in double precision, in order of
/// the rows: what a least-squares fit of y by a z needs. y, z: `[samples, outputs]`.
package struct RowFit: Sendable {
    /// Both `[outputs]`.
    package private(set) var products: [Double]
    package private(set) var powers: [Double]

    package init(_ y: MatrixView, _ z: MatrixView) {
        precondition(y.rows == z.rows && y.columns == z.columns, "shapes differ")
        products = [Double](repeating: 0, count: y.columns)
        powers = products
        products.withUnsafeMutableBufferPointer { products in
            powers.withUnsafeMutableBufferPointer { powers in
                for index in 0..<y.rows {
                    let first = y.row(index)
                    let second = z.row(index)
                    for j in 0..<y.columns {
                        let value = Double(second[j])
                        products[j] += Double(first[j]) * value
                        powers[j] += value * value
                    }
                }
            }
        }
    }
}

/// Subtracts from each column of `x` its mean over the rows. x: `[samples, features]`.
package func center(_ x: MatrixView) {
    guard x.rows > 0 else { return }
    var moments = Moments(features: x.columns)
    moments.add(x)
    let means = moments.sum.map { $0 / Double(x.rows) }
    means.withUnsafeBufferPointer { means in
        for index in 0..<x.rows {
            let row = x.row(index)
            for j in 0..<x.columns { row[j] = Float(Double(row[j]) - means[j]) }
        }
    }
}
