import Pruning
import Tensors
import Transformer

/// Gathers what is needed of the inputs of a block's experts, some experts at a time.
///
/// A token counts by the square of the weight with which the expert's output is used, for the
/// block's output errs by that. Where an expert serves fewer tokens than an input has features, all
/// tokens of the block stand for them, each once.
struct ExpertGatherer {
    let passes: Passes
    /// The block, whose norm makes the experts' input.
    let norms: Block
    /// The calibration inside of the block.
    let source: MixtureStream
    /// How many experts there are.
    let experts: Int
    /// What is needed of the inputs of an expert.
    let needs: (_ expert: Int) -> [Tap: InputNeeds]
    /// Of all tokens, as an expert's first layers would read them; nil until some expert needs it.
    var pooled: Statistics?

    /// Runs some experts, as they are in memory: what they read, and what they add to the output
    /// where that is wanted.
    ///
    /// - Parameters:
    ///   - stage: of the inputs that are wanted; nil: of all, and the output with them.
    ///   - step: what is done of the experts.
    ///   - dense: what the dense experts read of the same tokens.
    mutating func gather(
        _ group: ExpertGroup, _ stage: Stage? = nil, _ step: ExpertStep = .whole,
        beside dense: [Tap: Matrix] = [:]
    ) throws -> ExpertStatistics {
        var result = ExpertStatistics()
        let lists = source.routes.tokens(of: group.experts)
        var inputs: [Tap: GatheredInput] = [:]
        for (expert, tokens) in zip(group.experts, lists) {
            result.tokens[expert] = tokens.count
            result.uses[expert] = tokens.power / Double(max(1, source.routes.tokens))
            for (tap, needs) in needs(expert) where stage.map({ tap.stage == $0 }) ?? true {
                if tokens.count < needs.features {
                    result.pooled.insert(tap)
                } else {
                    inputs[tap] = GatheredInput(
                        needs,
                        GatheredInput.Places(
                            tokens: tokens.count, tokenWeights: tokens.tokenWeights),
                        dense: dense[tap])
                }
            }
        }
        let gathered = inputs
        let observe: Forward.Observer = { tap, input, tile in gathered[tap]?.add(input, tile) }
        let watch = passes.watch
        try passes.forward.run(
            group, of: norms, source.middle, lists,
            addingTo: stage == nil ? source.sums : nil, step: step,
            observe: gathered.isEmpty ? nil : observe,
            finished: { _ in try watch.checkStop() })
        for (tap, input) in gathered { result.statistics[tap] = input.finish() }
        for tap in result.pooled.sorted() { result.statistics[tap] = try pool(tap, group) }
        return result
    }

    /// The statistics of all tokens of a block as an expert's input.
    private mutating func pool(_ tap: Tap, _ group: ExpertGroup) throws -> Statistics? {
        guard let expert = tap.expert, var needs = needs(expert)[tap] else { return nil }
        let tokens = source.routes.tokens
        let places = GatheredInput.Places(tokens: tokens, tokenWeights: nil)
        if tap.stage == .feedForward {
            // What the first layers read is the same for all experts.
            if let pooled { return pooled }
            for other in 0..<experts {
                if let more = self.needs(other)[Tap(.feedForward, expert: other)] {
                    needs.add(more)
                }
            }
            let input = GatheredInput(needs, places)
            try passes.forward.observeInput(of: norms, source.middle, tokens: tokens) {
                input.add($1, $2)
            }
            pooled = input.finish()
            return pooled
        }
        let input = GatheredInput(needs, places)
        let lists = group.experts.map { $0 == expert ? ExpertTokens(all: tokens) : ExpertTokens() }
        let watch = passes.watch
        try passes.forward.run(
            group, of: norms, source.middle, lists, addingTo: nil,
            observe: { found, rows, tile in if found == tap { input.add(rows, tile) } },
            finished: { _ in try watch.checkStop() })
        return input.finish()
    }
}
