import Pruning
import Tensors
import Transformer

extension Sweep {
    /// What takes the place of a layer, and how it came about.
    private struct Narrowed: Sendable {
        var layer: Linear
        var outcome: LayerPruning.Outcome
    }

    /// Takes channels and heads out of a block in memory.
    /// - Returns: the block of the lane's shape.
    func pruneChannels(
        _ block: Block, _ lane: Lane, _ statistics: [Tap: Statistics],
        into writer: any LaneWriter
    ) throws -> Block {
        let plans = lane.layers[block.index].filter { $0.choice != nil }
        let shape = lane.shapes[block.index]
        var narrowed: [LayerKey: Narrowed] = [:]
        for plan in plans where plan.key.role == .output || plan.key.role == .down {
            try watch.checkStop()
            let (columns, layer) = try pruneColumns(
                plan, block, shape: shape, statistics: statistics)
            narrowed[plan.key] = layer
            for other in plans where other.key.follows(plan.key) {
                try watch.checkStop()
                narrowed[other.key] = try keep(
                    rows(columns, of: other.key, block), of: other.key, block, shape: shape,
                    statistics)
            }
        }
        for plan in plans {
            guard let result = narrowed[plan.key] else { continue }
            try writer.write(
                LayerResult(
                    plan: plan, sparsity: lane.sparsity(of: plan), outcome: result.outcome,
                    layer: result.layer,
                    statistics: statistics[plan.key.tap], isPooled: false, tokens: nil,
                    shape: model.shape(plan.key, block: block.index)))
        }
        let layers = block.layers.merging(narrowed.mapValues(\.layer)) { $1 }
        return block.replacing(layers, shape: shape)
    }

    /// Prunes a layer that loses columns.
    /// - Returns: the columns that stay, and the layer with no others.
    private func pruneColumns(
        _ plan: LayerPlan, _ block: Block, shape: BlockShape, statistics: [Tap: Statistics]
    ) throws -> (columns: [Int], Narrowed) {
        guard let choice = plan.choice, let layer = block.layers[plan.key] else {
            preconditionFailure("no such layer in the block")
        }
        let input = try input(plan, statistics)
        let isOutput = plan.key.role == .output
        let pruning = ChannelPruning(
            name: plan.name, metric: choice.metric, compensation: choice.compensation,
            size: isOutput ? model.configuration.heads[0].groupSize : 1,
            kept: isOutput ? shape.keyValueHeads : shape.intermediateSize, seed: seed,
            type: try model.weightType(plan.key, block: block.index))
        let (columns, outcome) = try pruning.apply(to: layer, statistics: input, pool: pool)
        try check(outcome, plan)
        input?.covariance?.forget()
        let narrow = Linear(
            weights: layer.weights.selecting(columns: columns),
            bias: model.bias(of: layer, plus: outcome.biasChange, plan), input: layer.input)
        return (columns, Narrowed(layer: narrow, outcome: outcome))
    }

    /// A layer with some of its rows.
    private func keep(
        _ rows: [Int], of key: LayerKey, _ block: Block, shape: BlockShape,
        _ statistics: [Tap: Statistics]
    ) throws -> Narrowed {
        guard let layer = block.layers[key] else {
            preconditionFailure("no such layer in the block")
        }
        return Narrowed(
            layer: Linear(
                weights: layer.weights.selecting(rows: rows),
                bias: layer.bias.map { bias in rows.map { bias[$0] } }, input: layer.input,
                parts: model.parts(key, block: block.index, in: shape)),
            outcome: ChannelPruning.rows(
                kept: rows, of: layer, statistics: statistics[key.tap]))
    }

    /// The rows of a layer that make these columns' input, ascending.
    private func rows(_ columns: [Int], of key: LayerKey, _ block: Block) -> [Int] {
        let role = key.role
        let parts = zip(role.parts, model.parts(key, block: block.index, in: block.shape))
        if role.parts.count > 1 {
            return parts.flatMap { part, ranges in
                let places = ranges.flatMap(\.self)
                return rows(columns, of: LayerKey(part, expert: key.expert), block).map {
                    places[$0]
                }
            }.sorted()
        }
        guard role == .key || role == .value else { return columns }
        let heads = model.configuration.heads[0]
        let (size, dimension) = (heads.groupSize, heads.dimension)
        return stride(from: 0, to: columns.count, by: size).flatMap { first in
            let head = columns[first] / size
            return (head * dimension)..<((head + 1) * dimension)
        }
    }
}

extension LayerKey {
    /// Whether its rows make the columns of that layer's input.
    fileprivate func follows(_ other: LayerKey) -> Bool {
        self != other && expert == other.expert && role.isInAttention == other.role.isInAttention
    }
}
