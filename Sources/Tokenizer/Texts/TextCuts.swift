/// Where a text may be cut so that its parts have the same tokens one after the other as the whole.
///
/// That is so between a letter or a number and white space, where all steps of a tokenizer are of
/// kinds that end a word there, whatever stands around it, and no added token reaches over it.
struct TextCuts: Sendable, Hashable {
    /// Before a space alone, or before any white space of ASCII.
    private let spacesOnly: Bool

    /// nil where the tokenizer does not tell.
    init?(
        _ normalizer: Normalizer, _ preTokenizer: PreTokenizer, _ addedTokens: AddedTokens,
        _ postProcessor: PostProcessor
    ) {
        // A template may have the text twice, or not at all.
        let texts = postProcessor.pieces.count { if case .text = $0 { true } else { false } }
        guard texts == 1, addedTokens.allow(cutsBefore: Self.spaces) else { return nil }
        var (hasWords, hasRuns, hasPrefix, hasDigits) = (false, false, false, false)
        var metaspace: Metaspace?
        for step in preTokenizer.steps {
            switch step {
            case .words: hasWords = true
            case .digits: hasDigits = true
            case .prefixSpace: hasPrefix = true
            case .spaceRuns: hasRuns = true
            case .metaspace(let step):
                if metaspace != nil { return nil }
                metaspace = step
            // A pattern may look anywhere.
            case .split, .wordRuns, .scripts, .lengths, .bytes, .characterPairs: return nil
            }
        }
        switch normalizer.effectOnCuts {
        case .unknown: return nil
        case .spacesReplaced:
            guard hasRuns, metaspace == nil, !hasWords, !hasDigits, !hasPrefix else { return nil }
            spacesOnly = true
        case .none:
            if let metaspace {
                guard !hasWords, !hasDigits, !hasPrefix else { return nil }
                guard
                    metaspace.split != nil
                        || hasRuns && metaspace.replacement == BytePairModel.space
                else { return nil }
                spacesOnly = true
            } else {
                guard hasWords, !hasRuns else { return nil }
                spacesOnly = hasPrefix
            }
        }
    }

    /// ASCII's white space, and SentencePiece's.
    private static let spaces: Set<UInt32> = [0x20, 9, 10, 11, 12, 13, 0x2581]

    /// The last place to cut in `from..<to`; where there is none, or `to` is beyond the text, the
    /// text's end. With `orEnd` false it is 0 then, and the text's end is no place.
    func last(in text: Span<UInt8>, from start: Int, to end: Int, orEnd: Bool = true) -> Int {
        if orEnd, end >= text.count { return text.count }
        var index = min(end, text.count) - 1
        while index > start {
            if isCut(text, index) { return index }
            index -= 1
        }
        if !orEnd { return 0 }
        // None within the piece: the first one behind it.
        index = end
        while index < text.count, !isCut(text, index) { index += 1 }
        return index
    }

    private func isCut(_ text: Span<UInt8>, _ index: Int) -> Bool {
        let byte = text[index]
        guard byte == 0x20 || !spacesOnly && (byte == 10 || byte == 9) else { return false }
        var first = index - 1
        if text[first] < 0x80 {
            switch text[first] | 0x20 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): return text[first] >= 0x41
            case UInt8(ascii: "0")...UInt8(ascii: "9"): return text[first] >= 0x30
            default: return false
            }
        }
        // Whether it is UTF-8 is not known yet.
        while first > 0, index - first < 4, text[first] & 0xC0 == 0x80 { first -= 1 }
        let bytes = (first..<index).map { text[$0] }
        guard let word = String(validating: bytes, as: UTF8.self),
            let scalar = word.unicodeScalars.first, word.unicodeScalars.count == 1
        else { return false }
        let kinds = ScalarClasses.letter | ScalarClasses.number
        return ScalarClasses.shared.of(scalar.value) & kinds != 0
    }
}

extension AddedTokens {
    /// Whether no token can reach over a place between a letter or number and white space, nor be
    /// another one for being first or last there.
    fileprivate func allow(cutsBefore spaces: Set<UInt32>) -> Bool {
        func isWord(_ scalar: Unicode.Scalar) -> Bool {
            let kinds = ScalarClasses.letter | ScalarClasses.number
            return ScalarClasses.shared.of(scalar.value) & kinds != 0
        }
        return contents.allSatisfy { content, isSingleWord in
            let scalars = Array(String(decoding: content, as: UTF8.self).unicodeScalars)
            guard let first = scalars.first, let last = scalars.last, !isWord(last) else {
                return false
            }
            if isSingleWord, spaces.contains(first.value) { return false }
            return !zip(scalars, scalars.dropFirst()).contains {
                isWord($0) && spaces.contains($1.value)
            }
        }
    }
}

extension Normalizer {
    enum EffectOnCuts {
        /// Spaces stay, and what is before and after a space is normalised by itself.
        case none
        /// Each space becomes SentencePiece's.
        case spacesReplaced
        case unknown
    }
}
