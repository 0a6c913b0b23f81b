import Documents
import Posix

/// `added_tokens`, and how they cut a text.
///
/// Source: `added_vocabulary.rs` of the tokenizers library. An id in the file counts for nothing
/// there: a token has the model's id if the model knows it, and the next free one otherwise.
struct AddedTokens: Sendable {
    struct Piece {
        let range: Range<Int>
        /// nil: text between tokens.
        let token: Int32?
    }

    private var tokens: [Int32: AddedToken] = [:]
    private var ids = ByteTable(capacity: 16)
    /// Tokens that the model does not have.
    private(set) var newCount = 0

    /// Looked for in the text as it is.
    private(set) var raw = TokenTrie()
    /// Looked for in normalised text.
    private(set) var normalized = TokenTrie()

    /// All that is looked for in either.
    private(set) var contents: [(content: [UInt8], isSingleWord: Bool)] = []

    typealias Entry = (token: AddedToken, place: Field)

    /// `added_tokens` of a file.
    /// - Parameter field: may be null, for none.
    static func entries(_ field: Field) throws(DocumentError) -> [Entry] {
        var result: [Entry] = []
        for element in try field.isNull ? [] : field.elements() {
            let token = try AddedToken(element)
            _ = try element["id"].token()
            result.append((token, element))
        }
        return result
    }

    /// - Parameter groups: ids follow the largest that was there before the group. A token that is
    ///   there already gets the flags of the later entry.
    init(
        _ groups: [[Entry]], model: TokenModel, normalizer: Normalizer
    ) throws(DocumentError) {
        var places: [Int32: Field] = [:]
        for group in groups {
            var next = model.tokenCount
            if let largest = tokens.keys.max(), largest >= next { next = Int(largest) + 1 }
            for (token, place) in group where !token.content.isEmpty {
                guard token.content.count <= TokenModel.longestToken else {
                    throw place.error(
                        "a token of \(token.content.count) bytes is not supported; at most "
                            + "\(TokenModel.longestToken) are")
                }
                let id: Int32
                let vocabulary = model.vocabulary
                if let known = ids.value(of: token.content.span) {
                    id = known
                } else if let known = vocabulary.value(of: token.content.span) {
                    id = known
                } else {
                    guard let free = Int32(exactly: next) else {
                        throw place.error("too many tokens")
                    }
                    id = free
                    next += 1
                    newCount += 1
                }
                ids.set(token.content.span, to: id)
                tokens[id] = token
                places[id] = place
            }
        }
        for (id, token) in tokens.sorted(by: { $0.key < $1.key }) {
            let isNew: Bool
            contents.append((token.content, token.isSingleWord))
            if token.isNormalized {
                let content = try normalizer.normalized(token.content.span) ?? token.content
                if content.isEmpty, let place = places[id] {
                    // The library finds it between any two characters, or stops with a bug.
                    throw place.error(
                        "nothing is left of this token after normalization, so it cannot be found "
                            + "in a text; set its normalized to false, or remove it")
                }
                contents.append((content, token.isSingleWord))
                isNew = normalized.insert(content, token: id)
            } else {
                isNew = raw.insert(token.content, token: id)
            }
            if !isNew, let place = places[id] {
                let field = place.node?["content"] == nil ? place : place["content"]
                throw field.error(
                    "another added token has the same text after normalization")
            }
        }
    }

    func id(of content: String) -> Int32? { ids.value(of: content) }
    func id(of content: Span<UInt8>) -> Int32? { ids.value(of: content) }

    /// Cuts `text` at the tokens that `trie`, which is `raw` or `normalized`, finds. Where white
    /// space that one token has stripped holds another token, pieces overlap, as in the library.
    func pieces(of text: Span<UInt8>, by trie: TokenTrie) -> [Piece] {
        if text.isEmpty { return [] }
        if trie.isEmpty { return [Piece(range: 0..<text.count, token: nil)] }
        var pieces: [Piece] = []
        var end = 0
        var position = 0
        while let match = trie.first(in: text, from: position) {
            position = match.range.upperBound
            guard let token = tokens[match.token] else { continue }
            var start = match.range.lowerBound
            var stop = match.range.upperBound
            if token.isSingleWord {
                if start > 0, Self.isWord(text.scalar(before: start).value) { continue }
                if stop < text.count, Self.isWord(text.scalar(at: stop).value) { continue }
            }
            if token.stripsLeft { start = max(Self.spaceStart(in: text, before: start), end) }
            if token.stripsRight { stop = Self.spaceEnd(in: text, from: stop) }
            // A token that strips has taken all of it already. The library drops empty pieces, and
            // stops with a bug where `stop` lies before `start`.
            guard start < stop else { continue }
            if end < start { pieces.append(Piece(range: end..<start, token: nil)) }
            pieces.append(Piece(range: start..<stop, token: match.token))
            end = stop
        }
        if end != text.count { pieces.append(Piece(range: end..<text.count, token: nil)) }
        return pieces
    }

    private static func isWord(_ value: UInt32) -> Bool {
        ScalarClasses.shared.of(value) & ScalarClasses.word != 0
    }

    private static func isSpace(_ value: UInt32) -> Bool {
        ScalarClasses.shared.of(value) & ScalarClasses.space != 0
    }

    private static func spaceStart(in text: Span<UInt8>, before end: Int) -> Int {
        var start = end
        while start > 0 {
            let scalar = text.scalar(before: start)
            if !isSpace(scalar.value) { break }
            start -= scalar.length
        }
        return start
    }

    private static func spaceEnd(in text: Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < text.count {
            let scalar = text.scalar(at: end)
            if !isSpace(scalar.value) { break }
            end += scalar.length
        }
        return end
    }
}
