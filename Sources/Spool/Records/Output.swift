import Documents
import Glibc
import Posix

/// One published checkpoint and what its `stade-report.json` says of it.
package struct Output: Sendable, Hashable {
    package private(set) var path: String
    /// `prune.pattern` of the manifest.
    package var pattern: String?
    package var perplexityDense: Double?
    package var perplexityPruned: Double?
    /// What the report says of a perplexity that is no number: `over 1.8e308 (loss 812.4 nats)`.
    package var perplexityDenseText: String?
    package var perplexityPrunedText: String?
    package var weights: Int?
    package var zeros: Int?
    package var seconds: Double?

    private static let reportLimit = 64 << 20

    /// One of which nothing but its place is known.
    package init(path: String) { self.path = path }

    /// Reads the report of the checkpoint in `path`; its numbers are nil where it has none.
    package init(at path: String) {
        self.path = path
        guard let report = try? Self.report(in: path) else { return }
        pattern = report["prune"]?["pattern"]?.string
        perplexityDense = report["perplexity"]?["dense"]?.double
        perplexityPruned = report["perplexity"]?["pruned"]?.double
        perplexityDenseText = report["perplexity"]?["dense_text"]?.string
        perplexityPrunedText = report["perplexity"]?["pruned_text"]?.string
        weights = report["cost"]?["weights"]?.integer
        zeros = report["cost"]?["zeros"]?.integer
        seconds = report["resources"]?["seconds"]?.double
    }

    /// The whole report of the checkpoint in `path`.
    /// - Throws: what opening, reading or parsing it throws; `SystemError` where it is no regular
    ///   file.
    package static func report(in path: String) throws -> Node {
        // A checkpoint is written by the daemon, but its directory may be anybody's by now.
        let file = try File(
            joined(path, Layout.Output.report), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        guard try file.status().st_mode & S_IFMT == S_IFREG else {
            throw SystemError("open", file.path, errno: EINVAL)
        }
        return try JSON.parse(file.readAll(limit: Self.reportLimit), file: file.path)
    }

    /// The share of zeros among the weights, 0 to 1.
    package var sparsity: Double? {
        guard let weights, let zeros, weights > 0 else { return nil }
        return Double(zeros) / Double(weights)
    }
}

/// An element of `result.json`.
extension Output: CodedValue {
    package static let blank = Output(path: "")

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("path", &path)
        coder.member("pattern", &pattern)
        coder.member("perplexity_dense", &perplexityDense)
        coder.member("perplexity_pruned", &perplexityPruned)
        coder.member("weights", &weights)
        coder.member("zeros", &zeros)
        coder.member("seconds", &seconds)
        coder.rare("perplexity_dense_text", &perplexityDenseText)
        coder.rare("perplexity_pruned_text", &perplexityPrunedText)
    }
}
