/// Which experts went of each block, and what is known of them.
extension ReportPage {
    var experts: String {
        guard let experts = report.experts else { return "" }
        let rows = experts.blocks.map { block in
            [
                data(block.index, "\(block.index)"),
                block.gone.map { data($0, "\($0)") }.joined(separator: " "),
                block.shares.min().map { data($0, percent($0)) } ?? "–",
                block.shares.max().map { data($0, percent($0)) } ?? "–",
                block.scoreGone.map { data($0, percent($0)) } ?? "–",
            ]
        }
        let all = experts.blocks.flatMap { block in
            block.shares.indices.map { expert in
                [
                    data(block.index, "\(block.index)"), data(expert, "\(expert)"),
                    block.gone.contains(expert) ? "gone" : "stays",
                    data(block.shares[expert], percent(block.shares[expert])),
                    block.scores.indices.contains(expert) ? data(block.scores[expert]) : "–",
                ]
            }
        }
        let details =
            all.isEmpty
            ? ""
            : """
            <details><summary>All \(all.count) experts</summary>
            \(table(["block", "expert", "", "tokens", "score"], all))</details>

            """
        let score = experts.blocks.first?.score ?? ""
        return """
            <h2>Experts</h2>
            <p>\(data(experts.pruned, "\(experts.pruned)")) of \
            \(data(experts.dense, "\(experts.dense)")) experts of each block stay, judged by \
            \(markup(score)). A token goes to \
            \(data(experts.perToken, "\(experts.perToken)")).</p>
            <p class="quiet">Tokens: the share of the calibration's tokens that an expert serves \
            in the dense block. Score gone: the share of all scores that those have that went.</p>
            \(table(["block", "gone", "fewest tokens", "most tokens", "score gone"], rows))
            \(details)
            """
    }
}
