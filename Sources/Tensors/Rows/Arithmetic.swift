/// x += y, both `[rows, columns]`.
package func add(_ y: MatrixView, to x: MatrixView) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    for index in 0..<x.rows {
        let target = x.row(index)
        let source = y.row(index)
        for j in 0..<x.columns { target[j] += source[j] }
    }
}

/// x -= y, both `[rows, columns]`.
package func subtract(_ y: MatrixView, from x: MatrixView) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    for index in 0..<x.rows {
        let target = x.row(index)
        let source = y.row(index)
        for j in 0..<x.columns { target[j] -= source[j] }
    }
}

/// x *= y, element by element, both `[rows, columns]`.
package func multiply(_ x: MatrixView, by y: MatrixView) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    for index in 0..<x.rows {
        let target = x.row(index)
        let source = y.row(index)
        for j in 0..<x.columns { target[j] *= source[j] }
    }
}

/// x *= factor. x: `[rows, columns]`.
package func scale(_ x: MatrixView, by factor: Float) {
    for index in 0..<x.rows {
        let row = x.row(index)
        for j in 0..<x.columns { row[j] *= factor }
    }
}

/// x = min(max(x, -limit), limit), `[rows, columns]`.
package func clamp(_ x: MatrixView, to limit: Float) {
    for index in 0..<x.rows {
        let row = x.row(index)
        for j in 0..<x.columns { row[j] = min(max(row[j], -limit), limit) }
    }
}

/// How far `y` is from `x`, both `[rows, columns]`: the sums, in double precision, of (x - y)², x
/// y, x² and y².
package struct Difference: Sendable, Hashable {
    package var squaredError = 0.0
    package var dot = 0.0
    package var squaredX = 0.0
    package var squaredY = 0.0
    package var count = 0

    package init() {}

    package init(_ x: MatrixView, _ y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
        for index in 0..<x.rows {
            let first = x.row(index)
            let second = y.row(index)
            for j in 0..<x.columns {
                let a = Double(first[j])
                let b = Double(second[j])
                squaredError += (a - b) * (a - b)
                dot += a * b
                squaredX += a * a
                squaredY += b * b
            }
        }
        count = x.rows * x.columns
    }

    package static func += (left: inout Difference, right: Difference) {
        left.squaredError += right.squaredError
        left.dot += right.dot
        left.squaredX += right.squaredX
        left.squaredY += right.squaredY
        left.count += right.count
    }

    package var meanSquaredError: Double { count == 0 ? 0 : squaredError / Double(count) }

    /// The cosine of the angle between the two; 1 where both vanish.
    package var cosine: Double {
        let length = (squaredX * squaredY).squareRoot()
        return length == 0 ? (squaredX == squaredY ? 1 : 0) : dot / length
    }
}
