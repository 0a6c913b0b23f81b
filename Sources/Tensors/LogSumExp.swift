import Glibc

/// The running part of log(sum(exp(x))) over a row that arrives in pieces.
package struct LogSumExp: Sendable, Hashable {
    private var largest = -Float.infinity
    private var total = 0.0

    package init() {}

    /// Adds `count` more elements, in memory.
    package mutating func add(_ x: UnsafePointer<Float>, _ count: Int) {
        let piece = maximum(x, count)
        if piece > largest {
            total *= Double(expf(largest - piece))
            largest = piece
        }
        total += Double(exponentialSum(x, count, minus: largest))
    }

    package var value: Double { Double(largest) + log(total) }
}

@inline(__always)
func maximum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = SIMD8<Float>(repeating: -.infinity)
    var i = 0
    while i + 8 <= count {
        let next = load8(x + i)
        lanes.replace(with: next, where: next .> lanes)
        i += 8
    }
    var result = lanes.max()
    while i < count {
        result = max(result, x[i])
        i += 1
    }
    return result
}

/// sum(exp(x - shift)).
@inline(__always)
private func exponentialSum(
    _ x: UnsafePointer<Float>, _ count: Int, minus shift: Float
) -> Float {
    var a = SIMD8<Float>()
    var b = SIMD8<Float>()
    var i = 0
    while i + 16 <= count {
        a += exponential(load8(x + i) - shift)
        b += exponential(load8(x + i + 8) - shift)
        i += 16
    }
    var total = (a + b).sum()
    while i < count {
        // The same polynomial as above: an element's value does not depend on where it stands.
        total += exponential(SIMD8(repeating: x[i] - shift))[0]
        i += 1
    }
    return total
}
