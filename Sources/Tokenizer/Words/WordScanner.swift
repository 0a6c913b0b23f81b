/// Splits text into words as one of the two families of patterns does that nearly all byte-level
/// tokenizers use. Both cover every text: each word begins where the last one ended.
///
/// Written out by hand because a regular expression engine needs about ten times as long; any other
/// pattern goes to `RegularExpression`.
struct WordScanner: Sendable, Hashable {
    enum Family: Sendable, Hashable {
        /// `encoder.py` of GPT-2, and what `ByteLevel` does of itself.
        case gpt2
        /// `cl100k_base` of tiktoken, with numbers of at most so many digits: 3 in Llama 3, 1 in
        /// Qwen 2.
        case cl100k(digits: Int)
        /// The same with marks among the letters, in Qwen 3.5.
        case marked
        /// `o200k_base`, where a word ends before a capital letter that follows a small one;
        /// without contractions in Mistral's Tekken.
        case o200k(digits: Int, contractions: Bool)
    }

    let family: Family
    let classes = ScalarClasses.shared

    init(_ family: Family) { self.family = family }

    static let gpt2Pattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// The scanner for a pattern that is one of those known by their exact text.
    init?(pattern: String) {
        func cl100k(_ number: String) -> String {
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + number
                + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        }
        switch pattern {
        case Self.gpt2Pattern: self.init(.gpt2)
        case cl100k(#"\p{N}{1,3}"#): self.init(.cl100k(digits: 3))
        case cl100k(#"\p{N}"#): self.init(.cl100k(digits: 1))
        case Self.markedPattern: self.init(.marked)
        case Self.o200kPattern: self.init(.o200k(digits: 3, contractions: true))
        case Self.tekkenPattern: self.init(.o200k(digits: 1, contractions: false))
        default: return nil
        }
    }

    static let markedPattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"#
        + #" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let cased = (
        first: #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"#,
        second: #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"#,
        rest: #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    )
    static let o200kPattern =
        cased.first + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"# + cased.second
        + #"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"# + cased.rest
    static let tekkenPattern = cased.first + "|" + cased.second + #"|\p{N}"# + cased.rest

    static func == (left: Self, right: Self) -> Bool { left.family == right.family }
    func hash(into hasher: inout Hasher) { hasher.combine(family) }

    /// Where the word ends that begins at `start`, which must be before the end of `text`.
    @inline(__always)
    func end(in text: Span<UInt8>, from start: Int) -> Int {
        switch family {
        case .gpt2: gpt2End(in: text, from: start)
        case .cl100k(let digits): cl100kEnd(in: text, from: start, digits: digits)
        case .marked: markedEnd(in: text, from: start)
        case .o200k(let digits, let contractions):
            casedEnd(in: text, from: start, digits: digits, contractions: contractions)
        }
    }

    private func gpt2End(in text: Span<UInt8>, from start: Int) -> Int {
        let count = text.count
        if text[start] == UInt8(ascii: "'"),
            let end = Self.contractionEnd(in: text, from: start, foldsCase: false)
        {
            return end
        }
        var first = text.scalar(at: start)
        var index = start + first.length
        var kind = kind(first.value)
        if first.value == 0x20, index < count {
            // " ?": the space belongs to what follows, unless that is white space too.
            first = text.scalar(at: index)
            kind = self.kind(first.value)
            if kind != ScalarClasses.space { index += first.length }
        }
        if kind == ScalarClasses.space { return whiteSpaceEnd(in: text, from: start).end }
        return runEnd(in: text, from: index, of: kind)
    }

    private func cl100kEnd(in text: Span<UInt8>, from start: Int, digits: Int) -> Int {
        let count = text.count
        if text[start] == UInt8(ascii: "'"),
            let end = Self.contractionEnd(in: text, from: start, foldsCase: true)
        {
            return end
        }
        let first = text.scalar(at: start)
        let firstClass = classes.of(first.value)
        let firstKind = firstClass & Self.kinds
        var index = start + first.length
        if firstKind == ScalarClasses.letter {
            return runEnd(in: text, from: index, of: ScalarClasses.letter)
        }
        if firstKind == ScalarClasses.number {
            var left = digits - 1
            while left > 0, index < count {
                let next = text.scalar(at: index)
                if kind(next.value) != ScalarClasses.number { break }
                index += next.length
                left -= 1
            }
            return index
        }
        if index < count {
            let next = text.scalar(at: index)
            let nextKind = kind(next.value)
            // [^\r\n\p{L}\p{N}]?\p{L}+
            if nextKind == ScalarClasses.letter, firstClass & ScalarClasses.newline == 0 {
                return runEnd(in: text, from: index + next.length, of: ScalarClasses.letter)
            }
            if first.value == 0x20, nextKind == 0 {
                return symbolsEnd(in: text, from: index + next.length)
            }
        }
        if firstKind == 0 { return symbolsEnd(in: text, from: index) }
        let space = whiteSpaceEnd(in: text, from: start)
        // \s*[\r\n]+ comes before \s+(?!\S) and ends after the last line break of the run.
        return space.newlineEnd ?? space.end
    }

    private static let kinds =
        ScalarClasses.letter | ScalarClasses.number | ScalarClasses.space

    /// `letter`, `number`, `space`, or 0 for everything else.
    @inline(__always)
    func kind(_ scalar: UInt32) -> UInt16 { classes.of(scalar) & Self.kinds }

    @inline(__always)
    private func runEnd(in text: Span<UInt8>, from start: Int, of wanted: UInt16) -> Int {
        var index = start
        while index < text.count {
            let next = text.scalar(at: index)
            if kind(next.value) != wanted { break }
            index += next.length
        }
        return index
    }

    /// `[^\s\p{L}\p{N}]*[\r\n]*`
    private func symbolsEnd(in text: Span<UInt8>, from start: Int) -> Int {
        var index = runEnd(in: text, from: start, of: 0)
        while index < text.count, text[index] == 10 || text[index] == 13 { index += 1 }
        return index
    }

    /// `\s+(?!\S)|\s+`: a run of white space, without its last scalar if something follows and if
    /// it has more than one. Also where its last line break ends.
    func whiteSpaceEnd(
        in text: Span<UInt8>, from start: Int
    ) -> (end: Int, newlineEnd: Int?) {
        var index = start
        var last = start
        var newlineEnd: Int?
        while index < text.count {
            let next = text.scalar(at: index)
            let nextClass = classes.of(next.value)
            if nextClass & ScalarClasses.space == 0 { break }
            last = index
            index += next.length
            if nextClass & ScalarClasses.newline != 0 { newlineEnd = index }
        }
        return (index < text.count && last > start ? last : index, newlineEnd)
    }

    /// `'s|'t|'re|'ve|'m|'ll|'d`, with `(?i:)` where case does not count.
    static func contractionEnd(
        in text: Span<UInt8>, from start: Int, foldsCase: Bool
    ) -> Int? {
        func letter(_ index: Int) -> UInt8 {
            guard index < text.count else { return 0 }
            let byte = text[index]
            return foldsCase && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
        }
        let next = letter(start + 1)
        switch next {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
            return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return letter(start + 2) == UInt8(ascii: "e") ? start + 3 : nil
        case UInt8(ascii: "l"):
            return letter(start + 2) == UInt8(ascii: "l") ? start + 3 : nil
        case 0xC5 where foldsCase:
            // U+017F, the long s, folds to s.
            return letter(start + 2) == 0xBF ? start + 3 : nil
        default:
            return nil
        }
    }
}
