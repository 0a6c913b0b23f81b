import Documents

/// What page, tables and card say of a report, and in which words: weights that are zero are still
/// there, channels and blocks that were taken out are not.
extension ReportDocument {
    var name: String { job.name ?? "a job" }

    var perplexity: Comparison.Perplexity? { comparison.perplexity }

    var fidelity: Comparison.Fidelity? { comparison.fidelity }

    var questions: (rows: [Comparison.Choices.Row], count: Int, source: String?)? {
        comparison.choices.flatMap { choices in
            choices.questions.map { (choices.rows, $0, choices.source) }
        }
    }

    /// What was asked for, by the keys of this report.
    var settings: [(key: String, value: String)] {
        Self.lines("prune", prune.node) + Self.lines("calibration", calibration?.node)
    }

    private static func lines(_ key: String, _ node: Node?) -> [(key: String, value: String)] {
        guard let node else { return [] }
        if let members = node.members {
            return members.flatMap { lines("\(key).\($0.key)", $0.value) }
        }
        return text(node).map { [(key, $0)] } ?? []
    }

    private static func text(_ node: Node) -> String? {
        switch node.value {
        case .string(let text): text
        case .bool(let bool): "\(bool)"
        case .integer(let integer): "\(integer)"
        case .number(let number): "\(number)"
        default: nil
        }
    }

    /// That weights were tuned, and what that reached on average over the blocks; nil where nothing
    /// was.
    var tuningNote: String? {
        guard let tune = prune.tune, let passes = tune.passes, let heldOut = tune.heldOut else {
            return nil
        }
        let losses = blocks.compactMap(\.tuning).compactMap { block in
            block.before.flatMap { before in block.after.map { (before: before, after: $0) } }
        }
        let count = Double(max(1, losses.count))
        let before = losses.reduce(0) { $0 + $1.before } / count
        let after = losses.reduce(0) { $0 + $1.after } / count
        return "The weights that stay, biases and norms of each block were tuned towards the dense "
            + "model's output of the block, in \(passes) passes at most over the calibration. "
            + "The blocks' mean loss on the \(heldOut) windows that were held out went from "
            + "\(short(before)) to \(short(after))."
    }

    /// How many layers got what, the most frequent first.
    var commonTreatments: [(text: String, count: Int)] {
        treatments.sorted { ($1.count, $0.text) < ($0.count, $1.text) }
    }

    /// Widths that became smaller, e.g. `intermediate_size 1536 → 1120`; those that stay are left
    /// out.
    var widths: [(name: String, dense: Int, pruned: Int)] {
        if let experts, experts.dense != experts.pruned {
            return [("experts of a block", experts.dense, experts.pruned)]
        }
        guard let channels, let dense = channels.dense.node.members else { return [] }
        let pruned = channels.pruned.node
        return dense.compactMap { member in
            guard let before = member.value.integer, let after = pruned[member.key]?.integer,
                before != after
            else { return nil }
            return (member.key, before, after)
        }
    }

    var isSmaller: Bool { channels != nil || cut != nil || experts != nil }

    /// What the weights that went are called in tables and charts.
    var goneName: String { isSmaller ? "weights gone" : "zeros" }

    var goneText: String {
        isSmaller
            ? "of the weights in its blocks are gone" : "of the weights in its blocks are zero"
    }

    /// What the share of weights does to file and speed.
    var fileNote: String {
        isSmaller
            ? "The output is a smaller dense model: there is less to store and to compute."
            : "The output is a dense file: zeros are stored, so it is as large and as fast as "
                + "before wherever they are not skipped."
    }

    /// Bytes of the tensors before and after.
    var bytes: (dense: Int, pruned: Int)? {
        guard let dense = cost.bytesDense, let pruned = cost.bytesPruned else { return nil }
        return (dense, pruned)
    }

    /// Tokens of the evaluation per second through the blocks of both models.
    var tokensPerSecond: (dense: Double, pruned: Double)? {
        guard let dense = speed?.dense, let pruned = speed?.pruned, dense > 0 else { return nil }
        return (dense, pruned)
    }
}
