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
    /// Words come as bytes and are spelt in `ByteAlphabet`; otherwise as characters.
    let isByteLevel: Bool
    /// For a byte-level model the token of each byte; otherwise of each ASCII character. -1: none.
    private let initialTokens: [Int32]
    private let unknownToken: Int32?
    private let fusesUnknown: Bool
    /// `<0x00>` to `<0xFF>`, -1 where the vocabulary has none; nil: no `byte_fallback`.
    private let fallbackTokens: [Int32]?

    init(_ field: Field, isByteLevel: Bool) throws(DocumentError) {
        if !field["type"].isNull {
            let type = try field.type()
            if type != "BPE" { throw field.unsupported(type, supported: "BPE") }
        }
        if let dropout = field["dropout"].node, !dropout.isNull, dropout.double != 0 {
            throw field["dropout"].error("only null is supported; dropout makes tokens random")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] where !field[key].isNull {
            if try !field[key].string().isEmpty {
                throw field[key].error("only null and '' are supported")
            }
        }
        ignoresMerges = try field["ignore_merges"].bool(default: false)
        fusesUnknown = try field["fuse_unk"].bool(default: false)
        self.isByteLevel = isByteLevel
        let vocabulary = try Self.vocabulary(field["vocab"])
        self.vocabulary = vocabulary
        tokenCount = vocabulary.count
        var joinsSpaces = false
        (merges, mergedTokens) = try Self.merges(field["merges"], vocabulary, &joinsSpaces)
        neverJoinsSpaces =
            !isByteLevel && !ignoresMerges && !joinsSpaces
            && vocabulary.value(of: Self.space.span) != nil
        initialTokens = (0..<(isByteLevel ? 256 : 128)).map { value in
            let scalar = isByteLevel ? ByteAlphabet.scalars[value] : UInt32(value)
            var symbol: [UInt8] = []
            symbol.append(scalar: scalar)
            return vocabulary.value(of: symbol.span) ?? -1
        }
        if try field["byte_fallback"].bool(default: false) {
            fallbackTokens = (0..<256).map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return vocabulary.value(of: "<0x\(byte < 16 ? "0" : "")\(digits)>") ?? -1
            }
        } else {
            fallbackTokens = nil
        }
        if field["unk_token"].isNull {
            unknownToken = nil
        } else {
            unknownToken = vocabulary.value(of: try field["unk_token"].string())
            if unknownToken == nil, !isByteLevel || initialTokens.contains(-1) {
                throw field["unk_token"].error("model.vocab has no such token")
            }
        }
    }

    private static func vocabulary(_ field: Field) throws(DocumentError) -> ByteTable {
        let members = try field.members()
        var table = ByteTable(capacity: members.count)
        for member in members {
            guard let integer = member.value.integer, let id = Int32(exactly: integer), id >= 0
            else {
                throw Field(file: field.file, path: "\(field.path)[…]", node: member.value)
                    .expected("a token id, from 0 to \(Int32.max),")
            }
            guard table.hasRoom(for: member.key.utf8.count) else {
                throw field.error("the tokens are longer than 4 GiB in all")
            }
            table.set(member.key.utf8Span.span, to: id)
        }
        return table
    }

    /// U+2581
    static let space: [UInt8] = [0xE2, 0x96, 0x81]

    /// `"a b"`, or `["a", "b"]` since tokens may hold spaces; in the order of their ranks.
    private static func merges(
        _ field: Field, _ vocabulary: ByteTable, _ joinsSpaces: inout Bool
    ) throws(DocumentError) -> (MergeTable, [Int32]) {
        guard let nodes = field.node?.array else { throw field.expected("an array") }
        var table = MergeTable(capacity: nodes.count)
        var tokens: [Int32] = []
        tokens.reserveCapacity(nodes.count)
        var joined: [UInt8] = []
        for (index, node) in nodes.enumerated() {
            func error(_ reason: String) -> DocumentError {
                Field(file: field.file, path: "\(field.path)[\(index)]", node: node).error(reason)
            }
            let boundary: Int
            joined.removeAll(keepingCapacity: true)
            if let text = node.string {
                // A header line of merges.txt that some conversions have kept.
                if text.utf8.starts(with: "#version".utf8) { continue }
                joined.append(contentsOf: text.utf8)
                guard let space = joined.firstIndex(of: 0x20),
                    joined[(space + 1)...].firstIndex(of: 0x20) == nil
                else { throw error("two tokens with one space between them are expected") }
                joined.remove(at: space)
                boundary = space
            } else if let pair = node.array, pair.count == 2, let left = pair[0].string,
                let right = pair[1].string
            {
                joined.append(contentsOf: left.utf8)
                boundary = joined.count
                joined.append(contentsOf: right.utf8)
            } else {
                throw error("'a b' or ['a', 'b'] is expected")
            }
            func token(_ range: Range<Int>) throws(DocumentError) -> Int32 {
                guard let token = vocabulary.value(of: joined.span.extracting(range)) else {
                    let name = String(decoding: joined[range], as: UTF8.self)
                    throw error("\(quoted(name)) is not in model.vocab")
                }
                return token
            }
            joinsSpaces =
                joinsSpaces
                || joined[boundary...].starts(with: space) && !joined[..<boundary].ends(with: space)
            let left = try token(0..<boundary)
            let right = try token(boundary..<joined.count)
            let merged = try token(0..<joined.count)
            table.set(left, right, to: .init(rank: UInt32(tokens.count), token: merged))
            tokens.append(merged)
        }
        return (table, tokens)
    }
}

extension BytePairModel {
    /// The token that a whole word is, where the model does not ask for its merges.
    func wholeToken(_ word: Span<UInt8>) -> Int32? {
        guard ignoresMerges else { return nil }
        if !isByteLevel { return vocabulary.value(of: word) }
        var spelt: [UInt8] = []
        spelt.reserveCapacity(word.count * 2)
        for index in word.indices { spelt.append(scalar: ByteAlphabet.scalars[Int(word[index])]) }
        return vocabulary.value(of: spelt.span)
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

extension ArraySlice<UInt8> {
    fileprivate func ends(with bytes: [UInt8]) -> Bool { suffix(bytes.count).elementsEqual(bytes) }
}
