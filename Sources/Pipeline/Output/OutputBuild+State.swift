import Documents
import Reports

extension OutputBuild {
    /// What is known of an output so far, for its report; a snapshot of the job keeps it. What is
    /// not finite is null there, as it is in the report.
    struct State: ReportPart {
        var layers: [ReportDocument.Layer] = []
        private(set) var blocks: [ReportDocument.Block] = []
        var zeros = 0
        var flops = 0.0
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
            coder.member("dense_seconds", &denseSeconds)
            coder.member("pruned_seconds", &prunedSeconds)
        }

        mutating func add(_ block: BlockResult) {
            blocks.append(ReportDocument.Block(block))
            denseSeconds = Self.sum(denseSeconds, block.denseSeconds)
            prunedSeconds = Self.sum(prunedSeconds, block.prunedSeconds)
        }

        private static func sum(_ first: Double?, _ second: Double?) -> Double? {
            first.flatMap { first in second.map { first + $0 } }
        }
    }
}
