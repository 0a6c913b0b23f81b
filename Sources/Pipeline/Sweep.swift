import Pruning
import Tensors
import Transformer

/// One pass over the blocks of a model: statistics, masks, compensation and, on the way, the
/// perplexity before and after. Only the block's weights and the hidden states are in memory.
package struct Sweep: Sendable {
    package let model: Model
    /// `[blocks][layers of the block]`.
    package let layers: [[LayerPlan]]
    package let pattern: Pattern
    package let sparsity: Double
    package let scope: Scope
    package let seed: UInt64
    /// Each block's statistics on inputs from the blocks pruned before it; otherwise on the dense
    /// model's.
    package let sequential: Bool
    package let calibration: TokenWindows?
    package let evaluation: TokenWindows?
    /// Whether the perplexity of the dense model is wanted too.
    package let measuresDense: Bool
    package let precision: Precision
    package let pool: WorkerPool
    /// Where hidden states go that are too large for memory; nil: they are kept in memory.
    package let scratchDirectory: String?

    /// Sequences whose output is compared with the dense block's.
    static let comparedSequences = 8

    package init(
        model: Model, layers: [[LayerPlan]], pattern: Pattern, sparsity: Double, scope: Scope,
        seed: UInt64, sequential: Bool, calibration: TokenWindows?, evaluation: TokenWindows?,
        measuresDense: Bool, precision: Precision, pool: WorkerPool, scratchDirectory: String?
    ) {
        self.model = model
        self.layers = layers
        self.pattern = pattern
        self.sparsity = sparsity
        self.scope = scope
        self.seed = seed
        self.sequential = sequential
        self.calibration = calibration
        self.evaluation = evaluation
        self.measuresDense = measuresDense
        self.precision = precision
        self.pool = pool
        self.scratchDirectory = scratchDirectory
    }

    /// - Returns: the perplexities that were asked for.
    package func run(_ observer: SweepObserver) throws -> (dense: Double?, pruned: Double?) {
        let states = try calibration.map { try start($0) }
        let pruned = try evaluation.map { try start($0) }
        let dense = try measuresDense ? evaluation.map { try start($0) } : nil
        for index in 0..<model.configuration.numHiddenLayers {
            let clock = ContinuousClock.now
            let block = try model.loadBlock(index, precision: precision)
            if let dense { try advance(dense, through: block, .densePerplexity, observer) }
            let (difference, error) = try prune(block, states: states, observer: observer)
            if let pruned { try advance(pruned, through: block, .prunedPerplexity, observer) }
            try observer.block(
                BlockResult(
                    index: index, difference: difference, meanSquaredError: error,
                    seconds: (ContinuousClock.now - clock) / .seconds(1)))
        }
        return (
            try dense.map { try perplexity($0, .densePerplexity, observer) },
            try pruned.map { try perplexity($0, .prunedPerplexity, observer) }
        )
    }

    /// The first hidden states of every window.
    private func start(_ windows: TokenWindows) throws -> HiddenStates {
        let states = try HiddenStates(
            windows: windows, width: model.configuration.hiddenSize,
            scratchDirectory: scratchDirectory)
        let embedding = try model.embedding()
        try pool.forEach(windows.count) { index in
            embedding.embed(windows[index], into: states[index])
        }
        return states
    }

    /// Moves all hidden states one block on, in place.
    private func advance(
        _ states: HiddenStates, through block: Block, _ phase: Progress.Phase,
        _ observer: SweepObserver
    ) throws {
        let length = states.windows.length
        try pool.forEach(
            states.windows.count, state: { Workspace(model, length: length) }
        ) { index, workspace in
            block.forward(states[index], model: model, workspace: workspace)
            try observer.advance(length, phase, block.index)
        }
    }

    private func perplexity(
        _ states: HiddenStates, _ phase: Progress.Phase, _ observer: SweepObserver
    ) throws -> Double {
        let windows = states.windows
        let total = try model.negativeLogLikelihood(
            states.matrix, tokens: windows.tokens[...], length: windows.length, pool: pool)
        try observer.advance(0, phase, nil)
        return exponential(total / Double(windows.count * (windows.length - 1)))
    }

    /// Prunes a block in memory and moves the calibration's hidden states past it.
    /// - Returns: how far the pruned block's output is from the dense one's.
    private func prune(
        _ block: Block, states: HiddenStates?, observer: SweepObserver
    ) throws -> (Difference?, Double?) {
        var statistics: [Tap: Statistics] = [:]
        var compared: Matrix?
        if let states {
            (statistics, compared) = try measure(block, states: states, observer: observer)
        }
        for plan in layers[block.index] {
            guard let choice = plan.choice, let layer = block.layers[plan.role] else { continue }
            try observer.advance(0, .pruning, block.index)
            let pruning = LayerPruning(
                name: plan.name, metric: choice.metric, compensation: choice.compensation,
                pattern: pattern, sparsity: sparsity, scope: scope, seed: seed,
                type: try model.weightType(plan.role, block: block.index))
            let input = statistics[plan.role.tap]
            let outcome = try pruning.apply(to: layer, statistics: input, pool: pool)
            guard input.map(\.isFinite) ?? true,
                outcome.biasChange?.allSatisfy(\.isFinite) ?? true
            else { throw SweepError(model: model.checkpoint.directory, layer: plan.name) }
            layer.update(bias: try model.bias(of: layer, plus: outcome.biasChange, plan))
            try observer.layer(
                LayerResult(plan: plan, outcome: outcome, layer: layer, statistics: input))
        }
        guard let states, let compared else { return (nil, nil) }
        return try compareAndAdvance(block, states: states, dense: compared, observer: observer)
    }
}
