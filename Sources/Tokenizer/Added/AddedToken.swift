import Documents

/// An entry of `added_tokens`: text that becomes one token before anything else looks at it.
struct AddedToken: Sendable, Hashable {
    let content: [UInt8]
    /// Only between two characters that are no part of a word.
    let isSingleWord: Bool
    /// Takes the white space before it, or after it, along.
    let stripsLeft: Bool
    let stripsRight: Bool
    /// Looked for in the text after `normalizer`, in normalised form.
    let isNormalized: Bool
    /// Changes no tokens, but tells two entries apart.
    let isSpecial: Bool

    /// As `tokenizer.json` has it.
    init(_ field: Field) throws(DocumentError) {
        content = Array(try field["content"].string().utf8)
        isSingleWord = try field["single_word"].bool()
        stripsLeft = try field["lstrip"].bool()
        stripsRight = try field["rstrip"].bool()
        isNormalized = try field["normalized"].bool()
        isSpecial = try field["special"].bool(default: false)
    }

    /// As the other files have it, where flags may be absent.
    init(settings field: Field, isSpecial special: Bool = false) throws(DocumentError) {
        if field.node?.members == nil { throw field.expected("a token, an object with 'content',") }
        content = Array(try field["content"].string().utf8)
        let isMarked = try field["special"].bool(default: false)
        isSpecial = special || isMarked
        isSingleWord = try field["single_word"].bool(default: false)
        stripsLeft = try field["lstrip"].bool(default: false)
        stripsRight = try field["rstrip"].bool(default: false)
        isNormalized = try field["normalized"].bool(default: !isSpecial)
    }

    /// A piece of SentencePiece's that is looked for in the text as it is.
    init(piece content: [UInt8], isSpecial: Bool) {
        self.content = content
        isSingleWord = false
        stripsLeft = false
        stripsRight = false
        isNormalized = false
        self.isSpecial = isSpecial
    }

    init(special text: String) { self.init(text, isSpecial: true) }

    init(_ text: String, isSpecial: Bool) {
        content = Array(text.utf8)
        isSingleWord = false
        stripsLeft = false
        stripsRight = false
        isNormalized = !isSpecial
        self.isSpecial = isSpecial
    }
}
