import Documents
import Pipeline
import Spool

extension Progress {
    /// `progress.json` of a running job, and the same in `stadectl list --json`.
    package var node: Node {
        .object([
            "phase": Node(phase.rawValue), "block": Node(block), "blocks": Node(blocks),
            "fraction": Node(fraction), "tokens_per_second": Node(tokensPerSecond),
            "seconds_left": Node(secondsLeft), "method": Node(method),
            "sparsity": Node(sparsity),
        ])
    }

    /// nil where `node` is no progress.
    package init?(_ node: Node) {
        guard let phase = node["phase"]?.string.flatMap({ Phase(rawValue: $0) }),
            let blocks = node["blocks"]?.integer, let fraction = node["fraction"]?.double
        else { return nil }
        self.init(phase: phase, blocks: max(0, blocks), fraction: min(max(fraction, 0), 1))
        block = node["block"]?.integer
        tokensPerSecond = node["tokens_per_second"]?.double
        secondsLeft = node["seconds_left"]?.double
        method = node["method"]?.string
        sparsity = node["sparsity"]?.double
    }

    /// Whether this begins another block, or another phase outside the blocks: worth a line of its
    /// own. Within a block the phases take turns.
    package func isNewStep(after previous: Progress?) -> Bool {
        guard let previous else { return true }
        return block != previous.block || method != previous.method
            || sparsity != previous.sparsity || (block == nil && phase != previous.phase)
    }

    /// For people, who count from 1: `block 3 of 30, 12 %, 4 min left`.
    package var summary: String {
        var parts: [String] = []
        if let block {
            parts.append("block \(block + 1) of \(blocks)")
        } else {
            parts.append(phase.rawValue)
        }
        if let method { parts[0] += " by \(method)" }
        if let sparsity { parts[0] += " at sparsity \(sparsity)" }
        parts.append("\(Int((fraction * 100).rounded(.down))) %")
        if let secondsLeft { parts.append("\(duration(secondsLeft)) left") }
        return parts.joined(separator: ", ")
    }
}
