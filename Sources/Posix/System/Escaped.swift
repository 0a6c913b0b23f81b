/// `text` with every control character written as `\u{…}`, so that a file's name cannot forge a
/// log line or drive a terminal, and cut to `limit` characters.
package func escaped(_ text: String, limit: Int = 512) -> String {
    // Most text has nothing to escape.
    if text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) {
        return text
    }
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        if isUnprintable(scalar) {
            result += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}

/// Whether a terminal would obey, hide or misplace a scalar instead of showing it: controls, marks
/// of direction and other formats, line separators, and what is not assigned.
package func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate: true
    default: false
    }
}
