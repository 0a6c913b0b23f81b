import Posix

/// What is smaller and faster, for page and tables.
extension ReportDocument {
    /// Facts for the page: name, value and note as markup.
    var sizeFacts: [(String, String, String)] {
        var facts: [(String, String, String)] = []
        if let bytes {
            let nonzero =
                isSmaller
                ? nil : cost.bytesNonzero.map { "\(data($0, size($0))) without zeros" }
            let before = "of \(data(bytes.dense, size(bytes.dense)))"
            facts.append(
                (
                    "size on disk", data(bytes.pruned, size(bytes.pruned)),
                    [before, nonzero].compactMap(\.self).joined(separator: ", ")
                ))
        }
        if let after = cost.parametersPruned {
            let before = model.parameters.map { "of \(data($0, grouped($0)))" }
            facts.append(("parameters", data(after, grouped(after)), before ?? ""))
        }
        if let speed = tokensPerSecond {
            facts.append(
                (
                    "tokens a second", data(speed.pruned, rounded(speed.pruned)),
                    "of \(data(speed.dense, rounded(speed.dense))), "
                        + "\(fixed(speed.pruned / speed.dense, 2)) times, through the blocks in "
                        + "this job"
                ))
        }
        facts += cutFacts
        for width in widths {
            facts.append(
                (
                    "<code>\(markup(width.name))</code>",
                    data(width.pruned, grouped(width.pruned)),
                    "of \(data(width.dense, grouped(width.dense)))"
                ))
        }
        return facts
    }

    /// Lines for a terminal: name and text.
    var sizeLines: [(String, String)] {
        var lines: [(String, String)] = []
        if let bytes {
            let note = isSmaller ? "" : ": zeros are stored"
            lines.append(
                ("size", "\(size(bytes.dense)) dense, \(size(bytes.pruned)) pruned\(note)"))
        }
        if let speed = tokensPerSecond {
            lines.append(
                (
                    "speed",
                    "\(short(speed.dense, digits: 3)) tokens/s dense, "
                        + "\(short(speed.pruned, digits: 3)) pruned "
                        + "(\(fixed(speed.pruned / speed.dense, 2)) times)"
                ))
        }
        lines += cutLines
        for width in widths {
            lines.append((width.name, "\(width.dense) dense, \(width.pruned) pruned"))
        }
        if let headsKept = channels?.headsKept { lines.append(("heads", "kept: \(headsKept)")) }
        return lines
    }
}
