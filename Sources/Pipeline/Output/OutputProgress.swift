import Documents
import Reports

/// What is known of an output so far, for its report; a snapshot of the job keeps it. What is not
/// finite is null there, as it is in the report.
struct OutputProgress: ReportPart {
    private(set) var layers: [ReportDocument.Layer] = []
    private(set) var blocks: [ReportDocument.Block] = []
    private(set) var experts: [ReportDocument.ExpertBlock] = []
    private(set) var zeros = 0
    /// Where whole blocks went.
    private(set) var seams: [ReportDocument.Seam] = []
    private(set) var flops = 0.0
    /// nil until everything is computed, and without an evaluation.
    var comparison: Comparison?
    /// Of the evaluation's passes through the dense blocks and the pruned ones; nil where they
    /// were not measured in one of the blocks.
    private(set) var denseSeconds: Double? = 0
    private(set) var prunedSeconds: Double? = 0

    init() {}

    mutating func code(_ coder: inout NodeCoder) {
        coder.required("zeros", &zeros)
        coder.required("flops", &flops)
        coder.member("comparison", &comparison)
        coder.required("blocks", &blocks)
        coder.required("layers", &layers)
        coder.rare("seams", &seams)
        coder.rare("experts", &experts)
        coder.member("dense_seconds", &denseSeconds)
        coder.member("pruned_seconds", &prunedSeconds)
    }

    mutating func add(_ layer: LayerResult) {
        layers.append(ReportDocument.Layer(layer))
        zeros += layer.outcome.zeros
    }

    mutating func add(_ result: ExpertsResult) {
        experts.append(ReportDocument.ExpertBlock(result))
        zeros += result.weightsGone
    }

    mutating func add(_ block: BlockResult) {
        blocks.append(ReportDocument.Block(block))
        if let seam = block.seam { seams.append(seam) }
        flops += block.cost.flops
        denseSeconds = Self.sum(denseSeconds, block.cost.dense?.seconds)
        prunedSeconds = Self.sum(prunedSeconds, block.cost.pruned?.seconds)
    }

    /// A survey's, which is no output's own.
    mutating func add(_ survey: Cost) { flops += survey.flops }

    private static func sum(_ first: Double?, _ second: Double?) -> Double? {
        first.flatMap { first in second.map { first + $0 } }
    }
}
