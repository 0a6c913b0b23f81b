import Documents
import Expressions
import Posix

/// What a `Split` or a `Replace` looks for.
enum TextPattern: Sendable {
    case words(WordScanner)
    case expression(RegularExpression, pattern: String, at: Field)
    /// Not empty.
    case literal([UInt8])
    /// Each of these characters by itself.
    case scalars(ScalarSet)

    /// How far the search for matches, one after the other, has come.
    struct Cursor {
        fileprivate var position = 0
        fileprivate var lastMatchEnd: Int?
        /// Asked before each search, which may take long.
        fileprivate let isStopped: (@Sendable () -> Bool)?

        init(isStopped: (@Sendable () -> Bool)? = nil) { self.isStopped = isStopped }
    }

    /// `{"Regex": "..."}` or `{"String": "..."}`.
    init(_ field: Field) throws(DocumentError) {
        if !field["Regex"].isNull {
            let pattern = try field["Regex"].string()
            self =
                if let scanner = WordScanner(pattern: pattern) { .words(scanner) } else {
                    .expression(
                        try Self.compile(pattern, field["Regex"]), pattern: pattern,
                        at: field["Regex"])
                }
        } else {
            let text = try field["String"].string()
            if text.isEmpty { throw field["String"].error("the text to look for is empty") }
            self = .literal(Array(text.utf8))
        }
    }

    private static func compile(
        _ pattern: String, _ field: Field
    ) throws(DocumentError) -> RegularExpression {
        do throws(ExpressionError) {
            return try RegularExpression(pattern)
        } catch {
            throw field.error("not a valid pattern: \(error.reason)")
        }
    }

    /// Names pattern and text: whoever has written either can do something about it.
    private static func failure(
        _ error: ExpressionError, _ pattern: String, _ field: Field, _ text: Span<UInt8>,
        at position: Int
    ) -> DocumentError {
        var start: [UInt8] = []
        start.append(text.extracting(position..<min(text.count, position + 48)))
        return field.error(
            "cannot match the pattern \(quoted(pattern)) against the \(text.count - position) "
                + "bytes that begin \(quoted(String(decoding: start, as: UTF8.self))): "
                + error.reason)
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
        case .scalars(let set):
            while cursor.position < text.count {
                let start = cursor.position
                let scalar = text.scalar(at: start)
                cursor.position += scalar.length
                if set.contains(scalar.value) { return start..<cursor.position }
            }
            return nil
        case .expression(let expression, let pattern, let field):
            while cursor.position <= text.count {
                if cursor.isStopped?() == true { throw field.error("stopped while matching") }
                let found: Range<Int>?
                do throws(ExpressionError) {
                    found = try expression.match(in: text, from: cursor.position)
                } catch {
                    throw Self.failure(error, pattern, field, text, at: cursor.position)
                }
                guard let match = found else { return nil }
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
