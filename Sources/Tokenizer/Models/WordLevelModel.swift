import Documents

/// `model` of the type `WordLevel`: a word is a token, or unknown.
///
/// Source: `models/wordlevel/mod.rs` of the tokenizers library.
struct WordLevelModel: Sendable {
    let vocabulary: ByteTable
    private let unknownToken: Int32?

    init(_ field: Field) throws(DocumentError) {
        vocabulary = try TokenModel.vocabulary(field["vocab"])
        unknownToken = vocabulary.value(of: try field["unk_token"].string())
    }

    /// nil where the vocabulary has neither the word nor the unknown token.
    func token(of word: Span<UInt8>) -> Int32? { vocabulary.value(of: word) ?? unknownToken }
}
