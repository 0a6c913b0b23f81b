import Dispatch
import Posix
import Pruning
import Reports
import Tensors
import Transformer

/// One pass over the blocks of a model: statistics, masks, compensation and, on the way, the
/// evaluation before and after. Only the block's weights and the hidden states are in memory.
package struct Sweep: Sendable {
    /// What `measure` says of a block.
    typealias Measured = (statistics: [Tap: Statistics], dense: Matrix)

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
    package let calibration: TokenWindows?
    /// Statistics in place of a calibration.
    package let known: StatisticsFile?
    package let evaluation: Evaluation?
    /// Whether the evaluation goes through the dense model, too; otherwise what that leaves is
    /// there.
    package let measuresDense: Bool
    package let precision: Precision
    package let pool: WorkerPool
    /// Where hidden states go that are too large for memory; nil: they are kept in memory.
    package let scratchDirectory: Directory?
    let forward: Forward
    /// Where the next block is read while the current one computes. Only hints are given here: the
    /// kernel reads into the page cache, and decoding stays with the pool, which is busy anyway.
    let reading = DispatchQueue(label: "stade.read")

    /// How many sequences' output is compared with the dense block's: the first ones, with about
    /// 2048 tokens; the product of the last layer is needed for nothing else.
    static func comparedSequences(_ windows: TokenWindows?) -> Int {
        guard let windows else { return 0 }
        return min(windows.count, max(1, 2048 / windows.length))
    }

    package init(
        model: Model, lanes: [Lane], pattern: Pattern, scope: Scope, seed: UInt64,
        sequential: Bool, calibration: TokenWindows?, known: StatisticsFile? = nil,
        evaluation: Evaluation?, measuresDense: Bool, precision: Precision, pool: WorkerPool,
        scratchDirectory: Directory?
    ) {
        self.model = model
        precondition(!sequential || lanes.count == 1, "one output when sequential")
        self.lanes = lanes
        self.pattern = pattern
        self.scope = scope
        self.seed = seed
        self.sequential = sequential
        self.calibration = calibration
        self.known = known
        self.evaluation = evaluation
        self.measuresDense = measuresDense
        self.precision = precision
        self.pool = pool
        self.scratchDirectory = scratchDirectory
        let lengths = (evaluation?.sequences ?? []).map(\.length)
        forward = Forward(
            model, length: max(calibration?.length ?? 0, lengths.max() ?? 0),
            input: precision.input, pool: pool)
    }

    /// - Parameter observers: one for each lane.
    /// - Returns: how each pruned model does beside the dense one; nil without an evaluation.
    package func run(_ observers: [SweepObserver]) throws -> [Comparison?] {
        try run(observers, dense: nil, continuation: nil).pruned
    }

    /// - Parameters:
    ///   - dense: of the evaluation's sequences, what an earlier sweep returned. Where that was in
    ///     another process, `continuation` restores it.
    /// - Returns: also what the dense model leaves of the evaluation's sequences.
    func run(
        _ observers: [SweepObserver], dense: [HiddenStates]?, continuation: SweepContinuation?
    ) throws -> (dense: [HiddenStates], pruned: [Comparison?]) {
        precondition(observers.count == lanes.count, "an observer for each lane")
        let tensors = model.tensorsByBlock.blocks
        let first = continuation?.firstBlock ?? 0
        precondition(measuresDense || dense != nil || first > 0, "no dense model to compare with")
        let start = first == 0 ? embedded : zeroed
        let sequences = evaluation?.sequences ?? []
        let states = try first < tensors.count ? calibration.map { try start($0) } : nil
        let pruned = try observers.map { _ in try sequences.map { try start($0) } }
        let dense = try dense ?? sequences.map { try start($0) }
        // What is left of them before `block`, in the order in which the block changes them.
        func remaining(_ block: Int) -> [HiddenStates] {
            let calibrated = [block < tensors.count ? states : nil].compactMap(\.self)
            let moving = measuresDense ? dense : []
            let measured = sequential ? moving + calibrated : calibrated + moving
            return measured + pruned.joined() + (measuresDense ? [] : dense)
        }
        if let continuation, first > 0 { try continuation.restore(remaining(first)) }
        for index in tensors.indices.dropFirst(first) {
            var clock = ContinuousClock.now
            var measured: Measured?
            for (number, observer) in observers.enumerated() {
                // Every lane prunes what the one before it has changed; two blocks are never in
                // memory.
                var block = try model.loadBlock(index, input: precision.input, pool: pool)
                var (denseSeconds, prunedSeconds) = (0.0, 0.0)
                if number == 0 {
                    if index + 1 < tensors.count {
                        reading.async { for tensor in tensors[index + 1] { tensor.readAhead() } }
                    }
                    // First, for a sequential sweep changes no states here: time to copy them.
                    measured = try measure(block, states: states, observer: observer)
                    for states in dense where measuresDense {
                        denseSeconds +=
                            try advance(states, through: block, .denseEvaluation, observer)
                    }
                }
                block = try prune(
                    block, lanes[number], statistics: measured?.statistics ?? [:],
                    observer: observer)
                try block.pack(pool: pool)
                let (difference, error) = try finish(
                    block, states: states, dense: measured?.dense, observer: observer)
                for states in pruned[number] {
                    prunedSeconds +=
                        try advance(states, through: block, .prunedEvaluation, observer)
                }
                try observer.block(
                    BlockResult(
                        index: index, difference: difference, meanSquaredError: error,
                        seconds: (ContinuousClock.now - clock) / .seconds(1),
                        denseSeconds: denseSeconds > 0 ? denseSeconds : nil,
                        prunedSeconds: prunedSeconds > 0 ? prunedSeconds : nil))
                clock = .now
            }
            try continuation?.keep(index + 1, remaining(index + 1))
        }
        return (dense, try compare(dense: dense, pruned: pruned, observers: observers))
    }

    /// Hidden states that are yet to be restored.
    private func zeroed(_ windows: TokenWindows) throws -> HiddenStates {
        try HiddenStates(
            windows: windows, width: model.configuration.hiddenSize,
            scratchDirectory: scratchDirectory)
    }

    /// The first hidden states of every window.
    func embedded(_ windows: TokenWindows) throws -> HiddenStates {
        let states = try zeroed(windows)
        let embedding = try model.embedding()
        try pool.forEach(windows.count) { index in
            try embedding.embed(windows[index], into: states[index])
            states.release(index)
        }
        embedding.release()
        return states
    }

    /// Moves all hidden states one block on, in place.
    /// - Returns: seconds that it took.
    @discardableResult
    func advance(
        _ states: HiddenStates, through block: Block, _ phase: Progress.Phase,
        _ observer: SweepObserver
    ) throws -> Double {
        states.awaitReaders()
        let start = ContinuousClock.now
        try forward.run(
            block, states.matrix, length: states.windows.length,
            sequences: states.windows.count,
            finished: { tile in
                try observer.advance(
                    tile.rows.count, model.flops(tile, states.windows.length, through: block),
                    phase, block.index)
            })
        return (ContinuousClock.now - start) / .seconds(1)
    }

    /// Prunes a block in memory.
    /// - Returns: the same one, or a smaller one where whole channels go.
    private func prune(
        _ block: Block, _ lane: Lane, statistics: [Tap: Statistics], observer: SweepObserver
    ) throws -> Block {
        if pattern == .channels {
            return try pruneChannels(block, lane, statistics: statistics, observer: observer)
        }
        let layers = lane.layers[block.index]
        for plan in layers {
            guard let choice = plan.choice, let layer = block.layers[plan.key] else { continue }
            try observer.advance(0, 0, .pruning, block.index)
            let pruning = LayerPruning(
                name: plan.name, metric: choice.metric, compensation: choice.compensation,
                pattern: pattern, sparsity: lane.sparsity(of: plan), scope: scope, seed: seed,
                type: try model.weightType(plan.key, block: block.index))
            let input = statistics[plan.key.tap]
            let overflow = SweepError(model: model.checkpoint.directory, layer: plan.name)
            guard input?.isFinite ?? true else { throw overflow }
            let outcome = try pruning.apply(to: layer, statistics: input, pool: pool)
            guard outcome.biasChange?.allSatisfy(\.isFinite) ?? true else { throw overflow }
            // What was made of it takes memory that the next layer needs; another lane makes it
            // again.
            if Self.isLastReader(plan, layers) { input?.covariance?.forget() }
            layer.update(bias: model.bias(of: layer, plus: outcome.biasChange, plan))
            try observer.layer(
                LayerResult(
                    plan: plan, sparsity: pruning.sparsity, outcome: outcome, layer: layer,
                    statistics: input, shape: model.shape(plan.key, block: block.index)))
        }
        return block
    }

    /// Whether no layer behind it in its block that is pruned reads the same input.
    private static func isLastReader(_ plan: LayerPlan, _ layers: [LayerPlan]) -> Bool {
        layers.last { $0.choice != nil && $0.key.tap == plan.key.tap }?.key == plan.key
    }

    /// Moves the calibration's hidden states past a block that has been pruned.
    /// - Returns: how far its output is from the dense one's, where that was measured.
    private func finish(
        _ block: Block, states: HiddenStates?, dense: Matrix?, observer: SweepObserver
    ) throws -> (Difference?, Double?) {
        guard let states, sequential else { return (nil, nil) }
        if let dense {
            return try compareAndAdvance(block, states: states, dense: dense, observer: observer)
        }
        if !isLast(block) { try advance(states, through: block, .pruning, observer) }
        return (nil, nil)
    }

    func isLast(_ block: Block) -> Bool {
        block.index == model.configuration.numHiddenLayers - 1
    }
}
