import Tensors
import Transformer

extension Sweep {
    /// Where the layers of a block go until it is tuned; nil where it is not.
    func holding(_ writer: any LaneWriter, block: Int) -> HeldLayers? {
        guard tuning != nil, calibration != nil, isPruned(block) else { return nil }
        return HeldLayers(writer, keepsStatistics: keepsStatistics)
    }

    /// Tunes what is left of a pruned block towards the dense stream behind the dense block, by
    /// Adam with a rate that falls to zero as half a wave of the cosine. What is best on the
    /// windows that are held out is kept, rounded as it is written.
    ///
    /// - Parameters:
    ///   - held: the block's pruned layers, which are handed on as they are then.
    ///   - input: what the block reads in the pruned model, `[tokens, hidden_size]`.
    ///   - experts: all of the block's, of a mixture.
    ///   - states: the dense stream is behind the block already.
    /// - Returns: the block, ready to run.
    func tune(
        _ block: Block, experts: ExpertGroup? = nil, _ held: HeldLayers, input: Matrix,
        _ states: SweepStates, _ lane: Lane
    ) throws -> (block: Block, outcome: TuningOutcome, cost: Cost) {
        guard let tuning, let calibration = states.calibration, let target = states.denseCalibration
        else { preconditionFailure("nothing to tune towards") }
        watch.progress(.tuning, block: block.index, lane.label)
        let start = ContinuousClock.now
        let windows = calibration.windows
        var run = try TuningRun(
            BlockTuner(
                block, experts: experts, tuned: held.keys, model: model, length: windows.length,
                pool: pool),
            TuningStreams(
                input: input, target: target.matrix, tokens: windows.tokens,
                kept: calibration.kept),
            tuning, length: windows.length, seed: tuning.seed &+ UInt64(block.index), watch: watch)
        let (outcome, tokens) = try run.run()
        let tuned = try run.tuner.finish()
        try held.release(run.tuner.norms)
        let cost = Cost(
            seconds: (ContinuousClock.now - start) / .seconds(1),
            flops: model.flops(sequences: 1, windows.length, through: tuned)
                * Double(tokens) / Double(windows.length))
        return (tuned, outcome, cost)
    }
}
