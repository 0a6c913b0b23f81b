import Documents
import Glibc
import Manifests
import Pruning

/// The README.md of an output: what was done, what it cost, how to load it.
struct ModelCard {
    private let report: Report

    init(_ report: Report) { self.report = report }

    var text: String {
        let plan = report.plan
        let prune = report.manifest.prune
        let method = report.output.treatment.method
        var lines = [
            "# \(report.manifest.name)", "",
            "\(sourceName), pruned with [stade](stade-report.json): "
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
                    + "from `\(wanted.source.path)`, seed \(wanted.seed) |")
        }
        lines += [
            "| \(isSmaller ? "weights gone" : "zeros") | \(report.state.zeros) of \(report.weights) |"
        ]
        lines += size
        if let dense = report.state.dense, let pruned = report.state.pruned,
            let windows = plan.evaluation
        {
            lines += [
                "", "## Perplexity", "",
                "On \(windows.count) windows of \(windows.length) tokens of "
                    + "`\(report.manifest.evaluation?.source.path ?? "")`:", "",
                "| dense | pruned |", "|---|---|",
                "| \(decimals(dense)) | \(decimals(pruned)) |",
            ]
        }
        if plan.calibration != nil {
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
                "| speed | \(decimals(fast / slow)) times that of the dense model's blocks, as measured "
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

    private func decimals(_ value: Double) -> String {
        "\((value * 100).rounded() / 100)"
    }
}
