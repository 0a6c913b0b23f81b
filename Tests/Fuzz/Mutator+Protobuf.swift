import TestSupport

/// Messages of Protocol Buffers, as `tokenizer.model` is one: fields and the fields in them.
extension Mutator {
    private struct Field {
        var tag: UInt64
        /// With its length, where it has one.
        var value: [UInt8]
        var hasLength: Bool

        var bytes: [UInt8] {
            varint(tag) + (hasLength ? varint(UInt64(value.count)) : []) + value
        }
    }

    /// nil where they are none.
    private static func fields(_ bytes: [UInt8]) -> [Field]? {
        var fields: [Field] = []
        var place = 0
        func number() -> UInt64? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while place < bytes.count, shift < 64 {
                let byte = bytes[place]
                place += 1
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        while place < bytes.count {
            guard let tag = number() else { return nil }
            let start = place
            let count: Int
            switch tag & 7 {
            case 0:
                guard number() != nil else { return nil }
                count = place - start
                place = start
            case 1: count = 8
            case 2:
                guard let length = number(), length <= UInt64(bytes.count - place) else {
                    return nil
                }
                count = Int(length)
            case 5: count = 4
            default: return nil
            }
            guard count <= bytes.count - place else { return nil }
            fields.append(
                Field(
                    tag: tag, value: Array(bytes[place..<(place + count)]),
                    hasLength: tag & 7 == 2))
            place += count
        }
        return fields
    }

    mutating func protobuf(_ bytes: [UInt8], _ seeds: [[UInt8]]) -> [UInt8] {
        guard var fields = Self.fields(bytes), !fields.isEmpty else { return binary(bytes, seeds) }
        let place = below(fields.count)
        switch below(9) {
        case 0: fields.remove(at: place)
        case 1: fields.swapAt(place, below(fields.count))
        case 2:
            let count = below(3) == 0 ? 30_000 : below(60)
            fields.insert(
                contentsOf: [Field](repeating: fields[place], count: count), at: below(fields.count)
            )
        case 3: fields.removeLast(below(fields.count))
        case 4:
            if let other = Self.fields(any(seeds)), !other.isEmpty {
                // The last ones say how the model was made.
                fields.append(below(2) == 0 ? other[other.count - 1] : any(other))
            }
        case 5: fields.insert(piece(), at: place)
        case 6:
            fields[place].value = binary(fields[place].value, seeds.map { Array($0.prefix(64)) })
        default:
            let chosen = below(3) == 0 ? fields.count - 1 : place
            fields[chosen].value = inner(fields[chosen].value, seeds)
        }
        return Array(fields.map(\.bytes).joined())
    }

    /// One field of a message in a message.
    private mutating func inner(_ bytes: [UInt8], _ seeds: [[UInt8]]) -> [UInt8] {
        guard var fields = Self.fields(bytes), !fields.isEmpty else {
            return binary(bytes, seeds.map { Array($0.prefix(64)) })
        }
        let place = below(fields.count)
        switch fields[place].tag & 7 {
        case 0: fields[place].value = varint(any([0, 1, 2, 3, 4, 5, 6, 7, 0xffff_ffff, .max]))
        case 2: fields[place].value = Array(any(Self.texts).utf8)
        case 5: fields[place].value = TestSupport.bytes(any(Self.scores).bitPattern)
        default: fields.remove(at: place)
        }
        return Array(fields.map(\.bytes).joined())
    }

    private static let scores: [Float] = [
        0, -0, 1, -1, .infinity, -.infinity, .nan, 3e38, -3e38, .leastNonzeroMagnitude, -1e9,
    ]

    private static let texts = [
        "", "▁", "a", "ab", "<unk>", "<s>", "<0x00>", "<0xFF>", "<0xfg>", "\u{0}",
        "\u{301}", "🦊",
        String(repeating: "a", count: 512), String(repeating: "▁", count: 2000),
        String(repeating: "ab", count: 3000),
    ]

    private mutating func piece() -> Field {
        let text = Array(any(Self.texts).utf8)
        return Field(
            tag: 0x0a,
            value: [0x0a] + varint(UInt64(text.count)) + text + [0x15]
                + TestSupport.bytes(any(Self.scores).bitPattern) + [0x18, UInt8(below(8))],
            hasLength: true)
    }
}

private func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
}
