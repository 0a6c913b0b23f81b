import Posix

/// The README.md of an output: what was done, what it cost, how to load it.
package struct ModelCard {
    private let report: ReportDocument
    /// What the method does, in a few words.
    private let methodSummary: String

    package init(_ report: ReportDocument, methodSummary: String) {
        self.report = report
        self.methodSummary = methodSummary
    }

    package var text: String {
        let (prune, cost) = (report.prune, report.cost)
        let methods = report.treatments.map { "\($0.count) \($0.text)" }.joined(separator: ", ")
        var lines = [
            "# \(Markdown.name(report.name))", "",
            "\(Markdown.name(sourceName)), pruned with [stade](\(Layout.Output.report)): "
                + "\(percent(cost.zeros, of: cost.weights)) of the weights of its "
                + "linear layers are \(report.isSmaller ? "gone" : "zero").", "",
        ]
        lines += warnings
        lines += [
            "| | |", "|---|---|",
            "| method | \(prune.method ?? ""): \(methodSummary) |",
            "| pattern | \(prune.pattern ?? ""), scope \(prune.scope ?? "") |",
        ]
        if !methods.isEmpty { lines.append("| layers | \(methods) |") }
        if let experts = report.experts {
            lines.append("| experts | \(experts.pruned) of \(experts.dense) of each block |")
        }
        lines += calibration
        if let tune = report.prune.tune, let passes = tune.passes {
            lines += [
                "| tuned | what stays of each block, towards the dense model's output of it: "
                    + "\(passes) passes at most |"
            ]
        }
        lines += ["| \(report.goneName) | \(cost.zeros) of \(cost.weights) |"]
        lines += size
        lines += evaluation
        if report.calibration != nil {
            lines += [
                "",
                "Pruning fits the calibration text. On text of another kind the loss is larger: "
                    + "measure it on yours before you deploy.",
            ]
        }
        lines += ["", "## Loading", "", "```python"]
        lines += [
            "from transformers import AutoModelForCausalLM",
            "model = AutoModelForCausalLM.from_pretrained(\"path/to/this/directory\")",
            "```", "",
            (report.isSmaller
                ? "It is a dense model with other numbers in `config.json`. "
                : "The zeros are exact and stay where they are unless the model is trained "
                    + "further. ")
                + "Every layer's numbers are in `\(Layout.Output.report)`.", "",
        ]
        return lines.joined(separator: "\n")
    }

    private var warnings: [String] {
        if report.warnings.isEmpty { return [] }
        return ["Warnings:", ""] + report.warnings.map { "- \(Markdown.code($0))" } + [""]
    }

    private var calibration: [String] {
        guard let calibration = report.calibration, let tokens = calibration.tokens else {
            return []
        }
        let source = Markdown.code(calibration.source ?? "")
        if let samples = calibration.samples, let length = calibration.length {
            return [
                "| calibration | \(samples) sequences of \(length) tokens "
                    + "from \(source), seed \(calibration.seed ?? 0) |"
            ]
        }
        let pruned = calibration.pruned.flatMap(\.self)
            .map { ", gathered while pruning by \(Markdown.name($0))" }
        return [
            "| calibration | statistics of \(tokens) tokens from \(source)\(pruned ?? "") |"
        ]
    }

    /// What was measured, each number with its standard error.
    private var evaluation: [String] {
        var lines: [String] = []
        if let measured = report.perplexity, let tokens = measured.tokens,
            let length = measured.length
        {
            lines += [
                "", "## Perplexity", "",
                // The first token of a window is not predicted.
                "On \(tokens / max(1, length - 1)) windows of \(length) tokens of "
                    + "\(Markdown.code(measured.source ?? "")):", "",
                "| dense | pruned |", "|---|---|",
                "| \(measured.denseText ?? decimals(measured.dense, measured.denseError)) "
                    + "| \(measured.prunedText ?? decimals(measured.pruned, measured.prunedError)) "
                    + "|",
            ]
        }
        if let likeness = report.fidelity?.likeness {
            let divergence = likeness.divergence
            lines += [
                "",
                "Both models have the same most likely next token for "
                    + "\(percent(likeness.agreement)) of the tokens; the divergence KL(dense, "
                    + "pruned) is \(decimals(divergence?.mean, divergence?.standardError, 4)) "
                    + "nats a token.",
            ]
        }
        if let choices = report.comparison.choices, let count = choices.questions {
            let rows = [("dense", choices.dense), ("pruned", choices.pruned)]
            lines += [
                "", "## Multiple choice", "",
                "On the \(count) questions of \(Markdown.code(choices.source ?? "")):",
                "",
                "| | acc | acc_norm |", "|---|---|---|",
            ]
            lines += rows.map {
                "| \($0.0) | \(percent($0.1.plain)) | \(percent($0.1.normalised)) |"
            }
        }
        return lines
    }

    private var size: [String] {
        guard let bytes = report.bytes else { return [] }
        guard report.isSmaller else {
            return [
                "| size on disk | \(bytes.pruned) bytes of \(bytes.dense): zeros are stored |"
            ]
        }
        var lines = ["| size on disk | \(bytes.pruned) bytes of \(bytes.dense) |"]
        if let speed = report.tokensPerSecond {
            lines.append(
                "| speed | \(decimals(speed.pruned / speed.dense, nil)) times that of the dense "
                    + "model's blocks, as measured while pruning |")
        }
        return lines
    }

    private var sourceName: String {
        report.model.path.flatMap { lastName($0) } ?? "a model"
    }

    private func percent(_ count: Int, of whole: Int) -> String {
        let tenths = (1000 * Double(count) / Double(max(1, whole))).rounded()
        return "\(tenths / 10) %"
    }

    private func percent(_ share: Estimate?) -> String {
        decimals(
            share.map { 100 * $0.mean }, share.flatMap(\.standardError).map { 100 * $0 }, 1)
            + " %"
    }

    private func decimals(_ value: Double?, _ error: Double?, _ places: Int = 2) -> String {
        guard let value, value.isFinite else { return notFinite }
        let scale = (0..<places).reduce(1.0) { scale, _ in 10 * scale }
        func rounded(_ value: Double) -> String { "\((value * scale).rounded() / scale)" }
        let error = error.flatMap { $0.isFinite ? $0 : nil }
        return rounded(value) + (error.map { " ± \(rounded($0))" } ?? "")
    }
}
