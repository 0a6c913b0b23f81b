import Pruning
import Tensors
import Transformer

extension Sweep {
    /// What takes the place of a layer, and how it came about.
    struct Narrowed: Sendable {
        var layer: Linear
        var outcome: LayerPruning.Outcome
    }

    /// Layers of one block, all of them as in the checkpoint, and the shape that it is to have.
    struct Narrowing {
        let block: Int
        let layers: [LayerKey: Linear]
        let shape: BlockShape
        let statistics: [Tap: Statistics]
    }

    /// Takes channels and heads out of a block in memory.
    /// - Returns: the block of the lane's shape.
    func pruneChannels(
        _ block: Block, _ lane: Lane, _ statistics: [Tap: Statistics],
        into writer: any LaneWriter
    ) throws -> Block {
        let narrowing = Narrowing(
            block: block.index, layers: block.layers, shape: lane.shapes[block.index],
            statistics: statistics)
        let plans = lane.layers[block.index].filter {
            $0.choice != nil && $0.key.expert == nil
        }
        let narrowed = try narrow(narrowing, plans)
        try write(narrowed, narrowing, plans, lane, into: writer)
        return block.replacing(
            block.layers.merging(narrowed.mapValues(\.layer)) { $1 },
            shape: lane.shapes[block.index])
    }

    /// Takes channels out of experts in memory, one expert after the other.
    /// - Returns: the experts of the lane's shape.
    func pruneChannels(
        _ group: ExpertGroup, _ lane: Lane, _ experts: ExpertStatistics,
        into writer: any LaneWriter
    ) throws -> ExpertGroup {
        let shape = lane.shapes[group.block]
        let narrowing = Narrowing(
            block: group.block, layers: group.layers, shape: shape,
            statistics: experts.statistics)
        var layers = group.layers
        for expert in group.experts {
            let plans = lane.expertLayers(expert, block: group.block).filter { $0.choice != nil }
            let narrowed = try narrow(narrowing, plans)
            try write(narrowed, narrowing, plans, lane, experts: experts, into: writer)
            layers.merge(narrowed.mapValues(\.layer)) { $1 }
        }
        return group.replacing(layers, expertSize: shape.expertSize)
    }

    /// Prunes layers of `plans` that lose columns, and those whose rows go with these.
    ///
    /// - Parameter taps: of the layers that lose columns; nil: of all.
    /// - Returns: what takes the place of the layers.
    func narrow(
        _ block: Narrowing, _ plans: [LayerPlan], at taps: [Tap]? = nil
    ) throws -> [LayerKey: Narrowed] {
        var narrowed: [LayerKey: Narrowed] = [:]
        for plan in plans where plan.key.losesColumns && taps?.contains(plan.key.tap) ?? true {
            try watch.checkStop()
            let (columns, layer) = try pruneColumns(plan, block)
            narrowed[plan.key] = layer
            for other in plans where other.key.follows(plan.key) {
                try watch.checkStop()
                narrowed[other.key] = try keep(
                    rows(columns, of: other.key, block), of: other.key, block)
            }
        }
        return narrowed
    }

    /// Writes what takes the place of the layers of `plans`.
    func write(
        _ narrowed: [LayerKey: Narrowed], _ block: Narrowing, _ plans: [LayerPlan], _ lane: Lane,
        experts: ExpertStatistics = ExpertStatistics(), into writer: any LaneWriter
    ) throws {
        for plan in plans {
            guard let result = narrowed[plan.key] else { continue }
            try writer.write(
                LayerResult(
                    plan: plan, sparsity: lane.sparsity(of: plan), outcome: result.outcome,
                    layer: result.layer, statistics: block.statistics[plan.key.tap],
                    isPooled: experts.pooled.contains(plan.key.tap),
                    tokens: plan.key.expert.flatMap { experts.tokens[$0] },
                    shape: model.shape(plan.key, block: block.block)))
        }
    }

    /// Prunes a layer that loses columns.
    /// - Returns: the columns that stay, and the layer with no others.
    private func pruneColumns(
        _ plan: LayerPlan, _ block: Narrowing
    ) throws -> (columns: [Int], Narrowed) {
        guard let choice = plan.choice, let layer = block.layers[plan.key] else {
            preconditionFailure("no such layer in the block")
        }
        let input = try input(plan, block.statistics)
        let isOutput = plan.key.role == .output
        let size = isOutput ? model.configuration.heads[block.block].groupSize : 1
        let columns = model.shape(plan.key, block: block.block, in: block.shape).columns
        let pruning = ChannelPruning(
            name: plan.name, metric: choice.metric, compensation: choice.compensation,
            size: size, kept: columns / size, seed: seed,
            type: try model.weightType(plan.key, block: block.block))
        let (kept, outcome) = try pruning.apply(to: layer, statistics: input, pool: pool)
        try check(outcome, plan)
        input?.covariance?.forget()
        let narrow = Linear(
            weights: layer.weights.selecting(columns: kept),
            bias: model.bias(of: layer, plus: outcome.biasChange, plan), input: layer.input)
        return (kept, Narrowed(layer: narrow, outcome: outcome))
    }

    /// A layer with some of its rows.
    private func keep(
        _ rows: [Int], of key: LayerKey, _ block: Narrowing
    ) throws -> Narrowed {
        guard let layer = block.layers[key] else {
            preconditionFailure("no such layer in the block")
        }
        return Narrowed(
            layer: Linear(
                weights: layer.weights.selecting(rows: rows),
                bias: layer.bias.map { bias in rows.map { bias[$0] } }, input: layer.input,
                parts: model.parts(key, block: block.block, in: block.shape)),
            outcome: ChannelPruning.rows(
                kept: rows, of: layer, statistics: block.statistics[key.tap]))
    }

    /// The rows of a layer that make these columns' input, ascending.
    private func rows(_ columns: [Int], of key: LayerKey, _ block: Narrowing) -> [Int] {
        let role = key.role
        let dense = model.blockShape(block.block)
        let parts = zip(role.parts, model.parts(key, block: block.block, in: dense))
        if role.parts.count > 1 {
            return parts.flatMap { part, ranges in
                let places = ranges.flatMap(\.self)
                return rows(columns, of: LayerKey(part, expert: key.expert), block).map {
                    places[$0]
                }
            }.sorted()
        }
        guard role == .key || role == .value else { return columns }
        let heads = model.configuration.heads[block.block]
        let (size, dimension) = (heads.groupSize, heads.dimension)
        return stride(from: 0, to: columns.count, by: size).flatMap { first in
            let head = columns[first] / size
            return (head * dimension)..<((head + 1) * dimension)
        }
    }
}

extension LayerKey {
    /// Whether columns of it go where whole channels do.
    var losesColumns: Bool { role == .output || role == .down }

    /// Whether its rows make the columns of that layer's input.
    fileprivate func follows(_ other: LayerKey) -> Bool {
        self != other && expert == other.expert && role.isInAttention == other.role.isInAttention
    }
}
