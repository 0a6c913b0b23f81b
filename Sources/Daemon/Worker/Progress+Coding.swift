import Documents
import Pipeline
import Spool

extension Progress.Phase: NodeValue {}

/// `progress.json` of a running job, and the same in `stadectl list --json`.
extension Progress: CodedValue {
    package static let blank = Progress(phase: .reading, blocks: 0, fraction: 0)

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("phase", &phase)
        coder.member("block", &block) { (0..<1 << 32).contains($0) }
        coder.required("blocks", &blocks)
        coder.required("fraction", &fraction)
        coder.member("tokens_per_second", &tokensPerSecond)
        coder.member("seconds_left", &secondsLeft)
        coder.member("method", &method)
        coder.member("sparsity", &sparsity)
        blocks = max(0, blocks)
        fraction = min(max(fraction, 0), 1)
    }
}
