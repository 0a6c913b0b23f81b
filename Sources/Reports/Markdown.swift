import Posix

/// Text of strangers in Markdown: it is shown as it is, and never becomes HTML, a link, a picture,
/// a heading, a cell of a table or front matter. CommonMark, and GitHub's tables and links of bare
/// addresses.
enum Markdown {
    /// As code, in which nothing has a meaning: between more backticks than it has in a row.
    static func code(_ text: String) -> String {
        // A table's row ends its cells even there.
        let text = escaped(text, limit: 1024).split(
            separator: "|", omittingEmptySubsequences: false
        ).joined(separator: "\\u{7c}")
        if text.isEmpty { return "(nothing)" }
        var (longest, run) = (0, 0)
        for scalar in text.unicodeScalars {
            run = scalar == "`" ? run + 1 : 0
            longest = max(longest, run)
        }
        let fence = String(repeating: "`", count: longest + 1)
        let isFramed = longest > 0 || text.hasPrefix(" ") || text.hasSuffix(" ")
        let space = isFramed ? " " : ""
        return fence + space + text + space + fence
    }

    /// As it is where all of it is words and numbers, else as code.
    static func name(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.unicodeScalars.count <= 128
            && !text.lowercased().contains("www.") && isWord(text.unicodeScalars.first)
            && isWord(text.unicodeScalars.last)
            && text.unicodeScalars.allSatisfy { isWord($0) || " -_.".unicodeScalars.contains($0) }
            // They would end a sentence, begin emphasis or a list, or join two words otherwise.
            && !["  ", " -", "- ", " _", "_ ", " .", ". ", "__", "--"].contains {
                text.contains($0)
            }
        return isPlain ? text : code(text)
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return false }
        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }
}
