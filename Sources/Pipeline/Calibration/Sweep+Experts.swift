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
        result = try measureExperts(group, &run, from: source, nil, .whole)
        run.did(group.experts, source)
        return result
    }

    /// Does a step of some experts on the calibration.
    /// - Parameters:
    ///   - stage: of the inputs that are wanted; nil: of all, with what the experts add to the
    ///     output where that is wanted.
    ///   - dense: what the dense experts read of the same tokens.
    /// - Returns: the statistics of these inputs.
    func measureExperts(
        _ group: ExpertGroup, _ run: inout MixtureRun, from source: MixtureStream,
        _ stage: Stage?, _ step: ExpertStep, beside dense: [Tap: Matrix] = [:]
    ) throws -> ExpertStatistics {
        var gatherer = ExpertGatherer(
            passes: passes, norms: run.norms, source: source,
            experts: model.configuration.mixture?.experts ?? 0,
            needs: { needs(of: $0, block: group.block) }, pooled: run.pooled)
        let result = try gatherer.gather(group, stage, step, beside: dense)
        run.pooled = gatherer.pooled
        return result
    }

    /// What is gathered of each expert's inputs takes, in bytes, `[experts]`: 0 where nothing is.
    func inputBytes(_ run: MixtureRun) -> [Int] {
        let experts = model.configuration.mixture?.experts ?? 0
        guard let stream = run.staged ?? run.source else {
            return [Int](repeating: 0, count: experts)
        }
        let gathered = ExpertInputs(tokens: stream.routes.tokens, threads: pool.width)
        let lists = stream.routes.tokens(of: 0..<experts)
        return lists.enumerated().map { expert, tokens in
            needs(of: expert, block: run.index).reduce(0) {
                $0 + gathered.bytes($1.value, $1.key.stage, served: tokens.count)
            }
        }
    }

    /// What dense experts read of the tokens that the pruned stream sends to them, for layers that
    /// are solved towards what they make of it. Where all tokens of a block stand for few, the
    /// layer is solved towards what it makes of its own input.
    func denseInputs(
        _ group: ExpertGroup, _ lists: [ExpertTokens], _ run: MixtureRun
    ) throws -> [Tap: Matrix] {
        guard let stream = run.denseCalibration else { return [:] }
        var rooms: [Tap: Matrix] = [:]
        for (expert, tokens) in zip(group.experts, lists) {
            let needs = needs(of: expert, block: group.block).filter {
                tokens.count >= $0.value.features
            }
            rooms.merge(try passes.rooms(needs, tokens: tokens.count)) { $1 }
        }
        guard let observe = passes.filling(rooms, length: 0) else { return [:] }
        try passes.forward.run(
            group, of: run.norms, stream.middle, lists, addingTo: nil, observe: observe,
            finished: { _ in try watch.checkStop() })
        return rooms
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
