import Documents
import Glibc
import Manifests
import Pruning
import Reports

/// The README.md of an output: what was done, what it cost, how to load it.
struct ModelCard {
    private let report: Report

    init(_ report: Report) { self.report = report }

    var text: String {
        let plan = report.plan
        let prune = report.manifest.prune
        let method = report.output.treatment.method
        var lines = [
            "# \(Markdown.name(report.manifest.name))", "",
            "\(Markdown.name(sourceName)), pruned with [stade](stade-report.json): "
                + "\(percent(report.state.zeros, of: report.weights)) of the weights of its "
                + "linear layers are \(isSmaller ? "gone" : "zero").", "",
            "| | |", "|---|---|",
            "| method | \(method.name): \(method.summary) |",
            "| pattern | \(prune.pattern), scope \(prune.scope.rawValue) |",
            "| layers | \(methods) |",
        ]
        if let windows = plan.calibration, let wanted = report.manifest.calibration {
            lines.append(
                "| calibration | \(windows.count) sequences of \(windows.length) tokens "
                    + "from \(Markdown.code(wanted.source.path)), seed \(wanted.seed) |")
        }
        if let known = plan.known, let path = report.manifest.knownStatistics {
            let pruned =
                known.origin.pruned.map { ", gathered while pruning by \(Markdown.name($0))" } ?? ""
            lines.append(
                "| calibration | statistics of \(known.origin.tokens) tokens from "
                    + "\(Markdown.code(path))\(pruned) |"
            )
        }
        lines += [
            "| \(isSmaller ? "weights gone" : "zeros") | \(report.state.zeros) of \(report.weights) |"
        ]
        lines += size
        lines += evaluation
        if plan.calibration != nil || plan.known != nil {
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
            (isSmaller
                ? "It is a dense model with other numbers in `config.json`. "
                : "The zeros are exact and stay where they are unless the model is trained further. ")
                + "Every layer's numbers are in `stade-report.json`.", "",
        ]
        return lines.joined(separator: "\n")
    }

    /// What was measured, each number with its standard error.
    private var evaluation: [String] {
        guard let comparison = report.state.comparison, let evaluation = report.plan.evaluation
        else { return [] }
        let wanted = report.manifest.evaluation
        var lines: [String] = []
        if let measured = comparison.perplexity, let windows = evaluation.windows {
            lines += [
                "", "## Perplexity", "",
                "On \(windows.count) windows of \(windows.length) tokens of "
                    + "\(Markdown.code(wanted?.source?.path ?? "")):", "",
                "| dense | pruned |", "|---|---|",
                "| \(measured.denseText ?? decimals(measured.dense, measured.denseError)) "
                    + "| \(measured.prunedText ?? decimals(measured.pruned, measured.prunedError)) |",
            ]
        }
        if let fidelity = comparison.fidelity {
            let agreement = fidelity.agreement
            lines += [
                "",
                "Both models have the same most likely next token for "
                    + "\(percent(agreement)) of the tokens; the divergence KL(dense, pruned) is "
                    + "\(decimals(fidelity.divergence.mean, fidelity.divergence.standardError, 4)) "
                    + "nats a token.",
            ]
        }
        if let choices = comparison.choices, let questions = evaluation.questions {
            let rows = [("dense", choices.dense), ("pruned", choices.pruned)]
            lines += [
                "", "## Multiple choice", "",
                "On the \(questions.count) questions of \(Markdown.code(wanted?.choices ?? "")):",
                "",
                "| | acc | acc_norm |", "|---|---|---|",
            ]
            lines += rows.map {
                "| \($0.0) | \(percent($0.1.plain)) | \(percent($0.1.normalised)) |"
            }
        }
        return lines
    }

    private var isSmaller: Bool { report.manifest.prune.pattern == .channels }

    private var size: [String] {
        guard isSmaller else {
            return [
                "| size on disk | \(report.bytes) bytes, the same as before: zeros are stored |"
            ]
        }
        let dense = report.plan.model.checkpoint.bytes
        var lines = ["| size on disk | \(report.bytes) bytes of \(dense) |"]
        if let fast = report.speed["pruned_tokens_per_second"]?.double,
            let slow = report.speed["dense_tokens_per_second"]?.double
        {
            lines.append(
                "| speed | \(decimals(fast / slow, nil)) times that of the dense model's blocks, as measured "
                    + "while pruning |")
        }
        return lines
    }

    private var sourceName: String {
        String(report.plan.model.checkpoint.directory.split(separator: "/").last ?? "a model")
    }

    /// How many layers got what, e.g. `28 stade with affine, 14 wanda with scale`.
    private var methods: String {
        var counts: [(text: String, count: Int)] = []
        for layer in report.state.layers {
            let text = "\(layer.metric) with \(layer.compensation.rawValue)"
            if let index = counts.firstIndex(where: { $0.text == text }) {
                counts[index].count += 1
            } else {
                counts.append((text, 1))
            }
        }
        return counts.map { "\($0.count) \($0.text)" }.joined(separator: ", ")
    }

    private func percent(_ part: Int, of whole: Int) -> String {
        let tenths = (1000 * Double(part) / Double(max(1, whole))).rounded()
        return "\(tenths / 10) %"
    }

    private func percent(_ share: Estimate) -> String {
        decimals(100 * share.mean, share.standardError.map { 100 * $0 }, 1) + " %"
    }

    private func decimals(_ value: Double, _ error: Double?, _ places: Int = 2) -> String {
        guard value.isFinite else { return notFinite }
        let scale = (0..<places).reduce(1.0) { scale, _ in 10 * scale }
        func rounded(_ value: Double) -> String { "\((value * scale).rounded() / scale)" }
        let error = error.flatMap { $0.isFinite ? $0 : nil }
        return rounded(value) + (error.map { " ± \(rounded($0))" } ?? "")
    }
}
