import Documents
import Posix

/// What keeps a job from being started although its manifest reads well.
package struct PlanError: Failure, Hashable {
    package enum Reason: Sendable, Hashable {
        case tooFewTokens(found: Int, needed: Int, purpose: String)
        case tensor(_ name: String, found: String, expected: String)
        /// What is wrong with it, and what to do.
        case statisticsFile(String)
        /// A key of the manifest says otherwise than the file of tokens that stands beside it.
        case disagrees(key: String, asked: Int, found: Int)
        case changed
        case needsInputs(layer: String, method: String, compensation: String, isSolved: Bool)
        case noTokenizer
        case noTargets(example: String)
        case unmatched(key: String, expression: String, hint: String)
        case notPruned(expression: String)
        case expression(key: String, expression: String, String)
        case tooWide(layer: String, columns: Int, limit: Int)
        case noChannels(example: String, heads: Bool)
        case partOfChannels(layer: String, part: String)
        case channels(sparsity: Double, most: Double)
        /// Of a shared expert whose width `key` says with that of the others.
        case tiedChannels(layer: String, key: String, isLeftOut: Bool)
        /// Why experts cannot go, and what to do.
        case experts(String)
        /// What an allocation by error needs to know of experts is in no file of statistics.
        case unknownUse(layer: String)
        case group(layer: String, columns: Int, group: Int)
        /// Why blocks cannot go.
        case blocks(String)
        /// Why what is left of a block cannot be tuned, and what to do.
        case tuning(String)
        case threads(asked: Int, allowed: Int)
        case memoryCeiling(asked: Int, allowed: Int)
        case memory(needed: Int, allowed: Int)
        case timeLimit(seconds: Int)
        /// In the dynamic linker's words.
        case library(String)
        /// What `model` names instead of a model's directory, and what to do.
        case modelPath(String, ExitCode)
    }

    /// The manifest's name, or the file that is wrong.
    package let place: String
    package let reason: Reason

    /// The smallest `limits.memory` that would do, in bytes; nil where that is not the trouble.
    package var memoryNeeded: Int? {
        if case .memory(let needed, _) = reason { needed } else { nil }
    }

    package var exitCode: ExitCode {
        switch reason {
        case .tooFewTokens, .tensor, .statisticsFile: .data
        case .changed: .tryAgain
        case .noTokenizer: .noInput
        case .modelPath(_, let code): code
        case .timeLimit, .library: .tryAgain
        default: .configuration
        }
    }

    package var description: String { "\(escaped(place)): \(text)" }

    private var text: String {
        switch reason {
        case .tooFewTokens(let found, let needed, let purpose):
            "has \(found) tokens; \(purpose) needs \(needed): give a longer text or ask for less"
        case .tensor(let name, let found, let expected):
            "tensor '\(name)' is \(found), expected \(expected)"
        case .disagrees(let key, let asked, let found):
            "calibration.\(key) is \(asked), but calibration.tokens has \(found), and all of it is "
                + "used: leave \(key) out or give another file"
        case .changed: "changed while it was read; run the job again"
        case .statisticsFile(let text): escaped(text, limit: 1000)
        case .needsInputs(let layer, let method, let compensation, let isSolved):
            (isSolved
                ? "method \(method) solves layer \(layer) from the covariance of its input"
                : "compensation \(compensation) of method \(method) is fitted on inputs of layer "
                    + layer)
                + ", which a file of statistics has not; "
                + (isSolved ? "choose another method with" : "set")
                + " prune.compensation mean or none, or calibrate on a text"
        case .noTokenizer:
            "has no tokenizer.json, which a text needs; add it, or what it is made of (vocab.json "
                + "with merges.txt, or tokenizer.model), or give 'tokens' instead of 'text'"
        case .noTargets(let example):
            "'targets' and 'ignore' leave no layer to prune; layers are named like \(example)"
        case .unmatched(let key, let expression, let hint):
            "prune.\(key) \(quoted(expression)) is found in no layer's name; \(hint)"
        case .notPruned(let expression):
            "prune.targets \(quoted(expression)) is found only in names of what is never pruned: "
                + "head, embeddings and norms; leave it out"
        case .expression(let key, let expression, let why):
            "prune.\(key) \(quoted(expression)) cannot be matched against the layers' names: "
                + "\(escaped(why)); write it more simply"
        case .tooWide(let layer, let columns, let limit):
            "layer \(layer) has \(columns) columns, method best can do with \(limit) at most; "
                + "choose another method or ignore the layer"
        case .noChannels(let example, let heads):
            "'targets' and 'ignore' leave pattern channels nothing to take: \(example) must be "
                + "among the layers\(heads ? ", or attention" : "; for attention set 'heads'")"
        case .partOfChannels(let layer, let part):
            "pattern channels changes the whole \(part), alike in all blocks, but 'targets' and "
                + "'ignore' leave out layer \(layer): let them name all of its layers or none"
        case .channels(let sparsity, let most):
            "sparsity \(sparsity) with pattern channels is more than the "
                + "\((most * 100).rounded() / 100) that can go and leave every block a channel and "
                + "a head; ask for less"
        case .tiedChannels(let layer, let key, let isLeftOut):
            "pattern channels changes the shared expert with the others, for \(key) says the width "
                + "of both: "
                + (isLeftOut
                    ? "do not ignore layer \(layer), or ignore the other experts, too"
                    : "let 'targets' name the other experts, too, or leave out layer \(layer)")
        case .unknownUse(let layer):
            "allocation error must know how much each expert is used, such as that of layer "
                + "\(layer), which a file of statistics has not: choose another allocation, or "
                + "calibrate on a text"
        case .group(let layer, let columns, let group):
            "pattern groups of \(group) do not divide the \(columns) columns of \(layer); "
                + "choose another pattern or ignore the layer"
        case .blocks(let text): "pattern blocks: \(text)"
        case .experts(let text): "pattern experts: \(text)"
        case .tuning(let text): "prune.tune: \(text)"
        case .threads(let asked, let allowed):
            "limits.threads is \(asked); the configuration allows \(allowed)"
        case .memoryCeiling(let asked, let allowed):
            "limits.memory is \(size(asked)); the configuration allows \(size(allowed))"
        case .memory(let needed, let allowed):
            "needs \(Self.mebibytes(needed)) of memory, limits.memory allows \(size(allowed)); "
                + "raise it or use fewer threads, samples or a shorter length"
        case .library(let reason):
            "the library OpenBLAS cannot be loaded (\(reason)); raise ulimit -v and -d, or install "
                + "Debian's libopenblas0-pthread"
        case .timeLimit(let seconds):
            "stopped after \(seconds) seconds, its limits.time"
        case .modelPath(let text, _): text
        }
    }

    /// As `limits.memory` takes it, rounded up: what is named is enough.
    private static func mebibytes(_ bytes: Int) -> String {
        "\(bytes / (1 << 20) + (bytes % (1 << 20) == 0 ? 0 : 1))MiB"
    }
}
