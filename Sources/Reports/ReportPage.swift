import Posix

/// `stade-report.html`: the report as one page that needs nothing else. The decision comes first, what
/// it rests on after it.
package struct ReportPage {
    let report: ReportContents

    package init(_ report: ReportContents) { self.report = report }

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
        \(decision)\(tradeoff)\(questions)\(blocks)\(layers)\(resources)\(settings)</body>
        </html>

        """
    }

    private var decision: String {
        var parts = ["<h1>\(markup(report.name))</h1>\n"]
        let model = report.model.map { "<code>\(markup($0))</code>" } ?? "a model"
        parts.append(
            "<p class=\"quiet\">\(model)\(report.family.map { ", \(markup($0))" } ?? "")"
                + "\(report.id.map { ", job \(markup($0))" } ?? "")</p>\n")
        parts.append("<p class=\"verdict\">\(verdict)</p>\n<dl class=\"facts\">\n")
        for (name, value, note) in facts {
            parts.append(
                "<div><dt>\(name)</dt><dd>\(value)</dd>\(note.isEmpty ? "" : "<small>\(note)</small>")"
                    + "</div>\n")
        }
        parts.append("</dl>\n\(doubt)")
        parts.append(
            "<p>\(markup(report.fileNote))</p>\n")
        if report.settings.contains(where: { $0.key == "calibration.source" }) {
            parts.append(
                "<p>Pruning fits the calibration text. On text of another kind the loss is larger: "
                    + "measure it on yours before you deploy.</p>\n")
        }
        if let reason = report.headsKept {
            parts.append("<p class=\"warn\">Heads were to go and stay: \(markup(reason)).</p>\n")
        }
        let changed = report.layers.filter { $0.reason != nil }
        if let first = changed.first, let reason = first.reason {
            parts.append(
                "<p class=\"warn\">\(changed.count) of \(report.layers.count) layers did not get what "
                    + "was asked for, <code>\(markup(first.name))</code> the first: "
                    + "\(markup(reason)).</p>\n")
        }
        return parts.joined()
    }

    /// Name, value and a note of what the decision rests on, as markup.
    private var facts: [(String, String, String)] {
        var facts = measurements
        facts.append(
            (
                report.goneName, percent(report.share),
                "of \(data(report.weights, grouped(report.weights))) weights"
            ))
        facts += report.sizeFacts
        if let dense = report.cost["multiply_adds_per_token_dense"],
            let pruned = report.cost["multiply_adds_per_token_pruned"]
        {
            facts.append(
                (
                    "multiply-adds a token", data(pruned, short(Double(pruned), digits: 3)),
                    "of \(data(dense, short(Double(dense), digits: 3)))"
                        + (report.channels == nil ? ", where zeros are skipped" : "")
                ))
        }
        return facts
    }

    private var tradeoff: String {
        let lines = report.curve.count > 1 ? Tradeoff.all(report) : []
        guard !lines.isEmpty else { return "" }
        let points = lines.enumerated().flatMap { line, tradeoff in
            let knee = tradeoff.knee
            let name = lines.count > 1 ? tradeoff.method.map { "\($0), " } ?? "" : ""
            return tradeoff.points.enumerated().map { index, point in
                Chart.Point(
                    x: 100 * point.share, y: point.perplexity,
                    label: "\(name)\(percent(point.share)) \(report.goneName): perplexity "
                        + short(point.perplexity) + (index == knee ? ", the knee" : ""),
                    isMarked: index == knee, line: line)
            }
        }
        let chart = Chart(
            title: "Perplexity against \(report.goneName)", mark: .line, points: points,
            x: "\(report.goneName), % of the blocks' weights", y: "perplexity", span: nil,
            height: 280,
            reference: report.perplexity?.dense.map { ($0.value, "dense") },
            lines: lines.count > 1 ? lines.map { $0.method ?? "" } : [])
        let rows = lines.flatMap { tradeoff in
            let knee = tradeoff.knee
            return tradeoff.points.enumerated().map { index, point in
                [
                    markup(tradeoff.method ?? ""),
                    point.output.map { "<code>\(markup($0))</code>" } ?? "dense",
                    index == knee ? "knee" : "", percent(point.share), data(point.perplexity),
                ]
            }
        }
        let bends = lines.compactMap { tradeoff in
            tradeoff.knee.map { knee in
                let name = lines.count > 1 ? tradeoff.method.map { " of \(markup($0))" } ?? "" : ""
                return
                    "The curve\(name) bends at \(percent(tradeoff.points[knee].share)) \(report.goneName)"
            }
        }
        let advice =
            bends.isEmpty
            ? ""
            : "<p>\(bends.joined(separator: "; ")): beyond it each further weight costs more than "
                + "those before.</p>\n"
        let names = ["method", "output", "", report.goneName, "perplexity"]
        return """
            <h2>How much to prune</h2>
            \(advice)\(chart.svg)\(table(names, texts: 3, rows))
            """
    }

    private var blocks: String {
        let blocks = report.blocks
        guard !blocks.isEmpty else { return "" }
        var charts: [String] = []
        if blocks.contains(where: { $0.cosine != nil }) {
            charts.append(
                Chart(
                    title: "Error of each block", mark: .bars,
                    points: blocks.compactMap { block in
                        block.cosine.map {
                            Chart.Point(
                                x: Double(block.index), y: 1 - $0,
                                label: "block \(block.index): cosine \(short($0, digits: 6))")
                        }
                    }, x: "block", y: "1 - cosine of dense and pruned output"
                ).svg)
        }
        if blocks.contains(where: { $0.seconds != nil }) {
            charts.append(
                Chart(
                    title: "Time of each block", mark: .bars,
                    points: blocks.compactMap { block in
                        block.seconds.map {
                            Chart.Point(
                                x: Double(block.index), y: $0,
                                label: "block \(block.index): \(short($0)) s")
                        }
                    }, x: "block", y: "seconds"
                ).svg)
        }
        let rows = blocks.map { block in
            let expected = report.layers.filter { $0.block == block.index }.compactMap(
                \.expectedError)
            return [
                data(block.index, "\(block.index)"), data(block.meanSquaredError),
                data(block.cosine, digits: 6),
                expected.isEmpty
                    ? "–" : short(expected.reduce(0, +) / Double(expected.count)),
                data(block.seconds, digits: 3),
            ]
        }
        return """
            <h2>Blocks</h2>
            <p class="quiet">Dense and pruned block on the same input. Expected: the mean of its layers' \
            expected relative squared errors, for uncorrelated inputs.</p>
            <div class="charts">\(charts.joined())</div>
            <details><summary>All \(blocks.count) blocks</summary>
            \(table(["block", "squared error", "cosine", "expected", "seconds"], rows))</details>

            """
    }

    private var layers: String {
        guard !report.layers.isEmpty else { return "" }
        let choices = report.choices.map { "\($0.count) layers: \(markup($0.text))" }
        let errors = charts(of: "expected error", \.expectedError)
        let shares = charts(of: "bias share", \.biasShare)
        let rows = report.layers.map { layer in
            [
                "<code>\(markup(layer.name))</code>", markup(layer.method),
                markup(layer.compensation), markup(layer.bias),
                "\(layer.rows) × \(layer.columns)", data(layer.sparsity, percent(layer.sparsity)),
                data(layer.biasShare), data(layer.expectedError),
            ]
        }
        let names = [
            "layer", "judged by", "compensation", "bias", "shape", report.goneName, "bias share",
            "expected error",
        ]
        return """
            <h2>Layers</h2>
            <p>\(choices.joined(separator: "; ")).</p>
            <p class="quiet">Expected error: squared, over the expected square of the output. Bias share: \
            how much of the input is its mean, 0 to 1.</p>
            <div class="charts">\(errors)</div>
            <div class="charts">\(shares)</div>
            <details><summary>All \(report.layers.count) layers</summary>
            \(table(names, texts: 4, rows))</details>

            """
    }

    /// One small chart for each role of a layer, all to the same scale.
    private func charts(
        of name: String, _ value: (ReportContents.Layer) -> Double?
    ) -> String {
        let most = report.layers.compactMap(value).max() ?? 0
        return report.roles.map { role in
            Chart(
                title: role.name, mark: .line,
                points: role.layers.compactMap { layer in
                    value(layer).map {
                        Chart.Point(
                            x: Double(layer.block), y: $0, label: "\(layer.name): \(short($0))")
                    }
                }, x: "block", y: name, span: 0...most, width: 320, height: 150
            ).svg
        }.joined()
    }

    private var resources: String {
        let rows = (report.resources.members ?? []).compactMap { member -> [String]? in
            let key = member.key
            if let integer = member.value.integer {
                let isBytes = key.hasSuffix("_bytes")
                return [key, data(integer, isBytes ? size(integer) : grouped(integer))]
            }
            if let number = member.value.double { return [key, data(number, short(number))] }
            return member.value.string.map { [key, markup($0)] }
        }
        return "<h2>What the job took</h2>\n" + table(["", ""], rows)
    }

    private var settings: String {
        var parts = ["<h2>How it was done</h2>\n"]
        parts.append(
            table(["", ""], texts: 2, report.settings.map { [$0.key, markup($0.value)] }))
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
            "<p class=\"quiet\">All numbers in full: <code>stade-report.json</code>.</p>\n")
        return parts.joined()
    }
}
