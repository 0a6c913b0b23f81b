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
                guard let sum = sum.baseAddress, let squares = squares.baseAddress else { return }
                for first in stride(from: 0, to: x.rows, by: Self.rowsAtOnce) {
                    let rows = min(Self.rowsAtOnce, x.rows - first)
                    addRows(
                        x.row(first), stride: x.stride, rows: rows, columns: x.columns, to: sum,
                        squares: squares)
                }
            }
        }
    }

    /// The same with each row counting as often as the square of its weight says, `[tokens]`.
    package mutating func add(_ x: MatrixView, tokenWeights: ArraySlice<Float>) {
        precondition(x.columns == sum.count && tokenWeights.count == x.rows, "features differ")
        count += x.rows
        for (index, tokenWeight) in tokenWeights.enumerated() {
            addRow(
                x.row(index), times: Double(tokenWeight) * Double(tokenWeight),
                columns: x.columns, to: &sum,
                squares: &squares)
        }
    }

    /// So many rows are read side by side from memory, while the sums of some columns stay in
    /// registers.
    private static let rowsAtOnce = 8

    package static func += (left: inout Moments, right: Moments) {
        left.count += right.count
        for j in left.sum.indices {
            left.sum[j] += right.sum[j]
            left.squares[j] += right.squares[j]
        }
    }
}

/// Adds rows in order to the sums of their columns, and their squares, which are exact in double
/// precision.
@inline(never)
private func addRows(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int,
    to sum: UnsafeMutablePointer<Double>, squares: UnsafeMutablePointer<Double>
) {
    var j = 0
    while j &+ 16 <= columns {
        var s = (load4(sum + j), load4(sum + j + 4), load4(sum + j + 8), load4(sum + j + 12))
        let power = squares + j
        var q = (load4(power), load4(power + 4), load4(power + 8), load4(power + 12))
        var row = x + j
        for _ in 0..<rows {
            let (a, b, c, d) = (load4(row), load4(row + 4), load4(row + 8), load4(row + 12))
            s.0 += a
            s.1 += b
            s.2 += c
            s.3 += d
            q.0.addProduct(a, a)
            q.1.addProduct(b, b)
            q.2.addProduct(c, c)
            q.3.addProduct(d, d)
            row += stride
        }
        store4(s.0, sum + j)
        store4(s.1, sum + j + 4)
        store4(s.2, sum + j + 8)
        store4(s.3, sum + j + 12)
        store4(q.0, power)
        store4(q.1, power + 4)
        store4(q.2, power + 8)
        store4(q.3, power + 12)
        j &+= 16
    }
    while j < columns {
        for i in 0..<rows {
            let value = Double(x[i &* stride &+ j])
            sum[j] += value
            squares[j] += value * value
        }
        j &+= 1
    }
}

private func addRow(
    _ x: UnsafePointer<Float>, times factor: Double, columns: Int, to sum: inout [Double],
    squares: inout [Double]
) {
    for j in 0..<columns {
        let value = Double(x[j])
        sum[j] += factor * value
        squares[j] += factor * value * value
    }
}
