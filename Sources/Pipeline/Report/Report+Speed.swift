import Documents
import Transformer

/// What became faster and smaller.
extension Report {
    /// Tokens of the evaluation per second through the blocks of both models; null without
    /// evaluation.
    var speed: Node {
        guard let tokens = plan.evaluation?.tokens, let dense = denseSeconds,
            let pruned = Self.total(state.blocks.map(\.prunedSeconds)), dense > 0, pruned > 0
        else { return .null }
        return .object([
            "dense_tokens_per_second": Node(Double(tokens) / dense),
            "pruned_tokens_per_second": Node(Double(tokens) / pruned),
        ])
    }

    /// nil where one of them is not known.
    static func total(_ seconds: [Double?]) -> Double? {
        let known = seconds.compactMap(\.self)
        return known.count == seconds.count ? known.reduce(0, +) : nil
    }

    /// How wide the blocks were and are; nil but where whole channels go.
    var channels: Node? {
        guard manifest.prune.pattern == .channels else { return nil }
        let treatment = output.treatment
        guard let dense = plan.model.uniformShape, let pruned = treatment.uniformShape else {
            return nil
        }
        var node: Node = .object([
            "dense": widths(dense), "pruned": widths(pruned),
        ])
        if let reason = treatment.headsKept { node = node.setting("heads_kept", to: Node(reason)) }
        return node
    }

    /// By the names that most families have in `config.json`.
    private func widths(_ shape: BlockShape) -> Node {
        let group = plan.model.configuration.headsPerGroup
        return .object([
            "intermediate_size": Node(shape.intermediateSize),
            "num_attention_heads": Node(shape.keyValueHeads * group),
            "num_key_value_heads": Node(shape.keyValueHeads),
        ])
    }
}
