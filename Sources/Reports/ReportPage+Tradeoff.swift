import Posix

/// How much to prune, and by which method: perplexity against what is saved.
extension ReportPage {
    var tradeoff: String {
        let lines = report.curve.count > 1 ? Tradeoff.all(report) : []
        guard !lines.isEmpty else { return "" }
        let isNamed = lines.count > 1
        let points = lines.enumerated().flatMap { line, tradeoff in
            let knee = tradeoff.knee
            let name = isNamed ? tradeoff.method.map { "\($0), " } ?? "" : ""
            return tradeoff.points.enumerated().map { index, point in
                Chart.Point(
                    x: 100 * point.share, y: point.perplexity,
                    label: "\(name)\(percent(point.share)) \(report.goneName): perplexity "
                        + short(point.perplexity) + (index == knee ? ", the knee" : ""),
                    error: point.error, mark: index == knee ? "knee" : nil, line: line)
            }
        }
        // One method that fails would press all others into a line.
        let drawn = points.filter { abs($0.y) < 1e300 }
        let lowest = drawn.map { $0.y - ($0.error ?? 0) }.min() ?? 0
        let highest = drawn.map(\.y).max() ?? 0
        let isLogarithmic = lowest > 0 && highest > 4 * lowest
        let chart = Chart(
            title: "Perplexity", mark: .line, points: points,
            x: "\(report.goneName), % of the blocks' weights",
            y: "against \(report.goneName)\(isLogarithmic ? ", logarithmic" : "")",
            span: nil, width: 480, height: 280, isLogarithmic: isLogarithmic,
            reference: report.perplexity?.denseMeasured.flatMap {
                abs($0.value) < 1e300 ? ($0.value, "dense") : nil
            },
            lines: isNamed ? lines.map { $0.method ?? "" } : [])
        let outputs = lines.flatMap { tradeoff in
            tradeoff.points.compactMap { point in
                point.output.map {
                    [
                        markup(tradeoff.method ?? ""), percent(point.share),
                        "<code>\(markup($0))</code>",
                    ]
                }
            }
        }
        return """
            <h2>How much to prune</h2>
            \(advice(lines))\(chart.svg)\(comparison(lines))\(likeness(lines))\
            <details><summary>Where the \(outputs.count) outputs are</summary>
            \(table(["method", report.goneName, "output"], texts: 3, outputs))</details>

            """
    }

    private func advice(_ lines: [Tradeoff]) -> String {
        var bends: [(share: String, methods: [String])] = []
        for tradeoff in lines {
            guard let knee = tradeoff.knee else { continue }
            let share = percent(tradeoff.points[knee].share)
            let method = tradeoff.method ?? ""
            if let index = bends.firstIndex(where: { $0.share == share }) {
                bends[index].methods.append(method)
            } else {
                bends.append((share, [method]))
            }
        }
        guard !bends.isEmpty else { return "" }
        let parts = bends.enumerated().map { index, bend in
            let isOne = bend.methods.count == 1
            let names = lines.count > 1 ? " of \(markup(bend.methods.joined(separator: ", ")))" : ""
            return "\(index == 0 ? "The" : "the") curve\(isOne ? "" : "s")\(names) "
                + "\(isOne ? "bends" : "bend") at \(bend.share) \(report.goneName)"
        }
        return "<p>\(parts.joined(separator: "; ")): beyond it each further weight costs more than "
            + "those before.</p>\n"
    }

    /// A row for each share, the dense model first; a column for each method, the least of a row in
    /// bold.
    private func comparison(_ lines: [Tradeoff]) -> String {
        let isNamed = lines.count > 1
        let knees = lines.map(\.knee)
        let shares = Set(lines.flatMap { $0.points.map(\.share) }).sorted()
        let rows = shares.map { share -> [String] in
            let found = lines.map { line in line.points.firstIndex { $0.share == share } }
            let points = zip(lines, found).map { line, index in index.map { line.points[$0] } }
            let known = points.compactMap(\.self)
            let least = known.map(\.perplexity).min()
            let cells = points.indices.map { line -> String in
                guard let point = points[line] else { return "–" }
                let value = point.words.map { markup($0) } ?? data(point.perplexity)
                let isLeast =
                    known.count > 1 && share > 0 && point.perplexity == least
                    && point.words == nil
                let notes = [
                    point.change.map { change($0, "%") },
                    found[line] == knees[line] ? "<strong>knee</strong>" : nil,
                ].compactMap(\.self).map { "<small>\($0)</small>" }
                return (isLeast ? "<b>\(value)</b>" : value) + notes.joined()
            }
            let multiplyAdds = known.first?.multiplyAdds.map { data($0, counted($0)) }
            let bytes = known.first?.bytes.map { data($0, size($0)) }
            return [rowName(share == 0 ? "dense" : percent(share))] + cells
                + [multiplyAdds ?? "–", bytes ?? "–"]
        }
        let methods = isNamed ? lines.map { markup($0.method ?? "") } : ["perplexity"]
        let note =
            (isNamed ? "Perplexity, the least of each row in bold; below" : "Below")
            + " it the change against the dense model on the same windows, with its standard error"
            + (!report.isSmaller ? ". Multiply-adds a token, where zeros are skipped." : ".")
        return "<p class=\"quiet\">\(note)</p>\n"
            + table([report.goneName] + methods + ["multiply-adds", "size on disk"], rows)
    }

    /// In one piece, however many columns there are.
    private func rowName(_ text: String) -> String { "<span class=\"row\">\(text)</span>" }

    /// What else was measured of the outputs: a row for each share, a column for each method;
    /// nothing where there is nothing else.
    private func likeness(_ lines: [Tradeoff]) -> String {
        let shares = Set(lines.flatMap { $0.points.dropFirst().map(\.share) }).sorted()
        var measures: [(note: String, cell: (ReportDocument.Point) -> String?)] = [
            (
                "the share of tokens for which the most likely next one is the dense model's",
                { $0.agreement.map { share($0) } }
            ),
            (
                "KL(dense, pruned) in nats a token",
                { $0.divergence.map { "KL\u{A0}\(data($0))" } }
            ),
            (
                "the change of acc in points",
                {
                    Measured($0.choicesChange?.plain).map {
                        "acc\u{A0}\(change($0, isStored: true))"
                    }
                }
            ),
            (
                "the change of acc_norm in points",
                {
                    Measured($0.choicesChange?.normalised).map {
                        "norm\u{A0}\(change($0, isStored: true))"
                    }
                }
            ),
        ]
        measures = measures.filter { measure in
            lines.contains { $0.points.contains { $0.others.flatMap(measure.cell) != nil } }
        }
        guard !measures.isEmpty else { return "" }
        let rows = shares.map { share -> [String] in
            [rowName(percent(share))]
                + lines.map { line in
                    guard let point = line.points.first(where: { $0.share == share })?.others
                    else { return "–" }
                    let cells = measures.map { $0.cell(point) ?? "–" }
                    return (cells.first ?? "–")
                        + cells.dropFirst().map { "<small>\($0)</small>" }.joined()
                }
        }
        let methods = lines.count > 1 ? lines.map { markup($0.method ?? "") } : ["likeness"]
        return "<p class=\"quiet\">How like the dense model they are: "
            + "\(measures.map(\.note).joined(separator: "; ")).</p>\n"
            + table([report.goneName] + methods, rows)
    }
}
