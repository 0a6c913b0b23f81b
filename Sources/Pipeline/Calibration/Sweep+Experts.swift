import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Runs dense experts on the calibration: the statistics of their inputs, and what they add to
    /// the output where that is wanted.
    ///
    /// A token counts by the square of the weight with which the expert's output is used, for the
    /// block's output errs by that. Where an expert serves fewer tokens than an input has features,
    /// all tokens of the block stand for them, each once.
    func measureExperts(
        _ group: ExpertGroup, _ run: inout MixtureRun
    ) throws -> ExpertStatistics {
        var result = ExpertStatistics()
        if let known {
            result.statistics = run.statistics
            result.tokens = known.tokens(ofExperts: group.experts, block: group.block)
            for (expert, count) in result.tokens {
                for (tap, needs) in needs(of: expert, block: group.block)
                where count < needs.features { result.pooled.insert(tap) }
            }
            return result
        }
        guard let source = run.source else { return result }
        let lists = source.routes.tokens(of: group.experts)
        var inputs: [Tap: GatheredInput] = [:]
        for (expert, tokens) in zip(group.experts, lists) {
            result.tokens[expert] = tokens.count
            for (tap, needs) in needs(of: expert, block: group.block) {
                if tokens.count < needs.features {
                    result.pooled.insert(tap)
                } else {
                    inputs[tap] = GatheredInput(
                        needs,
                        GatheredInput.Places(
                            tokens: tokens.count, tokenWeights: tokens.tokenWeights))
                }
            }
        }
        let gathered = inputs
        let observe: Forward.Observer = { tap, input, tile in gathered[tap]?.add(input, tile) }
        try passes.forward.run(
            group, of: run.norms, source.middle, lists, addingTo: source.sums,
            observe: gathered.isEmpty ? nil : observe,
            finished: { _ in try watch.checkStop() })
        for (tap, input) in gathered { result.statistics[tap] = input.finish() }
        for tap in result.pooled.sorted() {
            result.statistics[tap] = try pool(tap, group, &run, source)
        }
        run.did(group.experts, source)
        return result
    }

    /// The statistics of all tokens of a block as an expert's input.
    private func pool(
        _ tap: Tap, _ group: ExpertGroup, _ run: inout MixtureRun, _ source: MixtureStream
    ) throws -> Statistics? {
        guard let expert = tap.expert, var needs = needs(of: expert, block: group.block)[tap]
        else { return nil }
        let tokens = source.routes.tokens
        let places = GatheredInput.Places(tokens: tokens, tokenWeights: nil)
        if tap.stage == .feedForward {
            // What the first layers read is the same for all experts.
            if let known = run.pooled { return known }
            for other in 0..<(model.configuration.mixture?.experts ?? 0) {
                let others = self.needs(of: other, block: group.block)
                if let more = others[Tap(.feedForward, expert: other)] { needs.add(more) }
            }
            let input = GatheredInput(needs, places)
            try passes.forward.observeInput(of: run.norms, source.middle, tokens: tokens) {
                input.add($1, $2)
            }
            run.pooled = input.finish()
            return run.pooled
        }
        let input = GatheredInput(needs, places)
        let lists = group.experts.map { $0 == expert ? ExpertTokens(all: tokens) : ExpertTokens() }
        try passes.forward.run(
            group, of: run.norms, source.middle, lists, addingTo: nil,
            observe: { found, rows, tile in if found == tap { input.add(rows, tile) } },
            finished: { _ in try watch.checkStop() })
        return input.finish()
    }

    /// What some lane needs of the inputs of an expert.
    private func needs(of expert: Int, block: Int) -> [Tap: InputNeeds] {
        InputNeeds.of(lanes.flatMap { $0.expertLayers(expert, block: block) }, model)
    }
}

extension Lane {
    /// What is done to the layers of an expert.
    func expertLayers(_ expert: Int, block: Int) -> ArraySlice<LayerPlan> {
        let plans = layers[block]
        // They come expert by expert behind all others, each with as many layers.
        guard let last = plans.last?.key.expert else { return [] }
        let common = plans.firstIndex { $0.key.expert != nil } ?? plans.endIndex
        let each = (plans.count - common) / (last + 1)
        let first = common + expert * each
        return plans[first..<(first + each)]
    }
}
