import Documents

/// `Precompiled`: SentencePiece's map of characters, a double array of prefixes and what each
/// becomes.
///
/// Source: the crate `spm_precompiled` and `normalizers/precompiled.rs` of the tokenizers library,
/// which look at graphemes of fewer than six bytes as a whole, and at single characters otherwise.
struct CharsMap: Sendable {
    private let units: [UInt32]
    /// Replacements, each ended by a zero.
    private let texts: [UInt8]

    /// The longest replacement that is read: those of SentencePiece's own maps have 33 bytes.
    private static let longest = 256

    /// - Parameters:
    ///   - bytes: the size of the double array, the array, the replacements.
    ///   - place: for errors.
    init(_ bytes: [UInt8], at place: Field) throws(DocumentError) {
        func word(_ index: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[index + $1]) << UInt32(8 * $1) }
        }
        guard bytes.count >= 4, word(0) % 4 == 0, Int(word(0)) <= bytes.count - 4, word(0) > 0
        else { throw place.error("is no map of characters: its size is wrong") }
        let end = 4 + Int(word(0))
        units = stride(from: 4, to: end, by: 4).map(word)
        texts = Array(bytes[end...])
        guard UTF8.isValid(texts) else {
            throw place.error("is no map of characters: a replacement is not UTF-8")
        }
        var length = 0
        for byte in texts {
            length = byte == 0 ? 0 : length + 1
            if length > Self.longest {
                throw place.error(
                    "has a replacement of more than \(Self.longest) bytes, which is not supported")
            }
        }
    }

    /// `precompiled_charsmap` of a file, in base 64; an empty one changes nothing.
    init?(base64 field: Field) throws(DocumentError) {
        let text = try field.string()
        if text.isEmpty { return nil }
        guard let bytes = Base64.decode(text) else { throw field.error("is not valid base 64") }
        try self.init(bytes, at: field)
    }

    func apply(to text: Span<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        var index = 0
        while index < text.count {
            // To the next place that surely ends a grapheme.
            let start = index
            var last = text.scalar(at: index)
            index += last.length
            while index < text.count {
                let next = text.scalar(at: index)
                if Self.standsAlone(last.value), Self.standsAlone(next.value),
                    !(last.value == 13 && next.value == 10)
                {
                    break
                }
                last = next
                index += next.length
            }
            let part = text.extracting(start..<index)
            if index - start == last.length {
                append(part, to: &result)
            } else {
                appendGraphemes(part, to: &result)
            }
        }
        return result
    }

    /// Whether nothing of the kind is ever one grapheme with what is beside it, CR LF aside.
    private static func standsAlone(_ value: UInt32) -> Bool {
        value < 0x300 || (0x3041...0x3096).contains(value) || (0x30A0...0x30FF).contains(value)
            || (0x3400...0x9FFF).contains(value)
    }

    private func appendGraphemes(_ text: Span<UInt8>, to result: inout [UInt8]) {
        var bytes: [UInt8] = []
        bytes.append(text)
        for character in String(decoding: bytes, as: UTF8.self) {
            let grapheme = Array(character.utf8)
            if grapheme.count < 6, let range = match(grapheme.span) {
                result += texts[range]
                continue
            }
            var index = 0
            while index < grapheme.count {
                let length = grapheme.span.scalar(at: index).length
                append(grapheme.span.extracting(index..<(index + length)), to: &result)
                index += length
            }
        }
    }

    /// Appends what one character becomes.
    private func append(_ character: Span<UInt8>, to result: inout [UInt8]) {
        if let range = match(character) {
            result += texts[range]
        } else {
            result.append(character)
        }
    }

    /// What the shortest prefix of `key` that the map knows becomes.
    private func match(_ key: Span<UInt8>) -> Range<Int>? {
        var place = 0
        func step(_ unit: UInt32) { place ^= Int((unit >> 10) << ((unit & 1 << 9) >> 6)) }
        step(units[0])
        for index in key.indices {
            let byte = UInt32(key[index])
            if byte == 0 { return nil }
            place ^= Int(byte)
            guard place < units.count else { return nil }
            let unit = units[place]
            if unit & (1 << 31 | 0xFF) != byte { return nil }
            step(unit)
            if unit >> 8 & 1 == 1 {
                guard place < units.count else { return nil }
                let start = Int(units[place] & ~(1 << 31))
                guard start <= texts.count else { return nil }
                return start..<(texts[start...].firstIndex(of: 0) ?? texts.count)
            }
        }
        return nil
    }
}

extension UTF8 {
    fileprivate static func isValid(_ bytes: [UInt8]) -> Bool {
        (try? UTF8Span(validating: bytes.span)) != nil
    }
}
