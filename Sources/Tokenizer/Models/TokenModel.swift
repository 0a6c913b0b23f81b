import Documents

/// `model`: how a word becomes tokens.
enum TokenModel: Sendable {
    case bytePair(BytePairModel)
    case unigram(UnigramModel)
    case wordPiece(WordPieceModel)
    case wordLevel(WordLevelModel)

    /// The longest token that is looked for in a text, in bytes. Looking for tokens takes time in
    /// proportion to it; in real vocabularies the longest have some hundred.
    static let longestToken = 4096

    /// - Parameter isByteLevel: words come as bytes, for a byte-pair encoding alone.
    init(_ field: Field, isByteLevel: Bool) throws(DocumentError) {
        switch try Self.type(field) {
        case "BPE": self = .bytePair(try BytePairModel(field, isByteLevel: isByteLevel))
        case "Unigram": self = .unigram(try UnigramModel(field))
        case "WordPiece": self = .wordPiece(try WordPieceModel(field))
        case "WordLevel": self = .wordLevel(try WordLevelModel(field))
        case let type:
            throw field.unsupported(type, supported: "BPE, Unigram, WordLevel and WordPiece")
        }
    }

    /// Older files have none; the library then tries one after the other.
    static func type(_ field: Field) throws(DocumentError) -> String {
        if !field["type"].isNull { return try field.type() }
        if field["merges"].node != nil { return "BPE" }
        if field["continuing_subword_prefix"].node != nil { return "WordPiece" }
        return field["vocab"].node?.array == nil ? "WordLevel" : "Unigram"
    }

    /// Tokens as the file writes them, with their ids.
    var vocabulary: ByteTable {
        switch self {
        case .bytePair(let model): model.vocabulary
        case .unigram(let model): model.vocabulary
        case .wordPiece(let model): model.vocabulary
        case .wordLevel(let model): model.vocabulary
        }
    }

    var tokenCount: Int {
        switch self {
        case .bytePair(let model): model.tokenCount
        case .unigram(let model): model.tokenCount
        case .wordPiece(let model): model.vocabulary.count
        case .wordLevel(let model): model.vocabulary.count
        }
    }

    /// `vocab` as an object: tokens and their ids.
    static func vocabulary(_ field: Field) throws(DocumentError) -> ByteTable {
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

    /// `<0x00>` to `<0xFF>`, -1 where the vocabulary has none.
    static func byteTokens(_ vocabulary: ByteTable) -> [Int32] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return vocabulary.value(of: "<0x\(byte < 16 ? "0" : "")\(digits)>") ?? -1
        }
    }
}
