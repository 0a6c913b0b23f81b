import Documents

/// An entry of `added_tokens`: text that becomes one token before anything else looks at it.
struct AddedToken: Sendable {
    let content: [UInt8]
    /// Only between two characters that are no part of a word.
    let isSingleWord: Bool
    /// Takes the white space before it, or after it, along.
    let stripsLeft: Bool
    let stripsRight: Bool
    /// Looked for in the text after `normalizer`, in normalised form.
    let isNormalized: Bool

    init(_ field: Field) throws(DocumentError) {
        content = Array(try field["content"].string().utf8)
        isSingleWord = try field["single_word"].bool()
        stripsLeft = try field["lstrip"].bool()
        stripsRight = try field["rstrip"].bool()
        isNormalized = try field["normalized"].bool()
    }
}
