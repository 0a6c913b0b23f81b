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

    /// Choosing half of the weights of a 7B model's largest layer, and nothing else.
    func measureSelection() throws {
        let (rows, columns) = (4096 / settings.threads, 11008)
        for (name, keep) in [("selection, half of each row", nil), ("selection, 2:4", 2)] {
            try measure(
                name, "\(rows) x \(columns)", .weights(rows * columns), ceiling: .read,
                state: { SelectionState(randomMatrix(rows, columns, seed: $0)) },
                { $0.select(keep: keep) })
        }
    }

    /// All that is done to that layer: choosing, zeroing, rounding, and what the report says of it.
    func measureMasks() throws {
        let layer = PrunedLayer(rows: 4096, columns: 11008, samples: 0)
        for (name, pattern, scope) in [
            ("prune, half of each row", Pattern.unstructured, Scope.row),
            ("prune, half of the layer", .unstructured, .layer),
            ("prune, 2:4", .groups(keep: 2, of: 4), .row),
        ] {
            try measure(layer, name, .wanda, .none, pattern, scope)
        }
    }

    /// Pruning of a smaller layer with what is done for the weights that went. Scales are fitted on
    /// the layer's output for 4096 tokens, dense and pruned: two products.
    func measureCompensations() throws {
        let samples = 4096
        let layer = PrunedLayer(rows: 576, columns: 1536, samples: samples)
        for compensation in Compensation.allCases {
            let isFitted = compensation == .scale || compensation == .affine
            try measure(
                layer, "compensation, \(compensation.rawValue)", .stade, compensation,
                .unstructured, .row, flops: isFitted ? 4 * samples * layer.count : nil)
        }
    }

    /// - Parameter flops: what counts; nil: the weights, and how fast memory brings them.
    private func measure(
        _ layer: PrunedLayer, _ name: String, _ metric: Metric, _ compensation: Compensation,
        _ pattern: Pattern, _ scope: Scope, flops: Int? = nil
    ) throws {
        let pruning = LayerPruning(
            name: "layer", metric: metric, compensation: compensation, pattern: pattern,
            sparsity: 0.5, scope: scope, seed: 0, type: .bfloat16)
        try measure(
            name, layer.shape, flops.map { .flops($0) } ?? .weights(layer.count),
            ceiling: flops == nil ? .read : .float32
        ) { pool in
            Pass(
                prepare: { layer.restore() },
                run: { _ = try layer.prune(pruning, pool: pool) })
        }
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
            weights: Matrix(rows: rows, columns: columns), bias: nil, input: .float32)
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

/// One thread's weights, the factors of their scores, and a mask of a row.
private final class SelectionState {
    private let weights: Matrix
    private let factors: ColumnFactors
    private let selection: RowSelection
    private let mask: Buffer<UInt8>

    init(_ weights: Matrix) {
        self.weights = weights
        let columns = weights.columns
        factors = ColumnFactors((0..<columns).map { 1 + Double($0 % 7) })
        selection = RowSelection(columns: columns)
        mask = Buffer(count: columns)
    }

    /// Marks half of each row; with `keep`, the others of every four.
    func select(keep: Int?) {
        let weights = weights.view
        mask.withElements { mask in
            for row in 0..<weights.rows {
                if let keep {
                    score(weights, row: row, by: factors.exact, into: selection.scores)
                    selection.markLeast(keep: keep, ofEvery: 4, mask: &mask, at: 0)
                } else {
                    selection.markLeast(
                        weights.columns / 2, of: weights, row: row, by: factors, mask: &mask, at: 0)
                }
            }
        }
    }
}
