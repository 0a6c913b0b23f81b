import Pruning
import Reports
import Tensors
import Transformer

extension Sweep {
    /// Takes all hidden states past a block of a model from which whole blocks go. Behind the block
    /// before those, a map takes their place where one can be merged.
    func pruneBlocks(
        _ index: Int, _ states: inout SweepStates, _ cut: BlockCut, into writer: any LaneWriter
    ) throws {
        if let run = cut.runs.first(where: { $0.blocks.contains(index) }) {
            if let calibration = states.calibration, !isMapped(run) {
                // Only a map has taken the dense stream to the run's end.
                let dense = try states.denseCalibration ?? copy(calibration)
                _ = try move(dense, through: index)
                states.denseCalibration = dense
            }
            var others = states
            others.endCalibration()
            others.pruned = [[]]
            return try pruneWhole(index, &others, into: [writer])
        }
        if let run = cut.run(behind: index), isMapped(run) {
            try close(run, behind: index, &states, into: writer)
        } else {
            try pruneWhole(index, &states, into: [writer])
        }
        if index == lastSeam { states.endCalibration() }
    }

    /// Whether a map takes a run's place.
    private func isMapped(_ run: BlockCut.Run) -> Bool { run.seam.map(isPruned) ?? false }

    /// The last block to which a map is added, behind which the calibration is not needed; nil
    /// where there is none, or where no whole blocks go.
    var lastSeam: Int? {
        lanes[0].cut.flatMap { cut in cut.runs.compactMap(\.seam).last { isPruned($0) } }
    }

    /// Whether there is a calibration before a block.
    func isCalibrated(before block: Int) -> Bool {
        model.blocks.contains(block) && (lanes[0].cut == nil || block <= (lastSeam ?? -1))
    }

    /// Whether the dense stream is kept apart before a block: where whole blocks go, between the
    /// first of them and the last map.
    func followsDense(before block: Int) -> Bool {
        guard let cut = lanes[0].cut else { return keepsDense }
        return cut.runs.contains { block > (isMapped($0) ? $0.first - 1 : $0.first) }
    }

    /// Adds to a block's last projection the map that brings what leaves it nearest to the dense
    /// stream behind the run.
    private func close(
        _ run: BlockCut.Run, behind index: Int, _ states: inout SweepStates,
        into writer: any LaneWriter
    ) throws {
        let lane = lanes[0]
        let start = ContinuousClock.now
        var block = try passes.load(index)
        passes.readAhead(index + 1)
        var cost = LaneCost()
        var outcome: TuningOutcome?
        if measuresDense, !states.dense.isEmpty {
            watch.progress(.denseEvaluation, block: index, lane.label)
            cost.dense = try advance(states.dense, through: block)
        }
        watch.progress(.pruning, block: index, lane.label)
        var seam: ReportDocument.Seam?
        if let calibration = states.calibration {
            let dense = try states.denseCalibration ?? copy(calibration)
            cost.calibration += try passes.advance(dense, through: block)
            for removed in run.blocks { cost.calibration += try move(dense, through: removed) }
            watch.progress(.pruning, block: index, lane.label)
            let held = holding(writer, block: index)
            let (closed, taken) = try add(
                mapTo: dense, run, block, calibration, lane, into: held ?? writer)
            seam = closed
            cost.calibration += taken
            if let held {
                try hold(block, lane, in: held)
                var target = states
                target.denseCalibration = dense
                let tuned = try tune(block, held, input: calibration.matrix, target, lane)
                (block, outcome) = (tuned.block, tuned.outcome)
                cost.calibration += tuned.cost
                watch.progress(.pruning, block: index, lane.label)
            }
            if index != lastSeam {
                cost.calibration += try passes.advance(calibration, through: block)
                states.denseCalibration = dense
            }
        }
        if !states.pruned[0].isEmpty {
            watch.progress(.prunedEvaluation, block: index, lane.label)
            cost.pruned = try advance(states.pruned[0], through: block)
        }
        var result = BlockResult(
            index: index, difference: nil,
            seconds: (ContinuousClock.now - start) / .seconds(1), cost: cost)
        result.seam = seam
        result.tuning = outcome
        try writer.finish(result)
    }

    /// The block's other layers, which are tuned with the one to which the map was added.
    private func hold(_ block: Block, _ lane: Lane, in held: HeldLayers) throws {
        for plan in lane.layers[block.index] where plan.choice?.metric.isMap == false {
            guard let layer = block.layers[plan.key] else { continue }
            held.write(
                LayerResult(
                    plan: plan, sparsity: 0,
                    outcome: LayerPruning.Outcome(mapped: layer.weights, biasChange: nil),
                    layer: layer, statistics: nil, isPooled: false, tokens: nil,
                    shape: model.shape(plan.key, block: block.index)))
        }
    }

