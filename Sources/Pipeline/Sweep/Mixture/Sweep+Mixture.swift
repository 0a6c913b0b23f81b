import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Takes all hidden states through a block with a mixture of experts, and prunes it for every
    /// lane: first what all tokens go through, then the experts, a few at a time, so that neither
    /// the experts of a block nor what is known of their inputs are ever whole in memory.
    func pruneMixture(
        _ index: Int, _ states: inout SweepStates, into writers: [any LaneWriter]
    ) throws {
        let start = ContinuousClock.now
        if let held = holding(writers[0], block: index) {
            return try tuneMixture(index, held, &states, into: writers[0])
        }
        var run = try MixtureRun(self, index, states.calibration)
        for (number, lane) in lanes.enumerated() {
            try writers[number].begin(index)
            _ = try pruneCommon(
                lane, number, &run, states, evaluated: states.pruned[number],
                into: writers[number])
            try writers[number].settle()
        }
        let experts = model.configuration.mixture?.experts ?? 0
        let bytes = inputBytes(run)
        var first = 0
        while first < experts {
            let group = expertLimit.group(from: first, of: experts) { bytes[$0] }
            first = group.upperBound
            passes.readAhead(first..<(first + expertLimit.count), of: index)
            try pruneExperts(group, &run, into: writers)
        }
        passes.readAhead(index + 1)
        try run.finish()
        let difference = try run.difference(states.calibration)
        for (number, writer) in writers.enumerated() {
            try writer.finish(
                BlockResult(
                    index: index, difference: difference,
                    seconds: (ContinuousClock.now - start) / .seconds(1),
                    cost: run.cost(lane: number)))
        }
        if isLast(index) { states.endCalibration() }
    }

    /// Prunes what all tokens of a mixture's block go through, and takes streams to its experts.
    ///
    /// - Parameters:
    ///   - number: the lane's.
    ///   - evaluated: the evaluation's sequences that go there, too.
    /// - Returns: the block without its experts.
    func pruneCommon(
        _ lane: Lane, _ number: Int, _ run: inout MixtureRun, _ states: SweepStates,
        evaluated: [HiddenStates], into writer: any LaneWriter
    ) throws -> Block {
        let index = run.index
        var block = try passes.load(index)
        if number == 0 {
            try run.measure(
                block, states.calibration, denseCalibration: states.denseCalibration,
                dense: measuresDense ? states.dense : [])
        }
        watch.progress(.pruning, block: index, lane.label)
        let staged = byStages && isPruned(index) ? states.calibration : nil
        if let staged, let between = states.between {
            let needs = InputNeeds.of(
                lane.layers[index].filter { $0.key.expert == nil }, model)
            var stages = StagePruning(self, block, lane)
            try run.stage(block, staged, between: between, needs) {
                try stages.prune($0, $1, into: writer)
            }
            block = try stages.finish(into: writer)
        } else {
            block = try prune(block, lane, run.statistics, into: writer)
            try block.pack(pool: pool)
        }
        try run.move(
            block, staged == nil ? states.calibration : nil, pruned: evaluated, lane: number)
        run.norms = block.withoutLayers
        return block
    }

    /// Some experts: what they read, what they make of all streams, dense and pruned, and what is
    /// left of them.
    /// - Returns: the last lane's.
    @discardableResult func pruneExperts(
        _ experts: Range<Int>, _ run: inout MixtureRun, into writers: [any LaneWriter]
    ) throws -> ExpertGroup? {
        let index = run.index
        var last: ExpertGroup?
        var measured = ExpertStatistics()
        for (number, lane) in lanes.enumerated() {
            // Two lanes' are never in memory.
            last = nil
            var group = try model.loadExperts(
                experts, block: index, input: passes.precision.input, pool: pool)
            if number == 0 {
                watch.progress(.pruning, block: index, lane.label)
                if run.staged == nil {
                    measured = try measureExperts(group, &run)
                } else if let source = run.source {
                    try run.advance([source], through: group, .pruning, lane.label)
                }
                try run.advance(run.dense, through: group, .denseEvaluation, lane.label)
            }
            watch.progress(.pruning, block: index, lane.label)
            if let staged = run.staged {
                group = try pruneByStages(group, staged, &run, into: writers[number])
            } else if pattern == .channels {
                group = try pruneChannels(group, lane, measured, into: writers[number])
            } else {
                try prune(
                    group.layers, experts.flatMap { lane.expertLayers($0, block: index) }, lane,
                    measured.statistics, experts: measured, into: writers[number])
            }
            try group.pack(pool: pool)
            try run.advance(run.pruned[number], through: group, .prunedEvaluation, lane.label)
            try writers[number].settle()
            last = group
        }
        return last
    }
}

extension Sweep {
    /// Experts stage by stage: what their first layers read, then what the down projections do.
    /// - Returns: the pruned experts.
    private func pruneByStages(
        _ group: ExpertGroup, _ stream: MixtureStream, _ run: inout MixtureRun,
        into writer: any LaneWriter
    ) throws -> ExpertGroup {
        let plans = group.experts.flatMap { lanes[0].expertLayers($0, block: group.block) }
        let lists = stream.routes.tokens(of: group.experts)
        let fed = try passes.zeros(
            lists.reduce(0) { $0 + $1.count }, columns: model.configuration.mixture?.expertSize)
        // Before anything is pruned.
        let dense = try denseInputs(group, lists, run)
        var pruned = group
        var known = ExpertStatistics()
        for (stage, step) in [(Stage.feedForward, ExpertStep.enter), (.down, .feed(fed))] {
            let measured = try measureExperts(
                group, &run, from: stream, stage, step, beside: dense)
            if pattern != .channels {
                try prune(
                    group.layers, plans.filter { $0.key.stage == stage }, lanes[0],
                    measured.statistics, experts: measured, into: writer)
            } else {
                known.merge(measured)
                if stage == .down {
                    pruned = try pruneChannels(group, lanes[0], known, into: writer)
                    // Their inputs are as wide as they were.
                    for (key, layer) in group.layers where key.role == .down {
                        layer.update(bias: pruned.layers[key]?.bias)
                    }
                }
            }
            try group.pack(pool: pool)
        }
        try passes.forward.run(
            group, of: run.norms, stream.middle, lists, addingTo: stream.sums, step: .end(fed),
            finished: { _ in try watch.checkStop() })
        run.did(group.experts, stream)
        return pruned
    }
}

/// What is known of the inputs of some experts.
struct ExpertStatistics {
    var statistics: [Tap: Statistics] = [:]
    /// Of all tokens of the block, for the expert serves fewer than the input has features.
    var pooled: Set<Tap> = []
    /// How many tokens each expert serves.
    var tokens: [Int: Int] = [:]
    /// The mean, over all tokens of the block, of the square of the weight with which each expert's
    /// output is used.
    var uses: [Int: Double] = [:]

    /// With what is known of other inputs of the same experts.
    mutating func merge(_ other: ExpertStatistics) {
        statistics.merge(other.statistics) { $1 }
        pooled.formUnion(other.pooled)
        tokens.merge(other.tokens) { $1 }
        uses.merge(other.uses) { $1 }
    }
}
