import Documents

/// `stade-report.json`: what was gained and what it cost. Every key stands here once, in the order
/// in which it is written; docs/report.md says what each means. The page, the tables, the model
/// card and the snapshot of a job read these values.
///
/// Sizes are bytes, times are seconds, shares are from 0 to 1. A value that a report does not say,
/// because it is older or nothing was measured, is nil; one that is not finite is NaN.
package struct ReportDocument: ReportPart, Hashable {
    private var version = 1
    package var job = Job()
    package var model = Model()
    package var prune = Prune()
    package var calibration: Calibration?
    package var layers: [Layer] = []
    package var blocks: [Block] = []
    package var comparison = Comparison()
    package var cost = Cost()
    package var speed: Speed?
    package var resources = Resources()
    /// For whoever reads the report: lines.
    package var warnings: [String] = []
    /// nil except where whole channels went.
    package var channels: Channels?
    /// nil except where whole blocks went.
    package var cut: Cut?
    /// nil except where experts went.
    package var experts: Experts?
    /// All outputs of a job with several.
    package var curve: [Point] = []
    /// Files of the model directory that were not copied.
    package var leftOut: [LeftOut] = []

    package init() {}

    /// - Returns: nil where `node` is no report of version 1.
    package init?(_ node: Node) {
        self.init(coded: node)
        guard version == 1 else { return nil }
    }

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("version", &version)
        coder.member("job", &job)
        coder.member("model", &model)
        coder.member("prune", &prune)
        coder.member("calibration", &calibration)
        coder.member("layers", &layers)
        coder.member("blocks", &blocks)
        coder.members(of: &comparison)
        coder.required("cost", &cost)
        coder.member("speed", &speed)
        coder.member("resources", &resources)
        coder.rare("warnings", &warnings)
        coder.rare("channels", &channels)
        coder.rare("cut", &cut)
        coder.rare("experts", &experts)
        coder.rare("curve", &curve)
        coder.rare("files_left_out", &leftOut)
    }
}

extension ReportDocument {
    package struct Job: ReportPart, Hashable {
        package var id: String?
        package var name: String?

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("id", &id)
            coder.rare("name", &name)
        }
    }

    /// The dense model.
    package struct Model: ReportPart, Hashable {
        package var path: String?
        package var family: String?
        package var parameters: Int?

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("path", &path)
            coder.rare("family", &family)
            coder.rare("parameters", &parameters)
        }
    }

    /// Settings as in the manifest, `method` and `sparsity` of this output.
    package struct Prune: ReportPart, Hashable {
        package var method: String?
        package var pattern: String?
        package var allocation: String?
        package var scope: String?
        package var sparsity: Double?
        package var compensation: String?
        package var sequential: Bool?
        /// Whether each stage of a block was measured behind the pruned stages before it.
        package var stages: Bool?
        /// Towards what solved layers went, where that was not their own output.
        package var target: String?
        /// nil where nothing was tuned.
        package var tune: Tune?
        /// The least and the most sparsity of a layer; empty where all get the same.
        package var bounds: [Double] = []

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("method", &method)
            coder.rare("pattern", &pattern)
            coder.rare("allocation", &allocation)
            coder.rare("scope", &scope)
            coder.rare("sparsity", &sparsity)
            coder.rare("compensation", &compensation)
            coder.rare("sequential", &sequential)
            coder.rare("stages", &stages)
            coder.rare("target", &target)
            coder.rare("tune", &tune)
            coder.rare("bounds", &bounds)
        }
    }

    /// How what is left of each block was tuned.
    package struct Tune: ReportPart, Hashable {
        /// Over the calibration, at most.
        package private(set) var passes: Int?
        package private(set) var rate: Double?
        /// Windows whose loss decided, which were not tuned on.
        package private(set) var heldOut: Int?

        package init() {}

        package init(passes: Int, rate: Double, heldOut: Int) {
            self.passes = passes
            self.rate = rate
            self.heldOut = heldOut
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("passes", &passes)
            coder.rare("rate", &rate)
            coder.rare("held_out", &heldOut)
        }
    }

    package struct Calibration: ReportPart, Hashable {
        /// As written in the manifest.
        package var source: String?
        /// Windows, and the tokens of each; nil with a statistics file.
        package var samples: Int?
        package var length: Int?
        package var tokens: Int?
        package var seed: Int?
        /// Only of a statistics file: behind which pruned blocks it was gathered; nil inside: none.
        package var pruned: String??

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("source", &source)
            coder.rare("samples", &samples)
            coder.rare("length", &length)
            coder.rare("tokens", &tokens)
            coder.rare("seed", &seed)
            var node = pruned.map { $0.map { Node($0) } ?? .null }
            coder.rare("pruned", &node)
            if coder.isReading { pruned = node.map(\.string) }
        }
    }

    package struct LeftOut: ReportPart, Hashable {
        package private(set) var path = ""
        package private(set) var reason = ""

        package init() {}

        package init(path: String, reason: String) {
            self.path = path
            self.reason = reason
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("path", &path)
            coder.member("reason", &reason)
        }
    }
}
