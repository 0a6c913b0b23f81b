import Documents
import Glibc
import Posix

/// One published output and the numbers of its report that whoever asks for its job is told: an
/// element of `result.json`.
package struct Output: ReportPart, Hashable {
    package private(set) var path = ""
    /// `prune.pattern` of the manifest.
    package private(set) var pattern: String?
    package private(set) var perplexityDense: Double?
    package private(set) var perplexityPruned: Double?
    /// What the report says of a perplexity that is no number: `over 1.8e308 (loss 812.4 nats)`.
    package private(set) var perplexityDenseText: String?
    package private(set) var perplexityPrunedText: String?
    package private(set) var weights: Int?
    package private(set) var zeros: Int?
    package private(set) var seconds: Double?

    private static let reportLimit = 64 << 20

    package init() {}

    /// One of which nothing but its place is known.
    package init(path: String) { self.path = path }

    package init(path: String, _ report: ReportDocument) {
        self.path = path
        pattern = report.prune.pattern
        let perplexity = report.comparison.perplexity
        perplexityDense = perplexity?.dense.flatMap { $0.isFinite ? $0 : nil }
        perplexityPruned = perplexity?.pruned.flatMap { $0.isFinite ? $0 : nil }
        perplexityDenseText = perplexity?.denseText
        perplexityPrunedText = perplexity?.prunedText
        weights = report.cost.weights
        zeros = report.cost.zeros
        seconds = report.resources.seconds
    }

    /// Reads the report of the output in `path`; its numbers are nil where it has none.
    package init(at path: String) {
        if let report = (try? Self.report(in: path)).flatMap({ ReportDocument($0) }) {
            self.init(path: path, report)
        } else {
            self.init(path: path)
        }
    }

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

    /// The whole report of the output in `path`.
    /// - Throws: what opening, reading or parsing it throws; `SystemError` where it is no regular
    ///   file.
    package static func report(in path: String) throws -> Node {
        // An output is written by the daemon, but its directory may be anybody's by now.
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
