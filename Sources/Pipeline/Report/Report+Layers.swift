import Reports
import Tensors

extension ReportDocument.Layer {
    init(_ result: LayerResult) {
        self.init()
        name = result.plan.name
        block = result.plan.block
        rows = result.shape.rows
        columns = result.shape.columns
        let left = Shape(rows: result.layer.rows, columns: result.layer.columns)
        kept = left == result.shape ? nil : .init(rows: left.rows, columns: left.columns)
        method = result.plan.choice?.metric.name ?? ""
        compensation = (result.plan.choice?.compensation ?? .none).rawValue
        reason = result.plan.choice?.reason
        let outcome = result.outcome
        bias = .init(policy: result.plan.policy.rawValue, added: outcome.biasChange != nil)
        zeros = outcome.zeros
        sparsity = Double(outcome.zeros) / Double(max(1, result.shape.count))
        sparsityAsked = result.sparsity
        biasShare = outcome.biasShare
        expectedError = outcome.expectedError
        measuredError = outcome.measuredError
        carriedMean = outcome.carriedMean
        carriedScale = outcome.carriedScale
        damping = outcome.damping
        expert = result.plan.key.expert
        statistics = result.tokens.map { .init(tokens: $0, isPooled: result.isPooled) }
    }
}

extension ReportDocument.Block {
    init(_ result: BlockResult) {
        self.init(
            index: result.index, meanSquaredError: result.meanSquaredError,
            cosine: result.difference?.cosine, seconds: result.seconds)
        tuning = result.tuning.map {
            .init(before: $0.before, after: $0.after, passes: $0.passes)
        }
    }
}
