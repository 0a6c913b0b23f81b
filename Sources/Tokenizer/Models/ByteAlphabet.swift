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

    /// `text` with each byte as the character that stands for it, in UTF-8.
    static func spelt(_ text: Span<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        for index in text.indices { result.append(scalar: scalars[Int(text[index])]) }
        return result
    }
}
