import Pruning
import Tensors
import Transformer

extension Sweep {
    /// Prunes a block in memory.
    /// - Returns: the same one, or a smaller one where whole channels go.
    func prune(
        _ block: Block, _ lane: Lane, _ statistics: [Tap: Statistics],
        into writer: any LaneWriter
    ) throws -> Block {
        if pattern == .channels {
            return try pruneChannels(block, lane, statistics, into: writer)
        }
        try prune(lane.layers[block.index], of: block, lane, statistics, into: writer)
        return block
    }

    /// Prunes some layers of a block in memory, one after the other.
    private func prune(
        _ layers: [LayerPlan], of block: Block, _ lane: Lane, _ statistics: [Tap: Statistics],
        into writer: any LaneWriter
    ) throws {
        for plan in layers {
            guard let choice = plan.choice, let layer = block.layers[plan.key] else { continue }
            try watch.checkStop()
            let pruning = LayerPruning(
                name: plan.name, metric: choice.metric, compensation: choice.compensation,
                pattern: pattern, sparsity: lane.sparsity(of: plan), scope: scope, seed: seed,
                type: try model.weightType(plan.key, block: block.index))
            let input = try input(plan, statistics)
            let outcome = try pruning.apply(to: layer, statistics: input, pool: pool)
            try check(outcome, plan)
            // What was made of it takes memory that the next layer needs; another lane makes it
            // again.
            if Self.isLastReader(plan, layers) { input?.covariance?.forget() }
            layer.update(bias: model.bias(of: layer, plus: outcome.biasChange, plan))
            try writer.write(
                LayerResult(
                    plan: plan, sparsity: pruning.sparsity, outcome: outcome, layer: layer,
                    statistics: input, shape: model.shape(plan.key, block: block.index)))
        }
    }

    /// The statistics of a layer's input; nil where there are none.
    /// - Throws: `SweepError` where they are no numbers.
    func input(_ plan: LayerPlan, _ statistics: [Tap: Statistics]) throws -> Statistics? {
        let input = statistics[plan.key.tap]
        guard input?.isFinite ?? true else { throw overflow(plan) }
        return input
    }

    /// - Throws: `SweepError` for a change of the bias that is no number.
    func check(_ outcome: LayerPruning.Outcome, _ plan: LayerPlan) throws {
        guard outcome.biasChange?.allSatisfy(\.isFinite) ?? true else { throw overflow(plan) }
    }

    private func overflow(_ plan: LayerPlan) -> SweepError {
        SweepError(model: model.checkpoint.directory, layer: plan.name)
    }

    /// Whether no layer behind it that is pruned reads the same input.
    private static func isLastReader(_ plan: LayerPlan, _ layers: [LayerPlan]) -> Bool {
        layers.last { $0.choice != nil && $0.key.tap == plan.key.tap }?.key == plan.key
    }
}
