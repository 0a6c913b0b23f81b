import CLinux
import COneDNN

/// The type to which the factors of matrix products are rounded; sums are float32 in both.
package enum Precision: String, Sendable, Hashable {
    case float32
    /// Inputs and weights rounded to bfloat16.
    case bfloat16

    /// What this processor computes fastest: bfloat16 where it has fast products of them.
    package static var automatic: Precision { hasFastBfloat16 ? .bfloat16 : .float32 }

    /// How factors of this precision are best held on this processor.
    package var input: ProductInput {
        switch self {
        case .float32: .float32
        case .bfloat16: Self.hasFastBfloat16 ? .bfloat16 : .roundedFloat32
        }
    }

    /// Whether a product in bfloat16 is faster than one in float32.
    ///
    /// AMD's `vdpbf16ps` and Intel's AMX are. Intel's `vdpbf16ps` alone is not: measured on Emerald
    /// Rapids it is issued at a fifth of the rate of `vfmadd231ps` and does twice as much, so that
    /// oneDNN's product in bfloat16 takes 1.7 times as long as in float32.
    package static let hasFastBfloat16: Bool = {
        let isa = dnnl_get_effective_cpu_isa().rawValue
        func has(_ wanted: dnnl_cpu_isa_t) -> Bool { isa & wanted.rawValue == wanted.rawValue }
        return has(dnnl_cpu_isa_avx512_core_amx)
            || has(dnnl_cpu_isa_avx512_core_bf16) && stade_is_intel() == 0
    }()
}
