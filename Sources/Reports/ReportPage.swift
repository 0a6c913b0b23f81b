import Posix

/// `stade-report.html`: the report as one page that needs nothing else. The decision comes first,
/// what it rests on after it.
package struct ReportPage {
    let report: ReportDocument

    package init(_ report: ReportDocument) { self.report = report }

    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(markup(report.name)): what pruning did</title>
        <style>
        \(reportStyle)
        </style>
        </head>
        <body>
        \(decision)\(cut)\(tradeoff)\(questions)\(blocks)\(experts)\(layers)\(resources)\
        \(settings)</body>
        </html>

        """
    }

    private var decision: String {
        var parts = ["<h1>\(markup(report.name))</h1>\n"]
        let model = report.model.path.map { "<code>\(markup($0))</code>" } ?? "a model"
        parts.append(
            "<p class=\"quiet\">\(model)\(report.model.family.map { ", \(markup($0))" } ?? "")"
                + "\(report.job.id.map { ", job \(markup($0))" } ?? "")</p>\n")
        parts.append("<p class=\"verdict\">\(verdict)</p>\n<dl class=\"facts\">\n")
        for (name, value, note) in facts {
            parts.append(
                "<div><dt>\(name)</dt><dd>\(value)</dd>"
                    + "\(note.isEmpty ? "" : "<small>\(note)</small>")</div>\n")
        }
        parts.append("</dl>\n\(doubt)")
        parts.append(
            "<p>\(markup(report.fileNote))</p>\n")
        if report.calibration?.source != nil {
            parts.append(
                "<p>Pruning fits the calibration text. On text of another kind the loss is larger: "
                    + "measure it on yours before you deploy.</p>\n")
        }
        if let note = report.tuningNote { parts.append("<p>\(markup(note))</p>\n") }
        if let reason = report.channels?.headsKept {
            parts.append("<p class=\"warn\">Heads were to go and stay: \(markup(reason)).</p>\n")
        }
        if !report.warnings.isEmpty {
            let lines = report.warnings.map { "<li>\(markup($0))</li>" }
            parts.append("<ul class=\"warn\">\(lines.joined())</ul>\n")
        }
        let changed = report.layers.filter { $0.reason != nil }
        if let first = changed.first, let reason = first.reason {
            parts.append(
                "<p class=\"warn\">\(changed.count) of \(report.layers.count) layers did not get "
                    + "what was asked for, <code>\(markup(first.name))</code> the first: "
                    + "\(markup(reason)).</p>\n")
        }
        return parts.joined()
    }

    /// Name, value and a note of what the decision rests on, as markup.
    private var facts: [(String, String, String)] {
        var facts = measurements
        facts.append(
            (
                report.goneName, percent(report.cost.share),
                "\(data(report.cost.zeros, grouped(report.cost.zeros))) of "
                    + "\(data(report.cost.weights, grouped(report.cost.weights))) weights"
            ))
        facts += report.sizeFacts
        if let dense = report.cost.multiplyAddsDense,
            let pruned = report.cost.multiplyAddsPruned
        {
            facts.append(
                (
                    "multiply-adds a token", data(pruned, counted(pruned)),
                    "of \(data(dense, counted(dense)))"
                        + (!report.isSmaller ? ", where zeros are skipped" : "")
                ))
        }
        return facts
    }

    private var blocks: String {
        let blocks = report.blocks
        guard !blocks.isEmpty else { return "" }
        let measured = chart("Measured error", "1 - cosine of dense and pruned output") { block in
            block.cosine.map { (1 - $0, "cosine \(short($0, digits: 6))") }
        }
        let expected = chart("Expected error", "mean of its layers'") { block in
            expectedError(of: block).map { ($0, short($0)) }
        }
        let seconds = chart("Time", "seconds") { block in
            block.seconds.map { ($0, "\(short($0)) s") }
        }
        let isTuned = blocks.contains { $0.tuning != nil }
        let rows = blocks.map { block in
            [
                data(block.index, "\(block.index)"), data(block.meanSquaredError),
                data(block.cosine, digits: 6), expectedError(of: block).map { short($0) } ?? "–",
            ]
                + (isTuned ? tuned(block.tuning) : []) + [data(block.seconds, digits: 3)]
        }
        let names =
            ["block", "squared error", "cosine", "expected"]
            + (isTuned ? ["loss before", "loss tuned", "passes"] : []) + ["seconds"]
        return """
            <h2>Blocks</h2>
            <p class="quiet">Measured: dense and pruned block on the same input, with what passes \
            its layers by. Expected: the mean of its layers' relative squared errors, from their \
            statistics alone. The two are on scales of their own.</p>
            <div class="charts">\(measured)\(expected)\(seconds)</div>
            <details><summary>All \(blocks.count) blocks</summary>
            \(table(names, rows))</details>

            """
    }

    /// The cells of a block that say what tuning has reached.
    private func tuned(_ tuning: ReportDocument.Tuning?) -> [String] {
        guard let tuning else { return ["–", "–", "–"] }
        return [
            data(tuning.before), data(tuning.after), data(tuning.passes, "\(tuning.passes)"),
        ]
    }

    /// A bar for each block of which there is a value; nothing where there is none.
    private func chart(
        _ title: String, _ unit: String,
        _ value: (ReportDocument.Block) -> (height: Double, label: String)?
    ) -> String {
        let points = report.blocks.compactMap { block in
            value(block).map {
                Chart.Point(
                    x: Double(block.index), y: $0.height, label: "block \(block.index): \($0.label)"
                )
            }
        }
        return Chart(title: title, mark: .bars, points: points, x: "block", y: unit).svg
    }

    /// The mean of its layers' expected errors.
    private func expectedError(of block: ReportDocument.Block) -> Double? {
        let errors = report.layers.filter { $0.block == block.index }.compactMap(\.expectedError)
        return errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)
    }

    private var resources: String {
        let rows = (report.resources.node.members ?? []).compactMap { member -> (String, String)? in
            let isBytes = member.key.hasSuffix("_bytes")
            let name = markup(
                (isBytes ? member.key.dropLast("_bytes".count) : member.key[...])
                    .split(separator: "_").joined(separator: " "))
            if let integer = member.value.integer {
                return (name, data(integer, isBytes ? size(integer) : grouped(integer)))
            }
            if let number = member.value.double { return (name, data(number, short(number))) }
            return member.value.string.map { (name, markup($0)) }
        }
        return "<h2>What the job took</h2>\n" + pairs(rows)
    }

    private var settings: String {
        var parts = ["<h2>How it was done</h2>\n"]
        parts.append(
            pairs(report.settings.map { ("<code>\(markup($0.key))</code>", markup($0.value)) }))
        if !report.leftOut.isEmpty {
            parts.append(
                "<p>Files of the model that were not copied:</p>\n"
                    + table(
                        ["file", "why"], texts: 2,
                        report.leftOut.map {
                            ["<code>\(markup($0.path))</code>", markup($0.reason)]
                        }))
        }
        parts.append(
            "<p class=\"quiet\">All numbers in full: <code>\(Layout.Output.report)</code>.</p>\n"
        )
        return parts.joined()
    }
}
