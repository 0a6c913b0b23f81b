import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Prunes a block stage by stage, each measured behind the pruned stages before it, and takes
    /// all states past it.
    ///
    /// What stands between two steps is kept, so that each product is computed once. The dense
    /// block runs on the sequences that are compared, and on nothing else of the calibration.
    func pruneByStages(
        _ index: Int, _ states: inout SweepStates, into writer: any LaneWriter
    ) throws {
        guard let calibration = states.calibration, let between = states.between else {
            preconditionFailure("nothing to measure on")
        }
        let start = ContinuousClock.now
        let lane = lanes[0]
        let block = try passes.load(index)
        passes.readAhead(index + 1)
        var cost = LaneCost()
        watch.progress(.pruning, block: index, lane.label)
        if let entered = states.entered { try copy(calibration, calibration.matrix, to: entered) }
        let compared = Self.comparedSequences(calibration.windows)
        let output = Matrix(
            rows: compared * calibration.windows.length,
            columns: model.configuration.hiddenSize)
        cost.calibration += try passes.run(
            block, calibration, sequences: compared, to: .first(output))
        let needs = InputNeeds.of(lane.layers[index], model)
        var rooms: [Tap: Matrix] = [:]
        if let dense = states.denseCalibration {
            rooms = try passes.rooms(needs, tokens: dense.matrix.rows)
            cost.calibration += try passes.run(
                block, dense, sequences: dense.windows.count, to: .inPlace,
                observe: passes.filling(rooms, length: dense.windows.length))
        }
        if measuresDense, !states.dense.isEmpty {
            watch.progress(.denseEvaluation, block: index, lane.label)
            cost.dense = try advance(states.dense, through: block)
        }
        watch.progress(.pruning, block: index, lane.label)
        let held = holding(writer, block: index)
        var stages = StagePruning(self, block, lane)
        for step in BlockStep.all(of: model) where step != .end {
            let taps = step.taps(of: model)
            let (statistics, passed) = try passes.gather(
                needs.filter { taps.contains($0.key) }, of: block, from: calibration,
                to: .step(step, between: between), beside: rooms)
            for tap in taps { rooms[tap] = nil }
            cost.calibration += passed
            try stages.prune(taps, statistics, into: held ?? writer)
        }
        var pruned = block
        var outcome: TuningOutcome?
        let (difference, passed): (Difference?, Cost)
        if let held, let entered = states.entered {
            let tuned = try tune(
                stages.finish(into: held), held, input: entered, states, lane)
            (pruned, outcome) = (tuned.block, tuned.outcome)
            cost.calibration += tuned.cost
            watch.progress(.pruning, block: index, lane.label)
            try copy(calibration, entered, to: calibration.matrix)
            (difference, passed) = try compareAndAdvance(pruned, calibration, output)
        } else {
            (difference, passed) = try compareAndAdvance(
                block, calibration, output, to: .step(.end, between: between))
            pruned = try stages.finish(into: writer)
        }
        cost.calibration += passed
        if !states.pruned[0].isEmpty {
            watch.progress(.prunedEvaluation, block: index, lane.label)
            cost.pruned = try advance(states.pruned[0], through: pruned)
        }
        try writer.finish(
            BlockResult(
                index: index, difference: difference,
                seconds: (ContinuousClock.now - start) / .seconds(1), cost: cost,
                tuning: outcome))
    }

    /// Copies the rows of all windows.
    func copy(_ states: HiddenStates, _ source: Matrix, to target: Matrix) throws {
        let length = states.windows.length
        try pool.forEach(states.windows.count) { index in
            let rows = (index * length)..<((index + 1) * length)
            target.rows(rows).copy(from: source.rows(rows))
            source.release(rows)
            target.release(rows)
        }
    }
}

/// A block on its way from dense to pruned, stage by stage.
struct StagePruning {
    private let sweep: Sweep
    private let block: Block
    private let lane: Lane
    /// What takes the place of layers where whole channels go, and what is known of all inputs.
    private var narrowed: [LayerKey: Sweep.Narrowed] = [:]
    private var statistics: [Tap: Statistics] = [:]

    init(_ sweep: Sweep, _ block: Block, _ lane: Lane) {
        self.sweep = sweep
        self.block = block
        self.lane = lane
    }

    /// Prunes the layers that read some inputs, and makes the block fit for its next step.
    ///
    /// Where whole channels go, the layer that loses columns keeps them as zeros until the block is
    /// done, for its input is as wide as the layers before it have made it.
    mutating func prune(
        _ taps: [Tap], _ statistics: [Tap: Statistics], into writer: any LaneWriter
    ) throws {
        if sweep.pattern == .channels {
            self.statistics.merge(statistics) { $1 }
            let found = try sweep.narrow(narrowing, plans, at: taps)
            for (key, narrow) in found where key.losesColumns {
                block.layers[key]?.update(bias: narrow.layer.bias)
            }
            narrowed.merge(found) { $1 }
        } else {
            try sweep.prune(
                block.layers,
                lane.layers[block.index].filter {
                    taps.contains($0.key.tap) && block.layers[$0.key] != nil
                }, lane, statistics, into: writer)
        }
        try block.pack(pool: sweep.pool)
    }

    /// - Returns: the pruned block, ready to run.
    func finish(into writer: any LaneWriter) throws -> Block {
        guard sweep.pattern == .channels else { return block }
        try sweep.write(narrowed, narrowing, plans, lane, into: writer)
        let narrow = block.replacing(
            block.layers.merging(narrowed.mapValues(\.layer)) { $1 },
            shape: lane.shapes[block.index])
        try narrow.pack(pool: sweep.pool)
        return narrow
    }

    private var narrowing: Sweep.Narrowing {
        Sweep.Narrowing(
            block: block.index, layers: block.layers, shape: lane.shapes[block.index],
            statistics: statistics)
    }

    private var plans: [LayerPlan] {
        lane.layers[block.index].filter { $0.choice != nil && $0.key.expert == nil }
    }
}
