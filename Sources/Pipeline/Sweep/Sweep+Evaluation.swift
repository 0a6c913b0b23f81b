import Glibc
import Reports
import Transformer

extension Sweep {
    /// What the models say, from what their last blocks left of each of the evaluation's sequences.
    ///
    /// - Returns: one for each lane; nil without an evaluation.
    package func compare(_ states: SweepStates) throws -> [Comparison?] {
        guard let evaluation else { return lanes.map { _ in nil } }
        watch.progress(.prunedEvaluation, block: nil, lanes[0].label)
        let models = [states.dense] + states.pruned
        let predictions = try model.predict(
            evaluation.nextTokens, from: models.map { $0.map(\.matrix) }, pool: pool,
            finished: { try watch.checkStop() })
        return predictions.dropFirst().map { evaluation.compare(predictions[0], $0) }
    }
}

extension Evaluation {
    /// - Parameters: what each model says of `nextTokens`.
    func compare(
        _ dense: ArraySlice<TokenPrediction>, _ pruned: ArraySlice<TokenPrediction>
    ) -> Comparison {
        var comparison = Comparison()
        if let windows {
            let tokens = windows.length - 1
            comparison.perplexity = perplexity(
                dense.prefix(windowTokens), pruned.prefix(windowTokens), perWindow: tokens)
            let (first, second) = (dense.startIndex, pruned.startIndex)
            comparison.fidelity = Comparison.Fidelity(
                .init(
                    agreement: Estimate(
                        means(of: tokens) {
                            dense[first + $0].best == pruned[second + $0].best ? 1 : 0
                        }),
                    divergence: Estimate(
                        means(of: tokens) {
                            pruned[second + $0].divergence(from: dense[first + $0])
                        })))
        }
        if let questions {
            let first = questions.scores(dense.dropFirst(windowTokens))
            let second = questions.scores(pruned.dropFirst(windowTokens))
            comparison.choices = Comparison.Choices(
                dense: Comparison.Accuracy(first), pruned: Comparison.Accuracy(second),
                change: Comparison.Accuracy(
                    Questions.Scores(
                        plain: zip(second.plain, first.plain).map { $0 - $1 },
                        normalised: zip(second.normalised, first.normalised).map { $0 - $1 })))
        }
        return comparison
    }

    /// exp of the mean loss m. By the delta method its standard error is exp(m) times that of m,
    /// which is taken over the windows' means: tokens of one window are not independent of each
    /// other.
    private func perplexity(
        _ dense: ArraySlice<TokenPrediction>, _ pruned: ArraySlice<TokenPrediction>,
        perWindow count: Int
    ) -> Comparison.Perplexity {
        func losses(_ predictions: ArraySlice<TokenPrediction>) -> [Double] {
            means(of: count) { predictions[predictions.startIndex + $0].loss }
        }
        func loss(_ predictions: ArraySlice<TokenPrediction>) -> Double {
            predictions.reduce(0) { $0 + $1.loss } / Double(predictions.count)
        }
        let (denseLoss, prunedLoss) = (loss(dense), loss(pruned))
        let (first, second) = (exp(denseLoss), exp(prunedLoss))
        let (firstLosses, secondLosses) = (losses(dense), losses(pruned))
        let change = Estimate(zip(secondLosses, firstLosses).map { $0 - $1 })
        let errors = (
            dense: Estimate(firstLosses).standardError, pruned: Estimate(secondLosses).standardError
        )
        return Comparison.Perplexity(
            dense: first, pruned: second,
            denseError: errors.dense.map { first * $0 },
            prunedError: errors.pruned.map { second * $0 },
            denseLoss: Estimate(mean: denseLoss, standardError: errors.dense),
            prunedLoss: Estimate(mean: prunedLoss, standardError: errors.pruned),
            // Not second / first: both may be beyond what a number can hold.
            ratioError: change.standardError.map { exp(prunedLoss - denseLoss) * $0 })
    }

    /// The mean over each window's tokens, `count` each, of what `value` says of the token at a
    /// place among those of all windows.
    private func means(of count: Int, _ value: (Int) -> Double) -> [Double] {
        stride(from: 0, to: windowTokens, by: count).map { start in
            (start..<(start + count)).reduce(0) { $0 + value($1) } / Double(count)
        }
    }
}

extension Comparison.Accuracy {
    fileprivate init(_ scores: Questions.Scores) {
        self.init(
            plain: Estimate(scores.plain), normalised: Estimate(scores.normalised))
    }
}
