import Documents
import Pruning

/// A job as its user wrote it: the file that `docs/manifest.md` describes, checked and with every
/// default filled in. Paths are as written; who runs the job resolves them.
package struct Manifest: Sendable {
    /// `name`, or the manifest file's name without its extension.
    package var name: String
    package var model: String
    package var output: String
    package var overwrite = false
    package var prune = Prune()
    /// nil only where `prune` needs no statistics, or `knownStatistics` has them.
    package var calibration: Calibration?
    /// In place of `calibration`: the file of statistics that an earlier job has left.
    package var knownStatistics: String?
    package var evaluation: Evaluation?
    package var precision = Precision.auto
    package var executor = Executor.local
    package var limits = Limits()
    /// Higher runs first.
    package var priority = 0
    static let priorities = -1000...1000
    /// Keeps `stade-statistics.safetensors` beside the output.
    package var statistics = false
    /// The file as it was read; null where there was none.
    package internal(set) var document = Node.null

    package init(name: String, model: String, output: String) {
        self.name = name
        self.model = model
        self.output = output
    }

    package struct Prune: Sendable {
        /// More than one: one output for each, with each sparsity.
        package var methods = [Method.auto]
        /// Shares of zeros in [0, 1); more than one writes one output per value.
        package var sparsity: [Double] = [0.5]
        package var pattern = Pattern.unstructured
        /// Those that pattern `blocks` takes, ascending; empty: as many as `sparsity` says, which
        /// are yet to be chosen.
        package var blocks: [Int] = []
        /// Whether pattern `channels` takes attention heads, too.
        package var heads = false
        /// How the zeros are shared out among the layers.
        package var allocation = Allocation.uniform
        /// What each layer's share may be; nil: as `Allocation` has it around each sparsity.
        package var bounds: ClosedRange<Double>?
        /// nil: `auto`, as published with the method.
        package var compensation: Compensation?
        package var scope = Scope.row
        /// Regular expressions over layer names, not anchored: a layer is pruned if one of
        /// `targets` is found in its name and none of `ignore`.
        package var targets = [".*"]
        package var ignore = ["lm_head"]
        package var order = Order.blocks
        /// Towards what the methods that solve for weights go.
        package var target = Target.auto
        /// nil: what is left of a block stays as the method has made it.
        package var tuning: Tuning?
        package var bias = Bias.auto
        /// Where pattern `experts` takes its share; nil: of each block, too.
        package var experts: ExpertScope?

        /// Whether a layer's input comes through what has been pruned before it.
        package var sequential: Bool { order != .dense }

        /// Whether the calibration goes through the dense blocks beside the pruned ones.
        package var followsDense: Bool { target == .dense || tuning != nil }

        /// How many outputs a job has.
        package var outputs: Int { methods.count * sparsity.count }
    }

    /// What a layer's input has come through when it is measured.
    package enum Order: Sendable, Hashable {
        /// The dense model.
        case dense
        /// Blocks that are pruned already, then its own, which is dense.
        case blocks
        /// All stages before it, pruned.
        case stages
    }

    /// The experts of which a share goes. A checkpoint has one number of experts for all blocks.
    package enum ExpertScope: String, Sendable, CaseIterable { case block }

    /// Which ways of giving a layer a bias are allowed.
    package enum Bias: String, Sendable, CaseIterable { case auto, native, none }

    package enum Precision: String, Sendable, CaseIterable { case auto, float32, bfloat16 }

    package struct Calibration: Sendable {
        package var source: Source
        /// nil: 128, or as many as a file of tokens has.
        package var givenSamples: Int?
        /// nil: 2048, or as a file of tokens has it.
        package var givenLength: Int?
        package var seed: UInt64 = 0

        package var samples: Int {
            get { givenSamples ?? 128 }
            set { givenSamples = newValue }
        }

        package var length: Int {
            get { givenLength ?? 2048 }
            set { givenLength = newValue }
        }

        package init(source: Source) { self.source = source }
    }

    /// At least one of `source` and `choices` is there.
    package struct Evaluation: Sendable {
        /// For perplexity and fidelity.
        package var source: Source?
        package var length = 2048
        /// The first n whole windows; nil: all.
        package var windows: Int?
        /// Multiple-choice questions, `.jsonl` or that with `.gz`.
        package var choices: String?
    }

    package enum Source: Sendable, Hashable {
        /// `.txt`, `.jsonl` with the field `text`, or `.gz` of either.
        case text(String)
        /// safetensors with `calibration`, int32 [samples, length], and `evaluation`, int32
        /// [tokens].
        case tokens(String)
    }

    package struct Limits: Sendable {
        /// nil: what the configuration (or, in the foreground, the machine) allows.
        package var threads: Int?
        /// In bytes.
        package var memory: Int?
        /// In seconds.
        package var time: Int?
    }
}
