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
        _ group: ExpertGroup, _ run: inout MixtureRun, _ observer: SweepObserver
    ) throws -> ExpertStatistics {
        var result = ExpertStatistics()
        if let known {
            for tap in Set(group.layers.keys.map(\.tap)) {
                result.statistics[tap] = known.statistics(of: tap, block: group.block)
            }
            return result
        }
        guard let source = run.source else { return result }
        let lists = source.routes.tokens(of: group.experts)
        var inputs: [Tap: ExpertInput] = [:]
        for (expert, tokens) in zip(group.experts, lists) {
            result.tokens[expert] = tokens.count
            for tap in taps(of: expert, block: group.block) {
                if tokens.count < tap.features {
                    result.pooled.insert(tap.tap)
                } else {
                    inputs[tap.tap] = ExpertInput(
                        features: tap.features, tokens: tokens.count, shares: tokens.shares,
                        tap.needs)
                }
            }
        }
        let gathered = inputs
        let observe: Forward.Observer = { tap, input, tile in gathered[tap]?.add(input, tile) }
        try forward.run(
            group, of: run.norms, source.middle, lists, addingTo: source.sums,
            observe: gathered.isEmpty ? nil : observe,
            finished: { _ in try observer.advance(0, 0, .pruning, group.block) })
        for (tap, input) in gathered { result.statistics[tap] = input.finish() }
        for tap in result.pooled.sorted() {
            result.statistics[tap] = try pool(tap, group, &run, source, observer)
        }
        try run.count(group.experts, source, observer)
        return result
    }

    /// The statistics of all tokens of a block as an expert's input.
    private func pool(
        _ tap: Tap, _ group: ExpertGroup, _ run: inout MixtureRun, _ source: MixtureStream,
        _ observer: SweepObserver
    ) throws -> Statistics? {
        guard let expert = tap.expert,
            let wanted = taps(of: expert, block: group.block).first(where: { $0.tap == tap })
        else { return nil }
        let tokens = source.routes.tokens
        // What the first layers read is the same for all experts.
        if tap.stage == .feedForward, let known = run.pooled { return known }
        let needs =
            tap.stage == .feedForward
            ? (0..<(model.configuration.mixture?.experts ?? 0)).reduce(into: wanted.needs) {
                needs, expert in
                for other in taps(of: expert, block: group.block)
                where other.tap.stage == .feedForward { needs.formUnion(other.needs) }
            } : wanted.needs
        let input = ExpertInput(
            features: wanted.features, tokens: tokens, shares: nil, needs)
        if tap.stage == .feedForward {
            try forward.observeInput(of: run.norms, source.middle, tokens: tokens) {
                input.add($1, $2)
            }
            run.pooled = input.finish()
            return run.pooled
        }
        let lists = group.experts.map { $0 == expert ? ExpertTokens(all: tokens) : ExpertTokens() }
        try forward.run(
            group, of: run.norms, source.middle, lists, addingTo: nil,
            observe: { found, rows, tile in if found == tap { input.add(rows, tile) } },
            finished: { _ in try observer.advance(0, 0, .pruning, group.block) })
        return input.finish()
    }

    /// The inputs of an expert that some lane's layers are judged by, and what they need of them.
    private func taps(
        of expert: Int, block: Int
    ) -> [(tap: Tap, features: Int, needs: ExpertInput.Needs)] {
        var needs: [Tap: ExpertInput.Needs] = [:]
        var features: [Tap: Int] = [:]
        for lane in lanes {
            for plan in lane.expertLayers(expert, block: block) {
                guard let choice = plan.choice else { continue }
                let tap = plan.key.tap
                features[tap] = model.shape(plan.key, block: block).columns
                var needed = needs[tap] ?? []
                if choice.compensation.fitsScale { needed.insert(.sample) }
                if choice.metric.solver != nil { needed.insert(.products) }
                needs[tap] = needed
            }
        }
        return needs.keys.sorted().map { ($0, features[$0] ?? 0, needs[$0] ?? []) }
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
