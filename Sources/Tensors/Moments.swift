/// Sums over tokens of an input and its square, per feature, in double precision.
package struct Moments: Sendable, Hashable {
    package private(set) var count = 0
    /// Both `[features]`.
    package private(set) var sum: [Double]
    package private(set) var squares: [Double]

    package init(features: Int) {
        sum = [Double](repeating: 0, count: features)
        squares = sum
    }

    /// Adds every row of `x`, `[tokens, features]`, in order.
    package mutating func add(_ x: MatrixView) {
        precondition(x.columns == sum.count, "features differ")
        count += x.rows
        sum.withUnsafeMutableBufferPointer { sum in
            squares.withUnsafeMutableBufferPointer { squares in
                for index in 0..<x.rows {
                    let row = x.row(index)
                    for j in 0..<x.columns {
                        let value = Double(row[j])
                        sum[j] += value
                        squares[j] += value * value
                    }
                }
            }
        }
    }

    package static func += (left: inout Moments, right: Moments) {
        left.count += right.count
        for j in left.sum.indices {
            left.sum[j] += right.sum[j]
            left.squares[j] += right.squares[j]
        }
    }
}
