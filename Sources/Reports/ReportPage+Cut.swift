import Posix

/// What page and tables say of whole blocks that went.
extension ReportDocument {
    /// Facts for the page: name, value and note as markup.
    var cutFacts: [(String, String, String)] {
        guard let cut else { return [] }
        let left = cut.blocks - cut.removed.count
        var facts = [("blocks", data(left, "\(left)"), "of \(data(cut.blocks, "\(cut.blocks)"))")]
        if let dense = cut.cacheBytesDense, let pruned = cut.cacheBytesPruned {
            facts.append(
                (
                    "keys and values of a token", data(pruned, size(pruned)),
                    "of \(data(dense, size(dense)))"
                ))
        }
        return facts
    }

    /// Lines for a terminal: name and text.
    var cutLines: [(String, String)] {
        guard let cut else { return [] }
        let left = cut.blocks - cut.removed.count
        var lines = [
            ("blocks", "\(cut.blocks) dense, \(left) pruned, without \(numbers(cut.removed))")
        ]
        if let dense = cut.cacheBytesDense, let pruned = cut.cacheBytesPruned {
            lines.append(("keys, values", "\(size(dense)) a token dense, \(size(pruned)) pruned"))
        }
        for seam in cut.seams { lines.append(("in their place", text(seam))) }
        return lines
    }

    /// What stands for blocks that follow each other.
    func text(_ seam: Seam) -> String {
        let blocks = numbers(Array(seam.first..<(seam.first + seam.count)))
        if let reason = seam.reason { return "nothing for \(blocks): \(reason)" }
        guard let before = seam.errorBefore, let after = seam.errorAfter else {
            return "nothing for \(blocks)"
        }
        return "a map for \(blocks): the stream's error is \(short(after)) of its size, "
            + "\(short(before)) without the map"
    }

    private func numbers(_ blocks: [Int]) -> String {
        blocks.map(String.init).joined(separator: ", ")
    }
}

extension ReportPage {
    /// What went, what stands in its place and what else might have gone.
    var cut: String {
        guard let cut = report.cut else { return "" }
        let removed = cut.removed.map(String.init).joined(separator: ", ")
        var parts = [
            "<h2>Blocks that went</h2>\n<p>Of \(cut.blocks) blocks (from 0) these are gone: "
                + "\(markup(removed)). What is left is numbered anew.</p>\n"
        ]
        for seam in cut.seams {
            parts.append("<p>\(markup(capitalised(report.text(seam)))).</p>\n")
        }
        if let choice = cut.choice {
            let candidates = choice.candidates.sorted {
                ($0.score, $0.first) < ($1.score, $1.first)
            }
            let rows = candidates.map { candidate in
                let last = candidate.first + candidate.count - 1
                return [
                    data(candidate.first, "\(candidate.first)"), data(last, "\(last)"),
                    data(candidate.score),
                ]
            }
            parts.append(
                "<p class=\"quiet\">Scored by \(markup(choice.by)) on \(choice.windows) windows of "
                    + "the calibration; the least went.</p>\n<details><summary>All "
                    + "\(choice.candidates.count) candidates</summary>\n"
                    + table(["first block", "last block", "score"], rows) + "</details>\n")
        }
        return parts.joined()
    }

    private func capitalised(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst()
    }
}
