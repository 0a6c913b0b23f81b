import Reports

extension ReportDocument.ExpertBlock {
    init(_ result: ExpertsResult) {
        let kept = Set(result.kept)
        self.init(
            index: result.block, score: result.score.rawValue,
            gone: result.served.indices.filter { !kept.contains($0) },
            tokens: result.tokens > 0 ? result.served : [], of: result.tokens,
            scores: result.scores)
    }
}

extension Report {
    /// An expert that serves fewer tokens of the calibration is judged by chance.
    private static let fewTokens = 32
    /// As large a share of a block's experts with few tokens is worth a warning.
    private static let manyUnseen = 1.0 / 8
    /// As large a share of the scores goes where experts differ little: of the share that goes by
    /// number.
    private static let lowRedundancy = 0.75

    /// nil except where experts go.
    var experts: ReportDocument.Experts? {
        guard let experts = output.treatment.experts else { return nil }
        return .init(
            dense: experts.experts, pruned: experts.kept,
            perToken: plan.model.configuration.mixture?.expertsPerToken ?? 0,
            blocks: state.experts)
    }

    /// What a person should know before they trust the choice of experts.
    var expertWarnings: [String] {
        guard let experts = output.treatment.experts, experts.kept < experts.experts else {
            return []
        }
        var warnings: [String] = []
        let blocks = state.experts
        let unseen = blocks.filter { block in
            let few = block.tokens.filter { $0 < Self.fewTokens }.count
            return Double(few) > Self.manyUnseen * Double(experts.experts)
        }
        if !unseen.isEmpty {
            warnings.append(
                "in \(unseen.count) of \(blocks.count) blocks more than an eighth of the experts "
                    + "serve fewer than \(Self.fewTokens) tokens of the calibration, and what they "
                    + "are worth is not known: give more text, or text more like the use")
        }
        let gone = Double(experts.experts - experts.kept) / Double(experts.experts)
        let alike = blocks.filter { ($0.scoreGone ?? 0) > Self.lowRedundancy * gone }
        if !alike.isEmpty {
            warnings.append(
                "in \(alike.count) of \(blocks.count) blocks the experts that went have nearly as "
                    + "much of the scores as of the number: no expert is superfluous there, and "
                    + "fewer should go")
        }
        return warnings
    }
}
