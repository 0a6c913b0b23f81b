import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Takes experts out of a block, and all states past it. First the calibration goes through all
    /// experts, a few at a time, which are judged meanwhile; then it goes through those that stay,
    /// which are written.
    func removeExperts(
        _ index: Int, _ plan: ExpertPlan, _ states: inout SweepStates, into writer: any LaneWriter
    ) throws {
        let start = ContinuousClock.now
        let lane = lanes[0]
        let held = holding(writer, block: index)
        if held != nil, let calibration = states.calibration, let entered = states.entered {
            try copy(calibration, calibration.matrix, to: entered)
        }
        var run = try MixtureRun(self, index, states.calibration)
        let whole = try passes.load(index)
        let (result, mending) = try judge(whole, plan, &run, states)
        var block = whole.among(result.kept)
        try writer.write(result)
        for tensor in try model.routerTensors(block: index, of: result.kept) {
            try writer.write(tensor)
        }
        try run.move(block, nil, pruned: held == nil ? states.pruned[0] : [], lane: 0)
        run.norms = block.withoutLayers
        if let held {
            for key in block.layers.keys.sorted() {
                guard let layer = block.layers[key], key.isTunable else { continue }
                held.write(MovedLayer(block: index, key: key, place: key, layer: layer))
            }
        } else {
            // Its experts need no more of it.
            block = run.norms
        }
        let experts = try moveExperts(result.kept, &run, mending, into: held ?? writer)
        passes.readAhead(index + 1)
        if let mending { run.pruned[0].append(mending.stream) }
        try run.finish()
        var outcome: TuningOutcome?
        if let held, let experts, let calibration = states.calibration,
            let entered = states.entered
        {
            let tuned = try tune(block, experts: experts, held, input: entered, states, lane)
            outcome = tuned.outcome
            run.add(tuned.cost)
            try pass(
                tuned.block, experts, &run, calibration, entered: entered,
                evaluated: states.pruned[0])
        }
        try writer.finish(
            BlockResult(
                index: index, difference: try run.difference(states.calibration),
                seconds: (ContinuousClock.now - start) / .seconds(1), cost: run.cost(lane: 0),
                tuning: outcome))
        if isLast(index) { states.endCalibration() }
    }

    /// All streams of the dense model, and the calibration, through all experts of a block.
    /// - Returns: which experts stay, and what mends them; nil: nothing does. The calibration
    ///   stands before them, or is behind them where they are mended.
    private func judge(
        _ block: Block, _ plan: ExpertPlan, _ run: inout MixtureRun, _ states: SweepStates
    ) throws -> (ExpertsResult, ExpertMending?) {
        let label = lanes[0].label
        try run.measure(
            block, nil, denseCalibration: states.denseCalibration,
            dense: measuresDense ? states.dense : [])
        let stream = try states.calibration.map { try run.enterAll(block, $0) }
        let isMended = plan.score == .loss && ExpertMending.isPossible(model)
        let sums = try stream.map { try run.denseSums($0, ofAll: isMended) }
        var judge = try ExpertJudge(
            self, block, plan, source: stream, sums: sums,
            length: states.calibration?.windows.length ?? 1)
        for group in groups {
            let next = group.upperBound
            passes.readAhead(next..<(next + expertLimit.count), of: run.index)
            let experts = try model.loadExperts(
                group, block: run.index, input: passes.precision.input, pool: pool)
            watch.progress(.pruning, block: run.index, label)
            try judge.add(experts)
            if let stream { run.did(group, stream) }
            try run.advance(run.dense, through: experts, .denseEvaluation, label)
        }
        watch.progress(.pruning, block: run.index, label)
        let result = try judge.decide()
        guard let stream, let sums else { return (result, nil) }
        run.keepDense(stream, sums)
        let rerouted = try run.reroute(stream, block.among(result.kept))
        guard isMended else {
            run.pruned[0].append(rerouted)
            return (result, nil)
        }
        for group in groups {
            let experts = try loadExperts(group, of: result.kept, block: run.index)
            try run.advance([rerouted], through: experts, .pruning, label)
        }
        return (
            result, try ExpertMending(self, block.withoutLayers, rerouted, dense: sums)
        )
    }

    private func loadExperts(
        _ group: Range<Int>, of kept: [Int], block: Int
    ) throws -> ExpertGroup {
        try model.loadExperts(
            group, of: Set(kept), block: block, input: passes.precision.input, pool: pool)
    }

    /// The numbers of experts that are in memory at once, of those of the dense block.
    private var groups: [Range<Int>] {
        let count = model.configuration.mixture?.experts ?? 0
        return stride(from: 0, to: count, by: expertLimit.count).map {
            $0..<min($0 + expertLimit.count, count)
        }
    }

    /// All streams of the pruned model through the experts that stay, which are mended first and
    /// then written.
    /// - Returns: all of them, where they are to be tuned.
    private func moveExperts(
        _ kept: [Int], _ run: inout MixtureRun, _ mending: ExpertMending?,
        into writer: any LaneWriter
    ) throws -> ExpertGroup? {
        let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
        var last: ExpertGroup?
        for group in groups {
            last = nil
            let experts = try loadExperts(group, of: kept, block: run.index)
            try mending?.mend(experts)
            try run.advance(run.pruned[0], through: experts, .prunedEvaluation, lanes[0].label)
            for key in experts.layers.keys.sorted() {
                guard let layer = experts.layers[key], let number = key.expert,
                    let place = places[number]
                else { continue }
                try writer.write(
                    MovedLayer(
                        block: run.index, key: key, place: LayerKey(key.role, expert: place),
                        layer: layer))
            }
            try writer.settle()
            last = experts
        }
        return tuning == nil ? nil : last
    }
}
