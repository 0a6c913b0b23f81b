/// x = cap tanh(scale x / cap) for every element, in place.
///
/// Source: `attn_logit_softcapping` in `modeling_gemma2.py` of transformers.
package func softcap(_ x: MatrixView, scale: Float = 1, at cap: Float) {
    let factor = scale / cap
    for index in 0..<x.rows {
        mapLanes(x.row(index), x.columns) { hyperbolicTangent($0 * factor) * cap }
    }
}

/// tanh(x) for each lane, to a few units in the last place.
///
/// Source: `tanhf` of Cephes: a polynomial on |x| < 0.625, where 1 - 2 / (e^2|x| + 1) would cancel.
@inline(__always)
private func hyperbolicTangent(_ x: SIMD8<Float>) -> SIMD8<Float> {
    let size = x.replacing(with: -x, where: x .< 0)
    let large = 1 - 2 / (exponential(2 * size) + 1)
    let square = x * x
    var p = SIMD8<Float>(repeating: -5.704_988_72e-3)
    p = SIMD8(repeating: 2.063_908_88e-2).addingProduct(p, square)
    p = SIMD8(repeating: -5.373_971_55e-2).addingProduct(p, square)
    p = SIMD8(repeating: 1.333_144_22e-1).addingProduct(p, square)
    p = SIMD8(repeating: -3.333_328_2e-1).addingProduct(p, square)
    let small = x.addingProduct(p * square, x)
    return large.replacing(with: -large, where: x .< 0).replacing(with: small, where: size .< 0.625)
}
