import Documents

/// `model` of the type `BPE`: byte-pair encoding with a vocabulary and ranked merges.
struct BytePairModel: Sendable {
    /// Tokens as they are written in the file, by their bytes.
    let vocabulary: ByteTable
    let tokenCount: Int
    let merges: MergeTable
    /// The token of each rank's merge.
    let mergedTokens: [Int32]
    /// A word that is a token is that token, whatever the merges.
    let ignoresMerges: Bool
    /// No merge joins something that ends in another character to something that begins with
    /// SentencePiece's space, so that words can be cut there.
    let neverJoinsSpaces: Bool
    /// Where words may be cut between characters; nil: not so.
    private let pairs: PairSet?
    /// Words come as bytes and are spelt in `ByteAlphabet`; otherwise as characters.
    let isByteLevel: Bool
    /// For a byte-level model the token of each byte; otherwise of each ASCII character. -1: none.
    private let initialTokens: [Int32]
    private let unknownToken: Int32?
    private let fusesUnknown: Bool
    /// `<0x00>` to `<0xFF>`, -1 where the vocabulary has none; nil: no `byte_fallback`.
    private let fallbackTokens: [Int32]?

    struct Options {
        var ignoresMerges = false
        var fusesUnknown = false
        var isByteLevel = false
        /// Characters that are no token become a token for each byte.
        var fallsBackToBytes = false
        var unknownToken: Int32?
    }

    init(_ vocabulary: ByteTable, _ merges: RankedMerges, _ options: Options) {
        self.vocabulary = vocabulary
        self.merges = merges.table
        mergedTokens = merges.tokens
        tokenCount = vocabulary.count
        ignoresMerges = options.ignoresMerges
        fusesUnknown = options.fusesUnknown
        let isByteLevel = options.isByteLevel
        self.isByteLevel = isByteLevel
        unknownToken = options.unknownToken
        neverJoinsSpaces =
            !isByteLevel && !ignoresMerges && !merges.joinsSpaces
            && vocabulary.value(of: Self.space.span) != nil
        pairs = isByteLevel || ignoresMerges || merges.hasEmptyPart ? nil : merges.pairs
        initialTokens = (0..<(isByteLevel ? 256 : 128)).map { value in
            let scalar = isByteLevel ? ByteAlphabet.scalars[value] : UInt32(value)
            var symbol: [UInt8] = []
            symbol.append(scalar: scalar)
            return vocabulary.value(of: symbol.span) ?? -1
        }
        fallbackTokens = options.fallsBackToBytes ? TokenModel.byteTokens(vocabulary) : nil
    }

    /// As `tokenizer.json` has it.
    init(_ field: Field, isByteLevel: Bool) throws(DocumentError) {
        if let dropout = field["dropout"].node, !dropout.isNull, dropout.double != 0 {
            throw field["dropout"].error("only null is supported; dropout makes tokens random")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] where !field[key].isNull {
            if try !field[key].string().isEmpty {
                throw field[key].error("only null and '' are supported")
            }
        }
        let vocabulary = try TokenModel.vocabulary(field["vocab"])
        var options = Options(isByteLevel: isByteLevel)
        options.ignoresMerges = try field["ignore_merges"].bool(default: false)
        options.fusesUnknown = try field["fuse_unk"].bool(default: false)
        options.fallsBackToBytes = try field["byte_fallback"].bool(default: false)
        if !field["unk_token"].isNull {
            options.unknownToken = vocabulary.value(of: try field["unk_token"].string())
        }
        self.init(vocabulary, try RankedMerges(field["merges"], vocabulary), options)
        if !field["unk_token"].isNull, unknownToken == nil,
            !isByteLevel || initialTokens.contains(-1)
        {
            throw field["unk_token"].error("model.vocab has no such token")
        }
    }

    /// U+2581
    static let space: [UInt8] = [0xE2, 0x96, 0x81]
}

extension BytePairModel {
    var cutsBetweenCharacters: Bool { pairs != nil }

    /// Whether two characters of `text`, one after the other, are tokens that nothing ever joins.
    @inline(__always)
    func separates(_ text: Span<UInt8>, _ first: Range<Int>, _ second: Range<Int>) -> Bool {
        guard let pairs else { return false }
        let (left, right) = (text.scalar(at: first.lowerBound), text.scalar(at: second.lowerBound))
        if pairs.contains(left.value, right.value) { return false }
        return isToken(text, first, left.value) && isToken(text, second, right.value)
    }

    @inline(__always)
    private func isToken(_ text: Span<UInt8>, _ range: Range<Int>, _ value: UInt32) -> Bool {
        value < 128
            ? initialTokens[Int(value)] >= 0
            : vocabulary.value(of: text.extracting(range)) != nil
    }

    /// The token that a whole word is, where the model does not ask for its merges.
    func wholeToken(_ word: Span<UInt8>) -> Int32? {
        guard ignoresMerges else { return nil }
        if !isByteLevel { return vocabulary.value(of: word) }
        return vocabulary.value(of: ByteAlphabet.spelt(word).span)
    }

    /// Appends the tokens of the single characters of a word, before any merge.
    func appendInitial(_ word: Span<UInt8>, to tokens: inout [Int32]) {
        var pending: Int32?
        var index = 0
        while index < word.count {
            let start = index
            let token: Int32
            if isByteLevel {
                token = initialTokens[Int(word[index])]
                index += 1
            } else {
                let scalar = word.scalar(at: index)
                index += scalar.length
                token =
                    scalar.value < 128
                    ? initialTokens[Int(scalar.value)]
                    : vocabulary.value(of: word.extracting(start..<index)) ?? -1
            }
            if token >= 0 {
                if let unknown = pending.take() { tokens.append(unknown) }
                tokens.append(token)
            } else if !appendFallback(word.extracting(start..<index), to: &tokens),
                let unknownToken
            {
                // As in the library, bytes that fall back overtake an unknown before them.
                if let unknown = pending, !fusesUnknown { tokens.append(unknown) }
                pending = unknownToken
            }
        }
        if let unknown = pending { tokens.append(unknown) }
    }

    /// `byte_fallback` for one character: a token for each byte, where the vocabulary has them all.
    private func appendFallback(_ character: Span<UInt8>, to tokens: inout [Int32]) -> Bool {
        guard let fallbackTokens else { return false }
        var bytes: [UInt8] = []
        if isByteLevel {
            bytes.append(scalar: ByteAlphabet.scalars[Int(character[0])])
        } else {
            bytes.append(character)
        }
        let fallback = bytes.map { fallbackTokens[Int($0)] }
        if fallback.contains(-1) { return false }
        tokens += fallback
        return true
    }
}
