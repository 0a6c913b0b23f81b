import Pipeline

extension Progress {
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
