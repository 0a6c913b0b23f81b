import Documents

/// `model` of the type `WordPiece`: from the left always the longest token that fits; those within
/// a word are written with a prefix.
///
/// Source: `models/wordpiece/mod.rs` of the tokenizers library.
struct WordPieceModel: Sendable {
    let vocabulary: ByteTable
    /// Tokens that a word may begin with, and those that it may go on with.
    private let starts: PieceTrie
    private let continuations: PieceTrie
    private let longestWord: Int
    private let unknownToken: Int32?

    init(_ field: Field) throws(DocumentError) {
        vocabulary = try TokenModel.vocabulary(field["vocab"])
        unknownToken = vocabulary.value(of: try field["unk_token"].string())
        let prefix = Array(try field["continuing_subword_prefix"].string().utf8)
        guard let longest = field["max_input_chars_per_word"].node?.integer, longest >= 0 else {
            throw field["max_input_chars_per_word"].expected("a number of characters")
        }
        longestWord = longest
        var starts: [(bytes: [UInt8], value: Int32)] = []
        var continuations: [(bytes: [UInt8], value: Int32)] = []
        for member in try field["vocab"].members() {
            let bytes = Array(member.key.utf8)
            guard bytes.count <= TokenModel.longestToken else {
                throw field["vocab"].error(
                    "a token has \(bytes.count) bytes, more than \(TokenModel.longestToken)")
            }
            let value = vocabulary.value(of: bytes.span) ?? 0
            if !bytes.isEmpty { starts.append((bytes, value)) }
            if bytes.count > prefix.count, bytes.starts(with: prefix) {
                continuations.append((Array(bytes[prefix.count...]), value))
            }
        }
        self.starts = PieceTrie(starts)
        self.continuations = PieceTrie(continuations)
    }

    /// Appends the tokens of a word.
    /// - Returns: false where the vocabulary has neither them nor the unknown token.
    func append(_ word: Span<UInt8>, to tokens: inout [Int32]) -> Bool {
        let first = tokens.count
        if isShort(word) {
            var start = 0
            while start < word.count,
                let piece = (start == 0 ? starts : continuations).longest(in: word, from: start)
            {
                tokens.append(piece.value)
                start = piece.end
            }
            if start == word.count { return true }
        }
        tokens.removeSubrange(first...)
        guard let unknownToken else { return false }
        tokens.append(unknownToken)
        return true
    }

    private func isShort(_ word: Span<UInt8>) -> Bool {
        if word.count <= longestWord { return true }
        var characters = 0
        for index in word.indices where word[index] & 0xC0 != 0x80 { characters += 1 }
        return characters <= longestWord
    }
}
