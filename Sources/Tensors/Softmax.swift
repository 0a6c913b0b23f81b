import Glibc

/// Turns scores into attention weights, in place, each row by itself: row r keeps columns
/// `range(r)`, gets exp(x - max) / sum there and 0 elsewhere. scores: `[queries, keys]`.
package func softmax(_ scores: MatrixView, range: (_ row: Int) -> Range<Int>) {
    for index in 0..<scores.rows {
        let row = scores.row(index)
        let kept = range(index)
        for j in 0..<kept.lowerBound { row[j] = 0 }
        if kept.upperBound < scores.columns {
            for j in kept.upperBound..<scores.columns { row[j] = 0 }
        }
        let start = row + kept.lowerBound
        let largest = maximum(start, kept.count)
        let total = exponentialSum(start, kept.count, minus: largest, store: true)
        let factor = 1 / total
        for j in 0..<kept.count { start[j] *= factor }
    }
}

/// The running part of log(sum(exp(x))) over a row that arrives in pieces.
package struct LogSumExp: Sendable, Hashable {
    private var largest = -Float.infinity
    private var total = 0.0

    package init() {}

    /// Adds `count` more elements, whose memory is left as it is.
    package mutating func add(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
        let piece = maximum(x, count)
        if piece > largest {
            total *= Double(expf(largest - piece))
            largest = piece
        }
        total += Double(exponentialSum(x, count, minus: largest, store: false))
    }

    package var value: Double { Double(largest) + log(total) }
}

@inline(__always)
private func maximum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = SIMD8<Float>(repeating: -.infinity)
    var i = 0
    while i + 8 <= count {
        lanes = pointwiseMax(lanes, load8(x + i))
        i += 8
    }
    var result = lanes.max()
    while i < count {
        result = max(result, x[i])
        i += 1
    }
    return result
}

/// sum(exp(x - shift)), and the terms in x itself where `store`.
@inline(__always)
private func exponentialSum(
    _ x: UnsafeMutablePointer<Float>, _ count: Int, minus shift: Float, store: Bool
) -> Float {
    var a = SIMD8<Float>()
    var b = SIMD8<Float>()
    var i = 0
    while i + 16 <= count {
        let first = exponential(load8(x + i) - shift)
        let second = exponential(load8(x + i + 8) - shift)
        if store {
            store8(first, x + i)
            store8(second, x + i + 8)
        }
        a += first
        b += second
        i += 16
    }
    var total = (a + b).sum()
    while i < count {
        // The same polynomial as above: an element's value does not depend on where it stands.
        let term = exponential(SIMD8(repeating: x[i] - shift))[0]
        if store { x[i] = term }
        total += term
        i += 1
    }
    return total
}
