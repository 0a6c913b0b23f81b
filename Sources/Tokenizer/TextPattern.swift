import Documents

/// What a `Split` or a `Replace` looks for.
enum TextPattern: Sendable {
    case words(WordScanner)
    case expression(RegularExpression)
    /// Not empty.
    case literal([UInt8])

    /// How far the search for matches, one after the other, has come.
    struct Cursor {
        fileprivate var position = 0
        fileprivate var lastMatchEnd: Int?
    }

    /// `{"Regex": "..."}` or `{"String": "..."}`.
    init(_ field: Field) throws(DocumentError) {
        if !field["Regex"].isNull {
            let pattern = try field["Regex"].string()
            self =
                if let scanner = WordScanner(pattern: pattern) { .words(scanner) } else {
                    .expression(try RegularExpression(pattern, at: field["Regex"]))
                }
        } else {
            let text = try field["String"].string()
            if text.isEmpty { throw field["String"].error("the text to look for is empty") }
            self = .literal(Array(text.utf8))
        }
    }

    /// The next match. An empty match right after another one is skipped, as `find_iter` of Rust's
    /// `onig` does.
    func next(
        in text: Span<UInt8>, after cursor: inout Cursor
    ) throws(DocumentError) -> Range<Int>? {
        switch self {
        case .words(let scanner):
            if cursor.position >= text.count { return nil }
            let start = cursor.position
            cursor.position = scanner.end(in: text, from: start)
            return start..<cursor.position
        case .literal(let bytes):
            guard let start = text.firstIndex(of: bytes, from: cursor.position) else { return nil }
            cursor.position = start + bytes.count
            return start..<cursor.position
        case .expression(let expression):
            while cursor.position <= text.count {
                guard let match = try expression.match(in: text, from: cursor.position) else {
                    return nil
                }
                if match.isEmpty, match.upperBound == cursor.lastMatchEnd {
                    cursor.position +=
                        cursor.position < text.count
                        ? text.scalar(at: cursor.position).length : 1
                    continue
                }
                cursor.position = match.upperBound
                cursor.lastMatchEnd = match.upperBound
                return match
            }
            return nil
        }
    }
}
