/// `sum_j a_j b_j` in double precision.
@inline(__always)
func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
    var sums = SIMD4<Double>()
    let whole = count & ~3
    for j in stride(from: 0, to: whole, by: 4) { sums.addProduct(load4(a + j), load4(b + j)) }
    var sum = total(sums)
    for j in whole..<count { sum += Double(a[j]) * Double(b[j]) }
    return sum
}

/// `sum_j a_j b_j`.
package func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Double>, count: Int
) -> Double {
    var sum = 0.0
    for j in 0..<count { sum += Double(a[j]) * b[j] }
    return sum
}

/// y_j += factor x_j.
@inline(__always)
func add(
    _ x: UnsafePointer<Float>, times factor: Float, count: Int,
    to y: UnsafeMutablePointer<Float>
) {
    for j in 0..<count { y[j] += factor * x[j] }
}

/// Zeroes what `mask` marks.
@inline(__always)
func zero(
    _ x: UnsafeMutablePointer<Float>, where mask: UnsafePointer<UInt8>, count: Int
) {
    // In arithmetic alone, which the compiler makes vectors of.
    for j in 0..<count { x[j] *= Float(1 &- mask[j]) }
}
