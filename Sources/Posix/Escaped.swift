/// `text` with every control character written as `\u{…}`, so that a file's name cannot forge a log
/// line or drive a terminal, and cut to `limit` characters.
package func escaped(_ text: String, limit: Int = 512) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .surrogate:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}
