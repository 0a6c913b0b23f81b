/// What dense and pruned model do on the same text and questions.
extension ReportPage {
    var verdict: String {
        let zeros =
            "\(data(report.zeros, percent(report.share))) \(report.goneText)."
        let accuracy = accuracyVerdict
        guard let perplexity = report.perplexity, let change = perplexity.change else {
            let missing =
                "What that costs was not measured: give <code>evaluation.text</code>."
            return "\(zeros) \(accuracy ?? missing)"
        }
        let direction = change.value < 0 ? "falls" : "rises"
        let clear = change.isClear == false ? ", no more than chance would have it" : ""
        var parts = [
            "Perplexity \(direction) from \(data(perplexity.dense?.value)) to "
                + "\(data(perplexity.pruned?.value)) (\(difference(change, "%"))\(clear)): \(zeros)"
        ]
        if let agreement = report.fidelity?.agreement {
            parts.append(
                "For \(data(agreement.value, percent(agreement.value))) of the tokens it predicts the "
                    + "same next one as the dense model.")
        }
        if let accuracy { parts.append(accuracy) }
        return parts.joined(separator: " ")
    }

    private var accuracyVerdict: String? {
        guard let questions = report.questions, questions.rows.count == 3,
            let dense = questions.rows[0].plain, let pruned = questions.rows[1].plain,
            let change = questions.rows[2].plain
        else { return nil }
        let direction =
            change.value == 0 ? "stays" : change.value < 0 ? "falls" : "rises"
        let clear =
            change.isClear == false && change.value != 0
            ? ", no more than chance would have it" : ""
        return "Accuracy on \(questions.count) questions \(direction) from "
            + "\(data(dense.value, percent(dense.value))) to "
            + "\(data(pruned.value, percent(pruned.value))) "
            + "(\(difference(change, "points"))\(clear))."
    }

    /// `+3.0 ± 0.3 %`
    private func difference(_ change: ReportContents.Measured, _ unit: String) -> String {
        let error = change.error.map { " ± " + data($0, fixed(100 * $0, 1)) } ?? ""
        return (change.value > 0 ? "+" : "") + fixed(100 * change.value, 1) + error + " \(unit)"
    }

    /// Why the numbers above may be worth less than they look.
    var doubt: String {
        guard let perplexity = report.perplexity, perplexity.change != nil,
            perplexity.ratioError == nil
        else { return "" }
        return
            "<p class=\"warn\">Measured on a single window: how far off these numbers are is not "
            + "known. Give a longer evaluation text, or a shorter <code>evaluation.length</code>.</p>\n"
    }

    /// Facts of the decision: name, value and a note.
    var measurements: [(String, String, String)] {
        var facts: [(String, String, String)] = []
        if let perplexity = report.perplexity, let tokens = perplexity.tokens {
            facts.append(
                (
                    "perplexity, pruned", data(perplexity.pruned),
                    "over \(data(tokens, grouped(tokens))) tokens"
                ))
            facts.append(("perplexity, dense", data(perplexity.dense), ""))
        }
        if let fidelity = report.fidelity {
            facts.append(
                ("same next token", share(fidelity.agreement), "as the dense model's most likely"))
            facts.append(
                ("divergence", data(fidelity.divergence), "KL(dense, pruned), nats a token"))
        }
        if let questions = report.questions {
            let dense = questions.rows.first?.plain
            facts.append(
                (
                    "accuracy, pruned", share(questions.rows.dropFirst().first?.plain),
                    "dense: \(share(dense))"
                ))
        }
        return facts
    }

    var questions: String {
        guard let questions = report.questions else { return "" }
        let source = questions.source.map { "<code>\(markup($0))</code>" } ?? "a file"
        return """
            <h2>Multiple choice</h2>
            <p class="quiet">\(data(questions.count, grouped(questions.count))) questions of \(source). acc: \
            the choice with the largest likelihood is the right one; acc_norm: the largest likelihood for \
            its length. After ± the standard error; that of the change is smaller than the others suggest, \
            for both models answer the same questions.</p>
            \(table(["", "acc", "acc_norm"], questions.rows.map { [$0.name, share($0.plain), share($0.normalised)] }))
            """
    }
}
