import Posix

/// The report as tables for a terminal.
package struct PlainReport {
    private let report: ReportDocument

    package init(_ report: ReportDocument) { self.report = report }

    package var text: String {
        var sections = [decision]
        if report.curve.count > 1 { sections.append(tradeoff) }
        if !report.blocks.isEmpty {
            sections.append(blocks)
        }
        if let experts = report.experts { sections.append(text(experts)) }
        if !report.layers.isEmpty {
            sections.append(
                columns(
                    [
                        report.goneName, "bias share", "expected error", "measured error",
                        "judged by",
                        "compensation", "layer",
                    ],
                    report.layers.map { layer in
                        [
                            percent(layer.sparsity), text(layer.biasShare),
                            text(layer.expectedError), text(layer.measuredError), layer.method,
                            layer.compensation, layer.name,
                        ]
                    }, right: 4))
        }
        return sections.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private func text(_ experts: ReportDocument.Experts) -> String {
        columns(
            ["block", "fewest tokens", "most tokens", "score gone", "experts that went"],
            experts.blocks.map { block in
                [
                    "\(block.index)", block.shares.min().map { percent($0) } ?? "-",
                    block.shares.max().map { percent($0) } ?? "-",
                    block.scoreGone.map { percent($0) } ?? "-",
                    block.gone.map(String.init).joined(separator: " "),
                ]
            }, right: 4)
    }

    private var blocks: String {
        let isTuned = report.blocks.contains { $0.tuning != nil }
        let names =
            ["block", "squared error", "cosine"]
            + (isTuned ? ["loss before", "loss tuned", "passes"] : []) + ["seconds"]
        let rows = report.blocks.map { block in
            let tuning = block.tuning
            let tuned = [
                text(tuning?.before), text(tuning?.after), tuning.map { "\($0.passes)" } ?? "-",
            ]
            return [
                "\(block.index)", text(block.meanSquaredError), text(block.cosine, digits: 6),
            ]
                + (isTuned ? tuned : []) + [text(block.seconds, digits: 3)]
        }
        return columns(names, rows, right: names.count)
    }

    /// All outputs, with what was measured of them; empty where no perplexity was.
    private var tradeoff: String {
        let points = Tradeoff.all(report).flatMap { tradeoff in
            tradeoff.points.enumerated().map { ($1, tradeoff.method, $0 == tradeoff.knee) }
        }
        guard !points.isEmpty else { return "" }
        let measures: [(name: String, text: (Tradeoff.Point) -> String?)] = [
            ("agreement", { $0.others?.agreement?.percents }),
            ("divergence", { $0.others?.divergence?.text }),
            ("change of acc", { Measured($0.others?.choicesChange?.plain)?.change }),
            ("of acc_norm", { Measured($0.others?.choicesChange?.normalised)?.change }),
        ]
        let known = measures.filter { measure in points.contains { measure.text($0.0) != nil } }
        let rows = points.map { point, method, isKnee in
            [percent(point.share), point.words ?? short(point.perplexity)]
                + known.map { $0.text(point) ?? "-" } + [
                    point.multiplyAdds.map(counted) ?? "-", point.bytes.map(size) ?? "-",
                    isKnee ? "knee" : "", method ?? "", point.output ?? "dense",
                ]
        }
        let names =
            [report.goneName, "perplexity"] + known.map(\.name)
            + ["multiply-adds", "size", "", "method", "output"]
        return columns(names, rows, right: 4 + known.count)
    }

    private var decision: String {
        var lines = [("job", report.name)]
        if let model = report.model.path { lines.append(("model", model)) }
        lines.append(
            (
                report.goneName,
                "\(percent(report.cost.share)) of \(grouped(report.cost.weights)) weights"
            ))
        lines += evaluation
        lines += report.sizeLines
        for (text, count) in report.commonTreatments {
            lines.append(("layers", "\(count) \(text)"))
        }
        if let note = report.tuningNote { lines.append(("tuned", note)) }
        if let seconds = report.resources.seconds,
            let memory = report.resources.peakMemory
        {
            lines.append(("took", "\(short(seconds, digits: 3)) s and \(size(memory)) of memory"))
        }
        for warning in report.warnings { lines.append(("warning", warning)) }
        return columns(nil, lines.map { [$0.0, $0.1] }, right: 0)
    }

    private var evaluation: [(String, String)] {
        var lines: [(String, String)] = []
        if let perplexity = report.perplexity, let dense = perplexity.denseMeasured,
            let pruned = perplexity.prunedMeasured
        {
            let change = perplexity.change.map { " (\($0.change) %)" } ?? ""
            lines.append(("perplexity", "\(dense.text) dense, \(pruned.text) pruned\(change)"))
            if let dense = Measured(perplexity.denseLoss),
                let pruned = Measured(perplexity.prunedLoss)
            {
                lines.append(("loss", "\(dense.text) dense, \(pruned.text) pruned, nats a token"))
            }
        } else {
            lines.append(("perplexity", "not measured: give evaluation.text"))
        }
        if let agreement = report.fidelity?.agreement {
            lines.append(("agreement", "the same most likely next token for \(agreement.percents)"))
        }
        if let divergence = report.fidelity?.divergence {
            lines.append(("divergence", "\(divergence.text) nats a token, KL(dense, pruned)"))
        }
        if let questions = report.questions {
            for (name, measure) in [("acc", \Row.plain), ("acc_norm", \Row.normalised)] {
                let parts = questions.rows.compactMap { row in
                    row[keyPath: measure].map {
                        row.name == "change"
                            ? "change \($0.change) points" : "\($0.percents) \(row.name)"
                    }
                }
                lines.append(
                    (name, parts.joined(separator: ", ") + ", of \(questions.count) questions"))
            }
        }
        return lines
    }

    private typealias Row = Comparison.Choices.Row

    private func text(_ value: Double?, digits: Int = 4) -> String {
        value.map { short($0, digits: digits) } ?? "-"
    }

    /// Rows in columns; the first `right` of them are aligned to the right.
    private func columns(_ names: [String]?, _ rows: [[String]], right: Int) -> String {
        // Whatever is in it, a cell stays in its line.
        let all = ((names.map { [$0] } ?? []) + rows).map { $0.map { escaped($0) } }
        let count = all.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return all.map { row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                if column < right { return space + cell }
                return column == row.count - 1 ? cell : cell + space
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}
