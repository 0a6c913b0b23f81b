/// e^x for each lane, to about 2 units in the last place on [-87, 88]; below that range it is 0,
/// above it e^88.
///
/// The standard library has no vector exponential. Range reduction of Cody and Waite
/// (x = n ln 2 + r) and a polynomial of degree 5 on |r| <= ln 2 / 2. Source: `expf` of Cephes.
@inline(__always)
func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
    // Masked moves: `clamped` and `pointwiseMax` of the standard library are not inlined here.
    let clamped = x.replacing(with: -88, where: x .< -88).replacing(with: 88, where: x .> 88)
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits; the standard library's
    // conversion of vectors to integers goes lane by lane.
    let shifter = SIMD8<Float>(repeating: 12_582_912)
    let shifted = shifter.addingProduct(clamped, SIMD8(repeating: 1.442_695_04))
    let n = shifted - shifter
    let high = clamped.addingProduct(n, SIMD8(repeating: -0.693_359_375))
    let r = high.addingProduct(n, SIMD8(repeating: 2.121_944_4e-4))
    var p = SIMD8<Float>(repeating: 1.987_569_15e-4)
    p = SIMD8(repeating: 1.398_199_95e-3).addingProduct(p, r)
    p = SIMD8(repeating: 8.333_451_9e-3).addingProduct(p, r)
    p = SIMD8(repeating: 4.166_579_59e-2).addingProduct(p, r)
    p = SIMD8(repeating: 1.666_666_55e-1).addingProduct(p, r)
    p = SIMD8(repeating: 5.000_000_12e-1).addingProduct(p, r)
    let value = (r + 1).addingProduct(p, r * r)
    let power = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- 0x4b40_0000
    let scale = unsafeBitCast((power &+ 127) &<< 23, to: SIMD8<Float>.self)
    return (value * scale).replacing(with: 0, where: x .< -87)
}

/// 2^x for each lane, x <= 0, to about 2 units in the last place; below -126 it is 2^-126.
///
/// x = n + f with |f| <= 1/2, and a polynomial of degree 6. Source: `exp2f` of Cephes.
@inline(__always)
func powerOfTwo(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let clamped = x.replacing(with: -126, where: x .< -126)
    let shifter = SIMD8<Float>(repeating: 12_582_912)
    let shifted = clamped + shifter
    let f = clamped - (shifted - shifter)
    var p = SIMD8<Float>(repeating: 1.535_336_2e-4)
    p = SIMD8(repeating: 1.339_887_4e-3).addingProduct(p, f)
    p = SIMD8(repeating: 9.618_437_4e-3).addingProduct(p, f)
    p = SIMD8(repeating: 5.550_332_5e-2).addingProduct(p, f)
    p = SIMD8(repeating: 2.402_264_8e-1).addingProduct(p, f)
    p = SIMD8(repeating: 6.931_472_1e-1).addingProduct(p, f)
    p = SIMD8(repeating: 1).addingProduct(p, f)
    // n stands in the low bits of `shifted`: added to the exponent of p.
    let power = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &<< 23
    return unsafeBitCast(unsafeBitCast(p, to: SIMD8<Int32>.self) &+ power, to: SIMD8<Float>.self)
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
