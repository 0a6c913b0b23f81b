import COneDNN

/// How the factors of a matrix product are held; sums are float32 in all three.
package enum ProductInput: Sendable, Hashable, CaseIterable {
    case float32
    /// Rounded to bfloat16, but held and multiplied as float32: where that is the faster way.
    case roundedFloat32
    case bfloat16

    /// Those with which this processor can multiply: oneDNN has no product of bfloat16 without
    /// AVX-512.
    package static let supported: [ProductInput] = {
        let isa = dnnl_get_effective_cpu_isa().rawValue
        let hasAVX512 = isa & dnnl_cpu_isa_avx512_core.rawValue == dnnl_cpu_isa_avx512_core.rawValue
        return allCases.filter { $0 != .bfloat16 || hasAVX512 }
    }()

    /// A single factor, as a model of this type has it.
    package func rounded(_ factor: Float) -> Float {
        guard self != .float32 else { return factor }
        var factors = [factor]
        round(&factors, to: .bfloat16)
        return factors[0]
    }

    /// Bytes of an element.
    package var size: Int { self == .bfloat16 ? 2 : 4 }
}
