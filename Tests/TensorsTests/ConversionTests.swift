import TestSupport
import Testing

@testable import Tensors

struct ConversionTests {
    private func decoded(_ patterns: [UInt16], _ type: ElementType) -> [Float] {
        // One byte in, for safetensors does not align its data.
        var bytes: [UInt8] = [0]
        for pattern in patterns { bytes += [UInt8(pattern & 0xff), UInt8(pattern >> 8)] }
        return [Float](unsafeUninitializedCapacity: patterns.count) { target, count in
            bytes.withUnsafeBytes {
                decode(
                    UnsafeRawBufferPointer(rebasing: $0[1...]), type, into: target.baseAddress!,
                    count: patterns.count)
            }
            count = patterns.count
        }
    }

    private func encoded(_ values: [Float], _ type: ElementType) -> [UInt16] {
        var bytes = [UInt8](repeating: 0, count: 2 * values.count + 1)
        bytes.withUnsafeMutableBytes {
            encode(
                values, count: values.count, type,
                into: UnsafeMutableRawBufferPointer(rebasing: $0[1...]))
        }
        return values.indices.map { UInt16(bytes[2 * $0 + 1]) | UInt16(bytes[2 * $0 + 2]) << 8 }
    }

    private func rounded(_ values: [Float], _ type: ElementType) -> [Float] {
        var values = values
        values.withUnsafeMutableBufferPointer {
            round($0.baseAddress!, count: $0.count, to: type)
        }
        return values
    }

    private static let patterns = (0...UInt16.max).map { $0 }

    @Test func bfloat16_everyPattern() {
        let values = decoded(Self.patterns, .bfloat16)
        for (pattern, value) in zip(Self.patterns, values)
        where value.bitPattern != UInt32(pattern) << 16 {
            Issue.record("\(pattern) became \(value)")
        }
        let numbers = Self.patterns.filter { !values[Int($0)].isNaN }
        #expect(encoded(numbers.map { values[Int($0)] }, .bfloat16) == numbers)
        #expect(numbers.count == 65536 - 2 * 127)
    }

    @Test func float16_everyPattern() {
        let values = decoded(Self.patterns, .float16)
        for (pattern, value) in zip(Self.patterns, values) {
            let exact = Float(Float16(bitPattern: pattern))
            if value.bitPattern != exact.bitPattern && !(value.isNaN && exact.isNaN) {
                Issue.record("\(pattern) became \(value)")
            }
        }
        let numbers = Self.patterns.filter { values[Int($0)].isFinite }
        #expect(encoded(numbers.map { values[Int($0)] }, .float16) == numbers)
        #expect(
            encoded([.infinity, -.infinity, 1e9, 65519, -65535], .float16)
                == [0x7bff, 0xfbff, 0x7bff, 0x7bff, 0xfbff])
    }

    /// The nearest of all values of the type; of two as near the one whose last bit is 0.
    @Test(arguments: [ElementType.bfloat16, .float16])
    func encode_roundsToNearestEven(_ type: ElementType) {
        var random = Seeded(5)
        var values = (0..<3000).map { _ in
            random.float(in: -3...3)
                * Float(
                    sign: .plus, exponent: Int.random(in: -20...13, using: &random), significand: 1)
        }
        // Just between two neighbours.
        for pattern in stride(from: UInt16(0x3000), to: 0x5000, by: 7) {
            let pair = decoded([pattern, pattern + 1], type)
            values.append((pair[0] + pair[1]) / 2)
        }
        let bits = encoded(values, type)
        let found = decoded(bits, type)
        let below = decoded(bits.map { $0 &- 1 }, type)
        let above = decoded(bits.map { $0 &+ 1 }, type)
        for i in values.indices {
            let error = abs(Double(found[i]) - Double(values[i]))
            for neighbour in [below[i], above[i]] where neighbour.isFinite {
                let other = abs(Double(neighbour) - Double(values[i]))
                #expect(error < other || (error == other && bits[i] & 1 == 0), "\(values[i])")
            }
        }
        #expect(rounded(values, type) == found)
    }

    @Test func float32_isCopied() {
        var random = Seeded(6)
        let values = random.floats(100, in: -1e30...1e30)
        var bytes = [UInt8](repeating: 0, count: 400)
        bytes.withUnsafeMutableBytes { encode(values, count: 100, .float32, into: $0) }
        var back = [Float](repeating: 0, count: 100)
        bytes.withUnsafeBytes { decode($0, .float32, into: &back, count: 100) }
        #expect(back == values)
        #expect(rounded(values, .float32) == values)
    }

    @Test func sizes_areThoseOfTheFormat() {
        let sizes: [String: Int] = [
            "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
            "F8_E5M2FNUZ": 1, "F8_E4M3FNUZ": 1, "F4": 1, "F6_E2M3": 1, "F6_E3M2": 1, "I16": 2,
            "U16": 2, "F16": 2,
            "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8, "C64": 8,
        ]
        #expect(Set(ElementType.allCases.map(\.rawValue)) == Set(sizes.keys))
        for type in ElementType.allCases { #expect(type.size == sizes[type.rawValue]) }
        let parts = ["F4": 4, "F6_E2M3": 6, "F6_E3M2": 6]
        for type in ElementType.allCases {
            #expect(type.bits == parts[type.rawValue] ?? 8 * type.size)
        }
        #expect(ElementType.allCases.filter(\.isWeight) == [.float16, .bfloat16, .float32])
    }
}
