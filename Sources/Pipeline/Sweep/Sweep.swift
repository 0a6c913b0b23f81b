import Posix
import Pruning
import Reports
import Tensors
import Transformer

/// One pass over the blocks of a model: statistics, masks, compensation and, on the way, the
/// evaluation before and after.
package struct Sweep: Sendable {
    package let model: Model
    /// One for each output. A sweep that follows the dense model measures once for all of them;
    /// a sequential one has a single output.
    package let lanes: [Lane]
    package let pattern: Pattern
    package let scope: Scope
    package let seed: UInt64
    /// Each block's statistics on inputs from the blocks pruned before it; otherwise on the dense
    /// model's.
    package let sequential: Bool
    /// Of a sequential sweep: each stage's statistics behind the pruned stages before it, in one
    /// pass for each block.
    let byStages: Bool
    package let calibration: TokenWindows?
    /// Statistics in place of a calibration.
    package let known: StatisticsFile?
    package let evaluation: Evaluation?
    /// Whether the evaluation goes through the dense model, too; otherwise what that leaves is
    /// there.
    package let measuresDense: Bool
    /// Whether a sequential sweep takes the calibration through the dense blocks as well.
    let keepsDense: Bool
    /// How what is left of each block is tuned; nil: it is not.
    let tuning: Tuning?
    /// Whether masks and statistics are written.
    let keepsStatistics: Bool
    package let passes: Passes
    /// How much of a mixture's experts is in memory at once.
    let expertLimit: ExpertLimit

    var pool: WorkerPool { passes.pool }
    var watch: Watch { passes.watch }

    /// How many sequences' output is compared with the dense block's: the first ones, with about
    /// 2048 tokens; the product of the last layer is needed for nothing else.
    static func comparedSequences(_ windows: TokenWindows?) -> Int {
        guard let windows else { return 0 }
        return min(windows.count, max(1, 2048 / windows.length))
    }

    package init(
        model: Model, lanes: [Lane], pattern: Pattern, scope: Scope, seed: UInt64,
        sequential: Bool, byStages: Bool = false, calibration: TokenWindows?,
        known: StatisticsFile? = nil, evaluation: Evaluation?, measuresDense: Bool,
        keepsDense: Bool = false, tuning: Tuning? = nil, keepsStatistics: Bool = false,
        precision: Precision, pool: WorkerPool, watch: Watch, expertLimit: ExpertLimit = .none,
        scratchDirectory: Directory?
    ) {
        precondition(!sequential || lanes.count == 1, "one output when sequential")
        precondition(sequential || !byStages, "stages are sequential")
        precondition(sequential || !keepsDense, "another sweep is behind dense blocks anyway")
        precondition(tuning == nil || keepsDense || lanes[0].cut != nil, "nothing to tune towards")
        self.model = model
        self.lanes = lanes
        self.pattern = pattern
        self.scope = scope
        self.seed = seed
        self.sequential = sequential
        self.byStages = byStages
        self.calibration = calibration
        self.known = known
        self.evaluation = evaluation
        self.measuresDense = measuresDense
        self.keepsDense = keepsDense
        self.tuning = tuning
        self.keepsStatistics = keepsStatistics
        self.expertLimit = expertLimit
        let lengths = (evaluation?.sequences ?? []).map(\.length)
        passes = Passes(
            model, length: max(calibration?.length ?? 0, lengths.max() ?? 0),
            precision: precision, pool: pool, watch: watch, scratchDirectory: scratchDirectory)
    }

    /// The states before a block: the embedded tokens before the first one, else zeros, which are
    /// yet to be restored.
    ///
    /// - Parameter dense: of the evaluation's sequences, what an earlier sweep has left; nil where
    ///   this one measures them, or restores them.
    package func states(before block: Int, dense: [HiddenStates]?) throws -> SweepStates {
        precondition(measuresDense || dense != nil || block > 0, "no dense model to compare with")
        let start = block == 0 ? passes.embedded : passes.zeroed
        let sequences = evaluation?.sequences ?? []
        let windows = isCalibrated(before: block) ? calibration : nil
        return SweepStates(
            calibration: try windows.map(start),
            denseCalibration: try followsDense(before: block) ? windows.map(start) : nil,
            between: try byStages
                ? windows.map {
                    try passes.zeros($0.tokens.count, columns: BlockStep.width(of: model))
                } : nil,
            entered: try tuning != nil && (byStages || model.configuration.mixture != nil)
                ? windows.map { try passes.zeros($0.tokens.count) } : nil,
            dense: try dense ?? sequences.map(start),
            pruned: try lanes.map { _ in try sequences.map(start) })
    }

    /// All that the rest of the sweep needs, in the order in which the next block changes it.
    func named(_ states: SweepStates) -> [SweepStates.Named] {
        let moving = states.namedDenseCalibration + (measuresDense ? states.namedDense : [])
        let first =
            sequential
            ? moving + states.namedCalibration : states.namedCalibration + moving
        return first + states.namedPruned + (measuresDense ? [] : states.namedDense)
    }

    /// Prunes a block for every lane and takes all states past it.
    ///
    /// - Parameter writers: one for each lane.
    package func prune(
        _ index: Int, _ states: inout SweepStates, into writers: [any LaneWriter]
    ) throws {
        precondition(writers.count == lanes.count, "a writer for each lane")
        if let cut = lanes[0].cut {
            return try pruneBlocks(index, &states, cut, into: writers[0])
        }
        try pruneWhole(index, &states, into: writers)
    }

    /// The same where the block itself stays.
    func pruneWhole(
        _ index: Int, _ states: inout SweepStates, into writers: [any LaneWriter]
    ) throws {
        if model.isMixture(index), let plan = lanes[0].experts {
            return try removeExperts(index, plan, &states, into: writers[0])
        }
        if model.isMixture(index) { return try pruneMixture(index, &states, into: writers) }
        if byStages, states.calibration != nil, isPruned(index) {
            try pruneByStages(index, &states, into: writers[0])
            if isLast(index) { states.endCalibration() }
            return
        }
        var measured: Measured?
        for (number, lane) in lanes.enumerated() {
            let start = ContinuousClock.now
            // Every lane prunes what the one before it has changed; two blocks are never in
            // memory.
            var block = try passes.load(index)
            var cost = LaneCost()
            if number == 0 {
                passes.readAhead(index + 1)
                // First, for a sequential sweep changes no states here: time to copy them.
                watch.progress(.pruning, block: index, lane.label)
                measured = try measure(block, states.calibration)
                cost.calibration += measured?.cost ?? Cost()
                if let dense = states.denseCalibration {
                    cost.calibration += try passes.advance(dense, through: block)
                }
                if measuresDense, !states.dense.isEmpty {
                    watch.progress(.denseEvaluation, block: index, lane.label)
                    cost.dense = try advance(states.dense, through: block)
                }
            }
            watch.progress(.pruning, block: index, lane.label)
            let held = holding(writers[number], block: index)
            block = try prune(
                block, lane, measured?.statistics ?? [:], into: held ?? writers[number])
            var outcome: TuningOutcome?
            if let held, let input = states.calibration?.matrix {
                // What was gathered takes memory that tuning needs.
                measured?.statistics = [:]
                let tuned = try tune(block, held, input: input, states, lane)
                (block, outcome) = (tuned.block, tuned.outcome)
                cost.calibration += tuned.cost
                watch.progress(.pruning, block: index, lane.label)
            } else {
                try block.pack(pool: pool)
            }
            let (difference, passed) = try finish(block, states.calibration, measured?.dense)
            cost.calibration += passed
            if !states.pruned[number].isEmpty {
                watch.progress(.prunedEvaluation, block: index, lane.label)
                cost.pruned = try advance(states.pruned[number], through: block)
            }
            try writers[number].finish(
                BlockResult(
                    index: index, difference: difference,
                    seconds: (ContinuousClock.now - start) / .seconds(1), cost: cost,
                    tuning: outcome))
        }
        if isLast(index) { states.endCalibration() }
    }

    func advance(_ states: [HiddenStates], through block: Block) throws -> Cost {
        try states.reduce(into: Cost()) { $0 += try passes.advance($1, through: block) }
    }

    /// Whether something is done to a block's layers.
    func isPruned(_ block: Int) -> Bool {
        lanes.contains { $0.layers[block].contains { $0.choice != nil } }
    }

    func isLast(_ block: Int) -> Bool { block + 1 == model.blocks.upperBound }
}
