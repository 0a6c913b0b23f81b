import Posix

/// Text with what HTML would read as markup made harmless.
func markup(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        case "\n", "\t": result += " "
        // Control characters are not allowed in HTML, and marks of direction move what is beside
        // them.
        case _ where isUnprintable(scalar): result += escaped(String(scalar))
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A number of the report as it stands there, shown as `text`: programs, and tests, read the value.
func data(_ value: Double, _ text: String) -> String {
    value.isFinite ? "<data value=\"\(value)\">\(markup(text))</data>" : markup(text)
}

func data(_ value: Int, _ text: String) -> String {
    "<data value=\"\(value)\">\(markup(text))</data>"
}

/// The same in short; a dash where there is none.
func data(_ value: Double?, digits: Int = 4) -> String {
    value.map { data($0, short($0, digits: digits)) } ?? "–"
}

/// A number and its standard error; a dash where there is none.
func data(_ measured: Measured?) -> String {
    guard let measured else { return "–" }
    if let words = measured.words { return markup(words) }
    guard let error = measured.error, let text = measured.errorText else {
        return data(measured.value)
    }
    return data(measured.value) + deviation(data(error, text))
}

/// The same of a share of 1, in percent.
func share(_ measured: Measured?) -> String {
    guard let measured else { return "–" }
    if let words = measured.words { return markup(words) }
    let error = measured.error.map { deviation(data($0, fixed(100 * $0, 1))) } ?? ""
    return data(measured.value, fixed(100 * measured.value, 1)) + error + "\u{A0}%"
}

/// A change of a share with its sign, in the unit that is named, if any: `+4.1 ± 0.5 %`. `value`
/// is marked where it stands in the report.
func change(
    _ measured: Measured, _ unit: String? = nil, isStored: Bool = false
) -> String {
    if let words = measured.words { return markup(words) }
    let text = (measured.value > 0 ? "+" : "") + fixed(100 * measured.value, 1)
    let error = measured.error.map { deviation(data($0, fixed(100 * $0, 1))) } ?? ""
    let suffix = unit.map { "\u{A0}\($0)" } ?? ""
    return (isStored ? data(measured.value, text) : text) + error + suffix
}

/// What stands after a number: it stays on one line.
private func deviation(_ error: String) -> String {
    " <span class=\"error\">±\u{A0}\(error)</span>"
}

/// A table with its columns' names, markup; the first `texts` columns are text, the others numbers.
func table(_ names: [String], texts: Int = 1, _ rows: [[String]]) -> String {
    func cells(_ row: [String], _ tag: String) -> String {
        row.enumerated().map { index, cell in
            "<\(tag)\(index < texts ? "" : " class=\"n\"")>\(cell)</\(tag)>"
        }.joined()
    }
    return """
        <div class="wide" tabindex="0"><table>
        <thead><tr>\(cells(names, "th"))</tr></thead>
        <tbody>
        \(rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n"))
        </tbody>
        </table></div>

        """
}

/// Names and what belongs to them, as markup.
func pairs(_ rows: [(String, String)]) -> String {
    let rows = rows.map { "<tr><th scope=\"row\">\($0.0)</th><td>\($0.1)</td></tr>" }
    return """
        <table class="pairs"><tbody>
        \(rows.joined(separator: "\n"))
        </tbody></table>

        """
}