    /// Solves for the map, from what the block's last projection reads to what its output lacks.
    private func add(
        mapTo dense: HiddenStates, _ run: BlockCut.Run, _ block: Block,
        _ calibration: HiddenStates, _ lane: Lane, into writer: any LaneWriter
    ) throws -> (ReportDocument.Seam, Cost) {
        guard
            let plan = lane.layers[block.index].first(where: {
                $0.choice?.metric.isMap == true
            }),
            let layer = block.layers[plan.key], let choice = plan.choice
        else { preconditionFailure("no layer to add a map to") }
        let windows = calibration.windows
        // What it lacks, first what it is.
        let lack = try passes.zeros(windows.tokens.count)
        var cost = try passes.run(
            block, calibration, sequences: windows.count, to: .first(lack))
        let weights = try lacks(lack, dense)
        let sum = LinearMapSum(inputs: layer.columns, outputs: layer.rows)
        let length = windows.length
        cost += try passes.run(
            block, calibration, sequences: windows.count, to: .first(Matrix(rows: 0, columns: 0)),
            observe: { tap, input, tile in
                guard tap == plan.key.tap else { return }
                let first = tile.sequence * length + tile.rows.lowerBound
                let rows = first..<(first + tile.rows.count)
                sum.add(input, lack.rows(rows), tokenWeights: weights.values[rows], at: tile.index)
                lack.release(rows)
            })
        let known = sum.finish()
        guard known.isFinite else {
            throw SweepError(model: model.checkpoint.directory, layer: plan.name)
        }
        try watch.checkStop()
        let map = try known.solve(
            ridge: BlockSurvey.ridge, hasBias: choice.compensation.needsBias, pool: pool)
        let before = known.power
        let after = try known.error(of: map, pool: pool)
        let factor = 1 / model.configuration.multipliers.residual
        addRounded(
            map.weights, times: factor, to: layer.weights,
            as: try model.weightType(plan.key, block: block.index))
        let change = map.bias.map { $0.map { Float($0) * factor } }
        layer.update(bias: model.bias(of: layer, plus: change, plan))
        try block.pack(pool: pool)
        let outcome = LayerPruning.Outcome(mapped: layer.weights, biasChange: change)
        try writer.write(
            LayerResult(
                plan: plan, sparsity: 0, outcome: outcome, layer: layer, statistics: nil,
                isPooled: false, tokens: nil, shape: model.shape(plan.key, block: block.index)))
        return (
            ReportDocument.Seam(
                first: run.first, count: run.count, errorBefore: before * weights.scale,
                errorAfter: after * weights.scale),
            cost
        )
    }

    /// Replaces what a block makes by what it lacks of a stream.
    /// - Returns: how often each token counts.
    private func lacks(_ output: Matrix, _ dense: HiddenStates) throws -> TokenWeights {
        let length = dense.windows.length
        try pool.forEach(dense.windows.count) { index in
            let rows = (index * length)..<((index + 1) * length)
            turnIntoLack(output.rows(rows), of: dense[index])
            output.release(rows)
            dense.release(index)
        }
        return TokenWeights([dense.matrix.view])
    }

    /// A copy of hidden states, where hidden states are.
    private func copy(_ states: HiddenStates) throws -> HiddenStates {
        let copy = try passes.zeroed(states.windows)
        try self.copy(states, states.matrix, to: copy.matrix)
        if let source = states.kept, let target = copy.kept {
            try self.copy(states, source, to: target)
        }
        return copy
    }

    /// Moves hidden states past a dense block, be it a mixture.
    func move(_ states: HiddenStates, through index: Int) throws -> Cost {
        let block = try passes.load(index)
        passes.readAhead(index + 1)
        guard model.isMixture(index) else { return try passes.advance(states, through: block) }
        var run = try MixtureRun(self, index, nil)
        try run.measure(block, nil, denseCalibration: states, dense: [])
        run.norms = block.withoutLayers
        let experts = model.configuration.mixture?.experts ?? 0
        let count = expertLimit.count
        for first in stride(from: 0, to: experts, by: count) {
            let numbers = first..<min(first + count, experts)
            passes.readAhead(numbers.upperBound..<(numbers.upperBound + count), of: index)
            let group = try model.loadExperts(
                numbers, block: index, input: passes.precision.input, pool: pool)
            try run.advance(run.dense, through: group, .survey, lanes[0].label)
        }
        try run.finish()
        return run.cost(lane: 0).calibration
    }
}
