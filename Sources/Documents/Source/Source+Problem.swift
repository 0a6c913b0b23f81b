import CYAML
import Posix

extension Source {
    /// libyaml's complaint in words for somebody who never read its grammar.
    func problem(_ parser: yaml_parser_t) -> DocumentError {
        if parser.error == YAML_MEMORY_ERROR { return error("no memory is left", at: nil) }
        let problem = parser.problem.map { String(cString: $0) } ?? "not YAML"
        if parser.error == YAML_READER_ERROR {
            // The offset is in bytes.
            return error(
                problem == "control characters are not allowed"
                    ? "found a control character; expected text" : "found text that is not UTF-8",
                offset: parser.problem_offset)
        }
        // Of what looks like an alias, an anchor or a tag, the sign is what the author should see.
        let begins = Self.signs.contains(problem)
        let mark = begins ? parser.context_mark : parser.problem_mark
        let place = Node.Position(line: mark.line + 1, column: mark.column + 1)
        // Lines and columns of libyaml count from 0; its context is where the broken thing began.
        let since = "that begins in line \(parser.context_mark.line + 1)"
        return error(words(for: problem, found: character(at: mark), since: since), at: place)
    }

    private static let signs = [
        "did not find expected alphabetic or numeric character", "found undefined tag handle",
        "did not find expected '!'", "did not find expected tag URI",
        "did not find the expected '>'", "did not find expected whitespace or line break",
    ]

    private func words(for problem: String, found: String, since: String) -> String {
        switch problem {
        case "found character that cannot start any token" where found == "a tab",
            "found a tab character that violates indentation",
            "found a tab character where an indentation space is expected":
            "found a tab in the indentation; expected spaces"
        case "found character that cannot start any token":
            "found \(found), which can begin no value; expected a value, or text in quotes"
        case "mapping values are not allowed in this context":
            "found ':' where no key can end; expected one key on a line, indented like the keys "
                + "beside it (text with ': ' in it must be in quotes)"
        case "could not find expected ':'":
            "found \(found) after text that is no key and no item; expected 'key: value', in the "
                + "block \(since)"
        case "did not find expected key":
            "found \(found) where a key should be; expected a key indented like the others of the "
                + "block \(since)"
        case "did not find expected '-' indicator":
            "found \(found) where an item should be; expected '- ' indented like the others of the "
                + "list \(since)"
        case "did not find expected ',' or '}'":
            "found \(found); expected ',' or '}', in the mapping \(since)"
        case "did not find expected ',' or ']'":
            "found \(found); expected ',' or ']', in the list \(since)"
        case "found unexpected end of stream":
            "found the end of the document; expected the closing quote of the text \(since)"
        case "found unexpected document indicator":
            "found a document marker; expected the closing quote of the text \(since)"
        case "block sequence entries are not allowed in this context":
            "found '-' where no item can begin; expected a list on lines of its own"
        case "mapping keys are not allowed in this context":
            "found '?' where no key can begin; expected text that begins with it in quotes"
        case "found unknown escape character":
            "found an unknown escape after '\\' in double quotes; expected '\\\\' for a backslash, "
                + "or text in single quotes"
        case "did not find expected hexdecimal number",
            "found invalid Unicode character escape code":
            "found an escape that names no character; expected hexadecimal digits after '\\x', "
                + "'\\u' or '\\U'"
        case "did not find expected alphabetic or numeric character":
            "found text that begins with '*' or '&', which YAML keeps for aliases and anchors; "
                + "expected it in quotes"
        case "did not find expected <document start>":
            "found \(found) after the end of the document; expected nothing"
        case "did not find expected node content":
            "found \(found); expected a key or a value"
        case "found undefined tag handle", "did not find expected '!'",
            "did not find expected tag URI", "did not find the expected '>'",
            "did not find expected whitespace or line break":
            "found text that begins with '!', which YAML keeps for tags; expected it in quotes"
        case "found unexpected ':'":
            "found ':' inside a list or mapping in brackets; expected a space after it, or text in "
                + "quotes"
        case "did not find expected comment or line break":
            "found \(found); expected a comment or the end of the line"
        default:
            "found \(found), which is not YAML here (\(problem))"
        }
    }

    /// What stands at a place where libyaml stopped.
    private func character(at mark: yaml_mark_t) -> String {
        let text = String(
            decoding: bytes.bindMemory(to: UInt8.self), as: UTF8.self
        ).unicodeScalars
        guard
            let index = text.index(text.startIndex, offsetBy: mark.index, limitedBy: text.endIndex),
            index < text.endIndex
        else { return "the end of the document" }
        switch text[index] {
        case "\t": return "a tab"
        case "\n", "\r": return "the end of the line"
        default:
            let word = text[index...].prefix { !$0.properties.isWhitespace }
            return quoted(String(word))
        }
    }
}
