import Reports

extension ReportDocument.Layer {
    init(_ result: LayerResult) {
        self.init()
        name = result.plan.name
        block = result.plan.block
        rows = result.shape[0]
        columns = result.shape[1]
        let left = [result.layer.rows, result.layer.columns]
        kept = left == result.shape ? nil : .init(rows: left[0], columns: left[1])
        method = result.plan.choice?.metric.name ?? ""
        compensation = (result.plan.choice?.compensation ?? .none).rawValue
        reason = result.plan.choice?.reason
        let outcome = result.outcome
        bias = .init(policy: result.plan.policy.rawValue, added: outcome.biasChange != nil)
        zeros = outcome.zeros
        sparsity = Double(outcome.zeros) / Double(max(1, rows * columns))
        sparsityAsked = result.sparsity
        biasShare = outcome.biasShare
        expectedError = outcome.expectedError
        measuredError = outcome.measuredError
        carriedMean = outcome.carriedMean
        carriedScale = outcome.carriedScale
        damping = outcome.damping
    }
}

extension ReportDocument.Block {
    init(_ result: BlockResult) {
        self.init(
            index: result.index, meanSquaredError: result.meanSquaredError,
            cosine: result.difference?.cosine, seconds: result.seconds)
    }
}
