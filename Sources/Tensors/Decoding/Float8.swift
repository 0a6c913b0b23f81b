/// Eight-bit floats of weights.
///
/// Source: "FP8 Formats for Deep Learning" (Micikevicius et al., 2022), and PyTorch's
/// `float8_e4m3fn` and `float8_e5m2`.
package enum Float8 {
    /// The value of each bit pattern: `F8_E4M3`, which has no infinity, or `F8_E5M2`.
    package static func table(_ type: ElementType) -> [Float] {
        type == .float8E4M3 ? e4m3 : e5m2
    }

    private static let e4m3 = (0..<256).map { byte -> Float in
        let (exponent, mantissa) = (byte >> 3 & 15, byte & 7)
        if exponent == 15, mantissa == 7 { return .nan }
        return value(byte, exponent, Float(mantissa) / 8, bias: 7)
    }

    private static let e5m2 = (0..<256).map { byte -> Float in
        let (exponent, mantissa) = (byte >> 2 & 31, byte & 3)
        if exponent == 31 {
            return mantissa != 0 ? .nan : byte < 128 ? .infinity : -.infinity
        }
        return value(byte, exponent, Float(mantissa) / 4, bias: 15)
    }

    private static func value(
        _ byte: Int, _ exponent: Int, _ fraction: Float, bias: Int
    ) -> Float {
        let size = Float(
            sign: .plus, exponent: max(exponent, 1) - bias,
            significand: exponent == 0 ? fraction : 1 + fraction)
        return byte < 128 ? size : -size
    }

    /// Writes `bytes.count` bfloat16: each value times `scale`, in float32, then rounded to the
    /// nearest, ties to even.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer, _ table: [Float], scale: Float,
        into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(table.count == 256 && target.count == 2 * bytes.count, "sizes differ")
        guard let start = bytes.baseAddress, let end = target.baseAddress else { return }
        table.withUnsafeBufferPointer { table in
            for index in 0..<bytes.count {
                let value = table[Int(start.load(fromByteOffset: index, as: UInt8.self))] * scale
                end.storeBytes(
                    of: value.isNaN ? 0x7FC0 : bfloat16Bits(value), toByteOffset: 2 * index,
                    as: UInt16.self)
            }
        }
    }
}
