import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Runs dense experts on the calibration: the statistics of their inputs, and what they add to
    /// the output where that is wanted.
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
        var gatherer = ExpertGatherer(
            passes: passes, norms: run.norms, source: source,
            experts: model.configuration.mixture?.experts ?? 0,
            needs: { needs(of: $0, block: group.block) }, pooled: run.pooled)
        result = try gatherer.gather(group)
        run.pooled = gatherer.pooled
        run.did(group.experts, source)
        return result
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
