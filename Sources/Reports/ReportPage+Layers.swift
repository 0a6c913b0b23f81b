/// What was done to each layer, and how far its output is from the dense one's.
extension ReportPage {
    var layers: String {
        guard !report.layers.isEmpty else { return "" }
        let choices = report.commonTreatments.map { "\($0.count) layers: \(markup($0.text))" }
        let shares = charts(of: "bias share", \.biasShare)
        let sparsities = report.layers.map(\.sparsity)
        // Where all lose the same there is nothing to see.
        let isUneven = (sparsities.max() ?? 0) - (sparsities.min() ?? 0) > 0.02
        let gone = isUneven ? charts(of: report.goneName, \.sparsity) : ""
        let rows = report.layers.map { layer in
            [
                "<code>\(markup(layer.name))</code>", markup(layer.method),
                markup(layer.compensation),
                layer.bias.added ? markup(layer.bias.policy) : "unchanged",
                "\(layer.rows) × \(layer.columns)", data(layer.sparsity, percent(layer.sparsity)),
                data(layer.biasShare), data(layer.expectedError),
                data(layer.measuredError),
            ]
        }
        let names = [
            "layer", "judged by", "compensation", "bias", "shape", report.goneName, "bias share",
            "expected error", "measured error",
        ]
        return """
            <h2>Layers</h2>
            <p>\(choices.joined(separator: "; ")).</p>
            <p class="quiet">Error: squared, over the square of the output. Expected: from what is \
            known of the inputs, which most methods take as uncorrelated. Measured: on the \
            calibration's inputs themselves. Bias share: how much of the input is its mean, 0 to \
            1.</p>
            <div class="charts">\(gone)</div>
            \(errors)
            <div class="charts">\(shares)</div>
            <details><summary>All \(report.layers.count) layers</summary>
            \(table(names, texts: 4, rows))</details>

            """
    }

    /// One small chart for each role of a layer, all to the same scale.
    private func charts(
        of name: String, _ value: (ReportDocument.Layer) -> Double?
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
                }, x: "block", y: name, span: 0...most
            ).svg
        }.joined()
    }

    /// Expected against measured error: one small chart for each role of a layer, all to the same
    /// scale.
    private var errors: String {
        let kinds: [(name: String, value: (ReportDocument.Layer) -> Double?)] = [
            ("expected", \.expectedError), ("measured", \.measuredError),
        ]
        let known = kinds.filter { kind in report.layers.contains { kind.value($0) != nil } }
        // Where nothing was changed there is none, which has no place on the scale.
        let values = report.layers.flatMap { layer in known.compactMap { $0.value(layer) } }
            .filter { $0 > 0 && $0.isFinite }
        guard let least = values.min(), let most = values.max() else { return "" }
        let charts = report.roles.map { role in
            Chart(
                title: role.name, mark: .line,
                points: known.enumerated().flatMap { line, kind in
                    role.layers.compactMap { layer in
                        kind.value(layer).map {
                            Chart.Point(
                                x: Double(layer.block), y: $0,
                                label: "\(layer.name): \(kind.name) \(short($0))", line: line)
                        }
                    }
                }, x: "block", y: known.count > 1 ? "error" : "\(known[0].name) error",
                span: least...most, isLogarithmic: true, lines: known.map(\.name)
            ).svg
        }.joined()
        return "\(distance)<div class=\"charts\">\(charts)</div>"
    }

    /// How far expected and measured errors are from each other, in words.
    private var distance: String {
        let ratios = report.layers.compactMap { layer -> (ratio: Double, name: String)? in
            guard let expected = layer.expectedError, let measured = layer.measuredError,
                expected > 0, measured.isFinite
            else { return nil }
            return (measured / expected, layer.name)
        }.sorted { $0.ratio < $1.ratio }
        guard let least = ratios.first, let most = ratios.last else { return "" }
        let median = short(ratios[ratios.count / 2].ratio, digits: 3)
        return "<p>Measured over expected error: \(median) in the median layer, "
            + "\(short(least.ratio, digits: 3)) (<code>\(markup(least.name))</code>) to "
            + "\(short(most.ratio, digits: 3)) (<code>\(markup(most.name))</code>).</p>\n"
    }
}
