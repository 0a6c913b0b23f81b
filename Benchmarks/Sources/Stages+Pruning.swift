import Pruning
import Tensors

extension Run {
    /// The sums over a layer's input: once from memory, once on what a block has just computed.
    func measureStatistics() throws {
        for (place, tokens, features) in [("memory", 16384, 4096), ("cache", 256, 1536)] {
            let rows = place == "memory" ? tokens / settings.threads : tokens
            let repetitions = place == "memory" ? 1 : 20
            try measure(
                "statistics, from \(place)", "\(rows) x \(features)",
                .bytes(rows * features * 4 * repetitions), ceiling: .read,
                state: { randomMatrix(rows, features, seed: $0) },
                { matrix in
                    var moments = Moments(features: features)
                    for _ in 0..<repetitions { moments.add(matrix.view) }
                })
        }
    }

    /// Choosing half of the weights of the largest layer of a 7B model.
    func measureMasks() throws {
        let layer = PrunedLayer(rows: 4096, columns: 11008, samples: 0)
        for (name, pattern, scope) in [
            ("mask, half of each row", Pattern.unstructured, Scope.row),
            ("mask, half of the layer", .unstructured, .layer),
            ("mask, 2:4", .groups(keep: 2, of: 4), .row),
        ] {
            try measure(layer, name, .wanda, .none, pattern, scope)
        }
    }

    /// The same with what is done for the weights that went, fitted on 4096 tokens.
    func measureCompensations() throws {
        let layer = PrunedLayer(rows: 576, columns: 1536, samples: 4096)
        for compensation in Compensation.allCases {
            try measure(
                layer, "compensation, \(compensation.rawValue)", .stade, compensation,
                .unstructured, .row)
        }
    }

    private func measure(
        _ layer: PrunedLayer, _ name: String, _ metric: Metric, _ compensation: Compensation,
        _ pattern: Pattern, _ scope: Scope
    ) throws {
        let pruning = LayerPruning(
            name: "layer", metric: metric, compensation: compensation, pattern: pattern,
            sparsity: 0.5, scope: scope, seed: 0, type: .bfloat16)
        try measure(
            name, layer.shape, .weights(layer.count), prepare: { layer.restore() },
            { pool in _ = try layer.prune(pruning, pool: pool) })
    }
}

/// A layer that is pruned again and again, with the statistics of a random input.
private final class PrunedLayer {
    private let layer: Linear
    private let dense: Matrix
    private let statistics: Statistics

    /// - Parameter samples: tokens that scales are fitted on; 0: none.
    init(rows: Int, columns: Int, samples: Int) {
        dense = randomMatrix(rows, columns, seed: 1)
        layer = Linear(
            weights: Matrix(rows: rows, columns: columns), bias: nil, precision: .float32)
        let input = randomMatrix(max(samples, 64), columns, seed: 2)
        var moments = Moments(features: columns)
        moments.add(input.view)
        statistics = Statistics(moments, sample: samples > 0 ? input : nil)
    }

    var count: Int { layer.rows * layer.columns }
    var shape: String { "\(layer.rows) x \(layer.columns)" }

    func restore() { layer.weights.copy(from: dense) }

    func prune(_ pruning: LayerPruning, pool: WorkerPool) throws -> LayerPruning.Outcome {
        try pruning.apply(to: layer, statistics: statistics, pool: pool)
    }
}
