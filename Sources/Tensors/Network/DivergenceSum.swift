import Glibc

/// The running part of the Kullback-Leibler divergence of softmax(y) from softmax(x), for two rows
/// that arrive in pieces side by side:
///
///     KL(p || q) = sum(p (log p - log q)) = sum(p (x - y)) - log(sum(exp(x))) + log(sum(exp(y)))
package struct DivergenceSum: Sendable, Hashable {
    /// Of x.
    private var largest = -Float.infinity
    /// sum(exp(x - largest) (x - y)).
    private var weighted = 0.0

    package init() {}

    /// Adds more elements of each: the same row of two matrices.
    package mutating func add(_ x: MatrixView, _ y: MatrixView, row: Int) {
        precondition(x.columns == y.columns, "columns differ")
        add(x.checkedRow(row), y.checkedRow(row), x.columns)
    }

    mutating func add(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int
    ) {
        let piece = maximum(x, count)
        if piece > largest {
            weighted *= Double(expf(largest - piece))
            largest = piece
        }
        weighted += weightedDifference(x, y, count, minus: largest)
    }

    /// In nats, at least 0. `x` and `y` have taken the same elements.
    package func value(_ x: LogSumExp, _ y: LogSumExp) -> Double {
        let divergence = weighted / x.total - x.value + y.value
        // Of two rows that are nearly the same, rounding can leave less than nothing.
        return divergence < 0 ? 0 : divergence
    }
}

/// sum(exp(x - shift) (x - y)), the sum in double precision: most of it goes when the two
/// normalisers are taken off.
@inline(__always)
private func weightedDifference(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int, minus shift: Float
) -> Double {
    var low = SIMD4<Double>()
    var high = SIMD4<Double>()
    func product(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
        exponential(x - shift) * (x - y)
    }
    var i = 0
    while i + 8 <= count {
        let terms = product(load8(x + i), load8(y + i))
        low += SIMD4(
            Double(terms[0]), Double(terms[1]), Double(terms[2]), Double(terms[3]))
        high += SIMD4(
            Double(terms[4]), Double(terms[5]), Double(terms[6]), Double(terms[7]))
        i += 8
    }
    var sum = total(low) + total(high)
    while i < count {
        sum += Double(product(SIMD8(repeating: x[i]), SIMD8(repeating: y[i]))[0])
        i += 1
    }
    return sum
}
