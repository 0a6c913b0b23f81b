/// Adds up, row by row, the squared errors that are left where the least of `w_j² f_j` go, at
/// equally spaced shares of the row: one thread's buffers.
package final class RowErrors {
    private let columns: Int
    private let levels: Int
    private let errors: UnsafeMutableBufferPointer<Float>

    package init(columns: Int, levels: Int) {
        precondition(columns > 0 && levels > 0, "a row has columns")
        self.columns = columns
        self.levels = levels
        errors = .allocate(capacity: columns)
    }

    deinit { errors.deallocate() }

    /// What one of them takes, in bytes.
    package static func bytes(columns: Int) -> Int { columns * MemoryLayout<Float>.size }

    /// sums_k += the sum of the least `columns * k / levels` of the row's errors; where that is no
    /// whole number, with that part of the next one. weights, factors: `[columns]`; sums: `[levels
    /// + 1]`.
    package func add(
        _ weights: UnsafePointer<Float>, factors: UnsafePointer<Double>,
        to sums: UnsafeMutablePointer<Double>
    ) {
        var errors = errors
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

/// The expected square of an output: `sum_j w_j² var_j + (sum_j w_j mean_j)²`, for features that
/// are not correlated. All `[count]`.
package func expectedPower(
    _ weights: UnsafePointer<Float>, mean: UnsafePointer<Double>,
    variance: UnsafePointer<Double>, count: Int
) -> Double {
    var spread = 0.0
    var center = 0.0
    for j in 0..<count {
        let weight = Double(weights[j])
        spread += weight * weight * variance[j]
        center += weight * mean[j]
    }
    return spread + center * center
}

/// The sum of x_j².
package func squaredNorm(_ x: UnsafePointer<Float>, count: Int) -> Double {
    var sum = 0.0
    for j in 0..<count { sum += Double(x[j]) * Double(x[j]) }
    return sum
}

/// The sum of |w_j| f_j.
package func sumScores(
    _ weights: UnsafePointer<Float>, by factors: UnsafePointer<Double>, count: Int
) -> Double {
    var sum = 0.0
    for j in 0..<count { sum += Double(weights[j].magnitude) * factors[j] }
    return sum
}

/// How many |w_j| f_j are greater than `threshold`.
package func countScores(
    above threshold: Double, _ weights: UnsafePointer<Float>,
    by factors: UnsafePointer<Double>, count: Int
) -> Int {
    var total = 0
    for j in 0..<count {
        total += Double(weights[j].magnitude) * factors[j] > threshold ? 1 : 0
    }
    return total
}
