import Pruning
import Tensors
import Transformer

/// A survey of blocks with a mixture of experts: neither the experts of a block nor what is known
/// of their inputs are ever whole in memory, but for a factor for each feature.
extension Survey {
    /// For a mixture, in bytes: the sums of the inputs of the experts in memory, as far as nobody
    /// prunes them, and OWL's factors of all experts of a block.
    static func expertBytes(_ model: Model) -> Int {
        guard let mixture = model.configuration.mixture else { return 0 }
        let features = model.configuration.hiddenSize + mixture.expertSize
        let atOnce = MixtureMemory.groups(model).max() ?? 1
        return features * (192 * atOnce + 8 * mixture.experts)
    }

    /// What all tokens go through first, then the experts, a few at a time.
    mutating func surveyMixture(_ index: Int, _ states: HiddenStates?) throws {
        let selected = selected(index)
        var fraction = OutlierFraction()
        var factors: [Tap: [Double]] = [:]
        var powers: [LayerKey: Double] = [:]
        let known = plan.known.map { $0.statistics(of: index) }
        var gatherer = try enter(index, states, known ?? [:], &fraction, &factors, &powers)
        for group in groups {
            // Where all inputs are known, no state has to pass.
            if gatherer == nil, selected.isEmpty { break }
            let experts = try load(group, block: index)
            let found = try gather(experts, &gatherer) ?? ExpertStatistics(statistics: known ?? [:])
            if selected.isEmpty { continue }
            try look(
                at: experts.layers, block: index, found.statistics, &fraction, &factors, &powers)
            for expert in group {
                powers[LayerKey(.down, expert: expert)]? *= found.uses[expert] ?? 1
            }
        }
        if let gatherer {
            let source = gatherer.source
            try passes.forward.finish(
                gatherer.norms, source.sums, beside: source.beside, addingTo: source.middle,
                tokens: source.tokens, rows: source.sums.rows)
        }
        passes.readAhead(index + 1)
        if selected.isEmpty { return }
        switch allocation {
        case .uniform: break
        case .owl:
            // Only now is it known what an outlier is.
            try count(passes.load(index).layers, block: index, factors, &fraction)
            for group in groups {
                try passes.watch.checkStop()
                try count(
                    load(group, block: index).layers, block: index, factors, &fraction)
            }
            outliers[index] = fraction.value
        case .error: add(powers, block: index)
        }
    }

    private var groups: [Range<Int>] {
        let experts = plan.model.configuration.mixture?.experts ?? 0
        let size = plan.memory.expertLimit.count
        return stride(from: 0, to: experts, by: size).map { $0..<min($0 + size, experts) }
    }

    private func load(_ experts: Range<Int>, block: Int) throws -> ExpertGroup {
        passes.readAhead(experts.upperBound..<(experts.upperBound + experts.count), of: block)
        return try plan.model.loadExperts(
            experts, block: block, input: passes.precision.input, pool: passes.pool)
    }

    /// Moves the states up to the experts, and looks at the layers before them.
    /// - Returns: what gathers the experts' inputs; nil where they are known.
    private mutating func enter(
        _ index: Int, _ states: HiddenStates?, _ known: [Tap: Statistics],
        _ fraction: inout OutlierFraction, _ factors: inout [Tap: [Double]],
        _ powers: inout [LayerKey: Double]
    ) throws -> ExpertGatherer? {
        let model = plan.model
        let block = try passes.load(index)
        let isNeeded = !selected(index).isEmpty
        var statistics = known
        var gatherer: ExpertGatherer?
        if plan.known == nil, let states, let mixture = model.configuration.mixture {
            let needs =
                isNeeded
                ? InputNeeds.sums(of: model.commonLayers(block: index), block: index, model) : [:]
            let rows = states.matrix.rows
            let source = MixtureStream(
                middle: states.matrix,
                routes: Routes(tokens: rows, perToken: mixture.expertsPerToken),
                sums: try passes.zeros(rows),
                beside: block.isBesideFeedForward ? try passes.zeros(rows) : nil,
                tokens: states.windows.tokens, isCalibration: true)
            let (found, cost) = try passes.gather(
                needs, of: block, from: states,
                to: .middle(
                    source.middle, source.routes, sums: source.sums, beside: source.beside,
                    observesShared: needs[Tap(.down)] != nil))
            statistics = found
            self.cost += cost
            gatherer = ExpertGatherer(
                passes: passes, norms: block.withoutLayers, source: source,
                experts: mixture.experts
            ) { expert in
                let layers = model.expertRoles.map { LayerKey($0, expert: expert) }
                return isNeeded ? InputNeeds.sums(of: layers, block: index, model) : [:]
            }
        }
        if isNeeded {
            try look(at: block.layers, block: index, statistics, &fraction, &factors, &powers)
        }
        return gatherer
    }

    /// - Returns: nil where nothing is gathered.
    private func gather(
        _ group: ExpertGroup, _ gatherer: inout ExpertGatherer?
    ) throws -> ExpertStatistics? {
        guard let found = try gatherer?.gather(group), let gatherer else { return nil }
        let (tokens, experts) = (gatherer.source.routes.tokens, gatherer.experts)
        passes.watch.did(
            tokens * group.experts.upperBound / experts
                - tokens * group.experts.lowerBound / experts)
        return found
    }

    private mutating func look(
        at layers: [LayerKey: Linear], block: Int, _ statistics: [Tap: Statistics],
        _ fraction: inout OutlierFraction, _ factors: inout [Tap: [Double]],
        _ powers: inout [LayerKey: Double]
    ) throws {
        guard allocation == .owl else {
            return try addCurves(layers, block: block, statistics, &powers)
        }
        for plan in selected(block) {
            guard let layer = layers[plan.key], let input = statistics[plan.key.tap] else {
                continue
            }
            let found = factors[plan.key.tap] ?? OutlierFraction.factors(input)
            factors[plan.key.tap] = found
            try fraction.add(layer, factors: found, pool: passes.pool)
        }
    }

    private func count(
        _ layers: [LayerKey: Linear], block: Int, _ factors: [Tap: [Double]],
        _ fraction: inout OutlierFraction
    ) throws {
        for plan in selected(block) {
            guard let layer = layers[plan.key], let found = factors[plan.key.tap] else { continue }
            try fraction.count(layer, factors: found, pool: passes.pool)
        }
    }
}
