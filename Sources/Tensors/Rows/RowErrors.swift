/// Adds up, row by row, the squared errors that are left where the least of `w_j² f_j` go, at
/// equally spaced shares of the row: one thread's buffers.
package final class RowErrors {
    private let columns: Int
    private let levels: Int
    private let errors: Buffer<Float>

    package init(columns: Int, levels: Int) {
        precondition(columns > 0 && levels > 0, "a row has columns")
        self.columns = columns
        self.levels = levels
        errors = Buffer(count: columns)
    }

    /// What one of them takes, in bytes.
    package static func bytes(columns: Int) -> Int { columns * MemoryLayout<Float>.size }

    /// sums_k += the sum of the least `columns * k / levels` of a row's errors, for each row; where
    /// that is no whole number, with that part of the next one. weights: `[rows, columns]`,
    /// factors: `[columns]`, sums: `[levels + 1]`.
    package func add(_ weights: MatrixView, factors: [Double], to sums: inout [Double]) {
        precondition(
            weights.columns == columns && factors.count == columns && sums.count == levels + 1,
            "shapes do not fit")
        for row in 0..<weights.rows { add(weights.row(row), factors: factors, to: &sums) }
    }

    private func add(
        _ weights: UnsafePointer<Float>, factors: UnsafePointer<Double>,
        to sums: UnsafeMutablePointer<Double>
    ) {
        var errors = UnsafeMutableBufferPointer(start: errors.start, count: columns)
        for j in 0..<columns {
            let weight = Double(weights[j])
            errors[j] = Float(weight * weight * factors[j])
        }
        errors.sort()
        var sum = 0.0
        var next = 0
        for level in 1...levels {
            let place = columns * level
            while next < place / levels {
                sum += Double(errors[next])
                next += 1
            }
            let rest = Double(place % levels) / Double(levels)
            sums[level] += rest > 0 ? sum + rest * Double(errors[next]) : sum
        }
    }
}

/// The expected square of an output, `sum_j w_j² var_j + (sum_j w_j mean_j)²`, for features that
/// are not correlated, summed over the rows. weights: `[rows, columns]`, mean and variance:
/// `[columns]`.
package func expectedPower(_ weights: MatrixView, mean: [Double], variance: [Double]) -> Double {
    precondition(
        mean.count == weights.columns && variance.count == weights.columns, "columns differ")
    return mean.withUnsafeBufferPointer { mean in
        variance.withUnsafeBufferPointer { variance in
            sumRows(weights) { row in
                var spread = 0.0
                var center = 0.0
                for j in 0..<weights.columns {
                    let weight = Double(row[j])
                    spread += weight * weight * variance[j]
                    center += weight * mean[j]
                }
                return spread + center * center
            }
        }
    }
}

/// The sum of x_j² over the rows.
package func squaredNorm(_ x: MatrixView) -> Double {
    sumRows(x) { row in
        var sum = 0.0
        for j in 0..<x.columns { sum += Double(row[j]) * Double(row[j]) }
        return sum
    }
}

/// The sum of |w_j| f_j over the rows. factors: `[columns]`.
package func sumScores(_ weights: MatrixView, by factors: [Double]) -> Double {
    precondition(factors.count == weights.columns, "columns differ")
    return factors.withUnsafeBufferPointer { factors in
        sumRows(weights) { row in
            var sum = 0.0
            for j in 0..<weights.columns { sum += Double(row[j].magnitude) * factors[j] }
            return sum
        }
    }
}

/// How many |w_j| f_j of all rows are greater than `threshold`. factors: `[columns]`.
package func countScores(
    above threshold: Double, _ weights: MatrixView, by factors: [Double]
) -> Int {
    precondition(factors.count == weights.columns, "columns differ")
    var total = 0
    factors.withUnsafeBufferPointer { factors in
        for index in 0..<weights.rows {
            let row = weights.row(index)
            for j in 0..<weights.columns {
                total += Double(row[j].magnitude) * factors[j] > threshold ? 1 : 0
            }
        }
    }
    return total
}

/// The sum of `body` of each row, in order.
@inline(__always)
private func sumRows(_ x: MatrixView, _ body: (UnsafePointer<Float>) -> Double) -> Double {
    var sum = 0.0
    for index in 0..<x.rows { sum += body(x.row(index)) }
    return sum
}
