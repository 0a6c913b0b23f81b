import Glibc

/// The running part of log(sum(exp(x))) over a row that arrives in pieces.
package struct LogSumExp: Sendable, Hashable {
    private(set) var largest = -Float.infinity
    /// sum(exp(x - largest)).
    private(set) var total = 0.0

    package init() {}

    /// Adds more elements: a row of a matrix.
    /// - Returns: where among them the largest of all so far is, of equal ones the first; nil where
    ///   it came before.
    @discardableResult
    package mutating func add(_ x: MatrixView, row: Int) -> Int? {
        add(x.checkedRow(row), x.columns)
    }

    @discardableResult
    mutating func add(_ x: UnsafePointer<Float>, _ count: Int) -> Int? {
        let piece = maximum(x, count)
        var place: Int?
        if piece > largest {
            total *= Double(expf(largest - piece))
            largest = piece
            place = (0..<count).first { x[$0] == piece }
        }
        total += Double(exponentialSum(x, count, minus: largest))
        return place
    }

    package var value: Double { Double(largest) + log(total) }
}

/// The largest element, or -infinity where there is none.
@inline(__always)
func maximum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    // Four independent chains: one would wait for each comparison.
    var a = SIMD8<Float>(repeating: -.infinity)
    var b = a
    var c = a
    var d = a
    var i = 0
    while i + 32 <= count {
        a = larger(load8(x + i), a)
        b = larger(load8(x + i + 8), b)
        c = larger(load8(x + i + 16), c)
        d = larger(load8(x + i + 24), d)
        i += 32
    }
    while i + 8 <= count {
        a = larger(load8(x + i), a)
        i += 8
    }
    a = larger(larger(a, b), larger(c, d))
    // In halves: taking lanes out one by one costs more than the loop above for a short row.
    let four = a.lowHalf.replacing(with: a.highHalf, where: a.highHalf .> a.lowHalf)
    let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
    var result = two.x > two.y ? two.x : two.y
    while i < count {
        if x[i] > result { result = x[i] }
        i += 1
    }
    return result
}

@inline(__always)
private func larger(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
    y.replacing(with: x, where: x .> y)
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
