import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Prunes and tunes a block with a mixture of experts, which all are in memory meanwhile, and
    /// takes all states past it. The pruned block runs on the calibration twice: for what its
    /// experts read, and as it is tuned.
    ///
    /// - Parameter held: holds the block's layers back.
    func tuneMixture(
        _ index: Int, _ held: HeldLayers, _ states: inout SweepStates, into writer: any LaneWriter
    ) throws {
        guard let calibration = states.calibration, let entered = states.entered else {
            preconditionFailure("nothing to tune on")
        }
        let start = ContinuousClock.now
        let lane = lanes[0]
        try copy(calibration, calibration.matrix, to: entered)
        var run = try MixtureRun(self, index, calibration)
        try held.begin(index)
        let common = try pruneCommon(lane, 0, &run, states, evaluated: [], into: held)
        let count = model.configuration.mixture?.experts ?? 0
        passes.readAhead(index + 1)
        let experts = try pruneExperts(0..<count, &run, into: [held])
        guard let experts else { preconditionFailure("a mixture without experts") }
        try run.finish()
        let (block, outcome, cost) = try tune(
            common, experts: experts, held, input: entered, states, lane)
        run.add(cost)
        try pass(
            block, experts, &run, calibration, entered: entered, evaluated: states.pruned[0])
        try writer.finish(
            BlockResult(
                index: index, difference: try run.difference(calibration),
                seconds: (ContinuousClock.now - start) / .seconds(1), cost: run.cost(lane: 0),
                tuning: outcome))
        if isLast(index) { states.endCalibration() }
    }
    /// Takes the calibration and the evaluation through a block and its experts once they are
    /// tuned.
    ///
    /// - Parameter entered: what the block reads of the calibration.
    func pass(
        _ block: Block, _ experts: ExpertGroup, _ run: inout MixtureRun,
        _ calibration: HiddenStates, entered: Matrix, evaluated: [HiddenStates]
    ) throws {
        run.restart()
        try copy(calibration, entered, to: calibration.matrix)
        watch.progress(.pruning, block: run.index, lanes[0].label)
        try run.move(block, calibration, pruned: evaluated, lane: 0)
        run.norms = block.withoutLayers
        try run.advance(run.pruned[0], through: experts, .prunedEvaluation, lanes[0].label)
        try run.finish()
    }
}
