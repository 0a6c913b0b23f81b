/// What dense and pruned model do on the same text and questions.
extension ReportPage {
    var verdict: String {
        let zeros =
            "<strong>\(percent(report.cost.share))</strong> \(report.goneText)."
        let accuracy = accuracyVerdict
        if let dense = report.perplexity?.denseMeasured,
            let pruned = report.perplexity?.prunedMeasured,
            dense.words ?? pruned.words != nil
        {
            return "Perplexity goes from \(data(dense)) to \(data(pruned)): \(zeros)"
                + (accuracy.map { " \($0)" } ?? "")
        }
        guard let perplexity = report.perplexity, let change = perplexity.change else {
            let missing =
                "What that costs was not measured: give <code>evaluation.text</code>."
            return "\(zeros) \(accuracy ?? missing)"
        }
        let direction = change.value < 0 ? "falls" : "rises"
        let clear = change.isClear == false ? ", no more than chance would have it" : ""
        var parts = [
            "Perplexity \(direction) from \(data(perplexity.denseMeasured?.value)) to "
                + "\(data(perplexity.prunedMeasured?.value)) (\(difference(change, "%"))\(clear)): "
                + "\(zeros)"
        ]
        if let agreement = report.fidelity?.agreement, agreement.words == nil {
            parts.append(
                "The pruned model predicts the same next token as the dense one in "
                    + "\(data(agreement.value, percent(agreement.value))) of cases.")
        }
        if let accuracy { parts.append(accuracy) }
        return parts.joined(separator: " ")
    }

    private var accuracyVerdict: String? {
        guard let questions = report.questions, questions.rows.count == 3,
            let dense = questions.rows[0].plain, let pruned = questions.rows[1].plain,
            let change = questions.rows[2].plain, dense.words ?? pruned.words == nil
        else { return nil }
        let count = "Accuracy on \(data(questions.count, grouped(questions.count))) questions"
        if change.value == 0 {
            return "\(count) stays at \(data(pruned.value, percent(pruned.value)))."
        }
        let direction = change.value < 0 ? "falls" : "rises"
        let clear =
            change.isClear == false ? ", no more than chance would have it" : ""
        return "\(count) \(direction) from "
            + "\(data(dense.value, percent(dense.value))) to "
            + "\(data(pruned.value, percent(pruned.value))) "
            + "(\(difference(change, "points"))\(clear))."
    }

    private func difference(_ measured: Measured, _ unit: String) -> String {
        "<span class=\"change\">\(change(measured, unit))</span>"
    }

    /// Why the numbers above may be worth less than they look.
    var doubt: String {
        guard let perplexity = report.perplexity, perplexity.change != nil,
            perplexity.ratioError == nil
        else { return "" }
        return
            "<p class=\"warn\">Measured on a single window: how far off these numbers are is not "
            + "known. Give a longer evaluation text, or a shorter "
            + "<code>evaluation.length</code>.</p>\n"
    }

    /// Facts of the decision: name, value and a note.
    var measurements: [(String, String, String)] {
        var facts: [(String, String, String)] = []
        if let perplexity = report.perplexity, let tokens = perplexity.tokens {
            facts.append(
                (
                    "perplexity, pruned", data(perplexity.prunedMeasured),
                    "dense: \(data(perplexity.denseMeasured)), over "
                        + "\(data(tokens, grouped(tokens))) tokens"
                ))
            if perplexity.prunedLoss != nil {
                facts.append(
                    (
                        "loss, pruned", data(Measured(perplexity.prunedLoss)),
                        "dense: \(data(Measured(perplexity.denseLoss))), nats a token"
                    ))
            }
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
        let rows = questions.rows.map { row in
            [row.name, accuracy(row.plain, row.name), accuracy(row.normalised, row.name)]
        }
        return """
            <h2>Multiple choice</h2>
            <p class="quiet">\(data(questions.count, grouped(questions.count))) questions of \
            \(source). acc: the choice with the largest likelihood is the right one; acc_norm: the \
            largest likelihood for its length. After ± the standard error; that of the change is \
            smaller than the others suggest, for both models answer the same questions.</p>
            \(table(["", "acc", "acc_norm"], rows))
            """
    }

    private func accuracy(_ measured: Measured?, _ row: String) -> String {
        guard row == "change", let measured else { return share(measured) }
        return change(measured, "points", isStored: true)
    }
}
