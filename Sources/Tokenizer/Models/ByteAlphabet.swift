/// The visible character that stands for each byte in the vocabulary of a byte-level encoding.
///
/// Source: `bytes_to_unicode` in GPT-2's `encoder.py`.
enum ByteAlphabet {
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).map { byte in
            if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE {
                return byte
            }
            defer { next += 1 }
            return next
        }
    }()

    /// Each character in UTF-8; the second byte is 0 where there is only one.
    private static let spellings: [(UInt8, UInt8)] = scalars.map { scalar in
        scalar < 0x80
            ? (UInt8(scalar), 0) : (UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F))
    }

    /// `text` with each byte as the character that stands for it, in UTF-8.
    static func spelt(_ text: Span<UInt8>) -> [UInt8] {
        let spellings = spellings
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        for index in text.indices {
            let spelling = spellings[Int(text[index])]
            result.append(spelling.0)
            if spelling.1 != 0 { result.append(spelling.1) }
        }
        return result
    }
}
