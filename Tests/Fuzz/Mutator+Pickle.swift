import TestSupport

/// Pickles, opcode by opcode.
extension Mutator {
    mutating func pickle(_ bytes: [UInt8], _ seeds: [[UInt8]]) -> [UInt8] {
        var bytes = bytes
        // Mostly before the last opcode, which ends it.
        let place = below(below(8) == 0 ? bytes.count + 1 : max(1, bytes.count))
        switch below(10) {
        case 0, 1: bytes.insert(contentsOf: opcode(), at: place)
        case 2:
            for _ in 0...below(20) {
                bytes.insert(contentsOf: opcode(), at: min(place, bytes.count))
            }
        case 3: bytes.removeSubrange(range(bytes.count, limit: 40))
        case 4: if place < bytes.count { bytes[place] = any(Self.opcodes) }
        case 5:
            let part = bytes[range(bytes.count, limit: 60)]
            let count = below(4) == 0 ? 100_000 / (part.count + 1) : 1 + below(50)
            bytes.insert(
                contentsOf: [ArraySlice<UInt8>](repeating: part, count: count).joined(), at: place)
        case 6:
            let other = any(seeds)
            bytes.insert(contentsOf: other[range(other.count, limit: 120)], at: place)
        case 7:
            bytes.insert(
                contentsOf: [UInt8](repeating: any(Self.opcodes), count: 1 << below(20)), at: place)
        case 8: bytes.replaceSubrange(range(bytes.count, limit: 20), with: opcode())
        default:
            let value = any(Self.integers)
            for index in 0..<min(1 << below(4), bytes.count - place) {
                bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
            }
        }
        return bytes
    }

    private static let integers = [
        0, 1, -1, 2, 0x7f, 0x80, 0xff, 0xffff, 1 << 31, 1 << 40, .max, .min,
    ]

    /// All that Python knows.
    private static let opcodes =
        Array("(.012FNIJKMLPQRSTUVX]abcdeghijlopqrstu}".utf8)
        + Array(0x80...0x98)

    private static let globals = [
        ("os", "system"), ("builtins", "eval"), ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor_v3"),
        ("torch._utils", "_rebuild_parameter"), ("torch", "FloatStorage"), ("torch", "float16"),
        ("torch.storage", "UntypedStorage"), ("torch", "QInt8Storage"), ("", ""),
    ]

    /// One opcode with what belongs behind it, or with something else there.
    private mutating func opcode() -> [UInt8] {
        switch below(9) {
        case 0: return [any(Self.opcodes)]
        case 1: return [any([0x68, 0x71]), UInt8(below(256))]
        case 2:
            return [any([0x6A, 0x72])]
                + TestSupport.bytes(UInt32(truncatingIfNeeded: any(Self.integers)))
        case 3: return PickleText.integer(any(Self.integers))
        case 4: return [0x8A, UInt8(below(256))] + [UInt8](repeating: 0xff, count: below(12))
        case 5:
            let (module, name) = any(Self.globals)
            return PickleText.global(module, name)
        case 6:
            return [0x58] + TestSupport.bytes(UInt32(truncatingIfNeeded: any(Self.integers))) + [
                0x61
            ]
        case 7: return PickleText.text(any(["w", "storage", "0", "cpu", "../0", "\u{0}"]))
        default:
            return PickleText.tensor(
                [any(Self.integers), any(Self.integers)], [any(Self.integers), any(Self.integers)],
                offset: any(Self.integers))
        }
    }
}
