import Posix
import Reports

extension Output {
    /// For people, one line: `perplexity 40.83 -> 42.11, 50.0 % zeros, 12 s, /srv/stade/out/m`.
    package var summary: String {
        var parts: [String] = []
        let dense =
            perplexityDenseText.map { escaped($0) } ?? perplexityDense.map { decimal($0, 2) }
        let pruned =
            perplexityPrunedText.map { escaped($0) } ?? perplexityPruned.map { decimal($0, 2) }
        if let dense, let pruned { parts.append("perplexity \(dense) -> \(pruned)") }
        if let sparsity {
            let isGone = ["channels", "blocks", "experts"].contains(pattern)
            let name = isGone ? "of the weights gone" : "zeros"
            parts.append("\(decimal(sparsity * 100, 1)) % \(name)")
        }
        if let seconds { parts.append(duration(seconds)) }
        return (parts + [escaped(path, limit: 4096)]).joined(separator: ", ")
    }
}
