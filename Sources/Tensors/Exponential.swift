/// e^x for each lane, to about 2 units in the last place on [-87, 88]; below that range it is 0,
/// above it e^88.
///
/// The standard library has no vector exponential. Range reduction of Cody and Waite
/// (x = n ln 2 + r) and a polynomial of degree 5 on |r| <= ln 2 / 2. Source: `expf` of Cephes.
@inline(__always)
func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let clamped = x.clamped(
        lowerBound: SIMD8(repeating: -88), upperBound: SIMD8(repeating: 88))
    let n = (clamped * 1.442_695_04).rounded(.toNearestOrEven)
    let high = clamped.addingProduct(n, SIMD8(repeating: -0.693_359_375))
    let r = high.addingProduct(n, SIMD8(repeating: 2.121_944_4e-4))
    var p = SIMD8<Float>(repeating: 1.987_569_15e-4)
    p = SIMD8(repeating: 1.398_199_95e-3).addingProduct(p, r)
    p = SIMD8(repeating: 8.333_451_9e-3).addingProduct(p, r)
    p = SIMD8(repeating: 4.166_579_59e-2).addingProduct(p, r)
    p = SIMD8(repeating: 1.666_666_55e-1).addingProduct(p, r)
    p = SIMD8(repeating: 5.000_000_12e-1).addingProduct(p, r)
    let value = (r + 1).addingProduct(p, r * r)
    let power = SIMD8<Int32>(truncatingIfNeeded: SIMD8<Int32>(n))
    let scale = unsafeBitCast((power &+ 127) &<< 23, to: SIMD8<Float>.self)
    return (value * scale).replacing(with: 0, where: x .< -87)
}

@inline(__always)
func load8(_ pointer: UnsafePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
func store8(_ value: SIMD8<Float>, _ pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD8<Float>.self)
}

/// Replaces `count` elements by `body` of them, eight at a time; the rest goes through the same
/// lanes, so that an element's result does not depend on where it stands.
@inline(__always)
func mapLanes(
    _ values: UnsafeMutablePointer<Float>, _ count: Int,
    _ body: (SIMD8<Float>) -> SIMD8<Float>
) {
    var i = 0
    while i + 8 <= count {
        store8(body(load8(values + i)), values + i)
        i += 8
    }
    if i < count {
        var lanes = SIMD8<Float>()
        for lane in 0..<(count - i) { lanes[lane] = values[i + lane] }
        lanes = body(lanes)
        for lane in 0..<(count - i) { values[i + lane] = lanes[lane] }
    }
}
