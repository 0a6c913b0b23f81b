import Tensors

/// Prunes one layer in memory.
package struct LayerPruning: Sendable {
    /// As in the checkpoint, e.g. `model.layers.0.mlp.down_proj`.
    package var name: String
    package var metric: Metric
    package var compensation: Compensation
    package var pattern: Pattern
    /// The share of zeros of an unstructured pattern.
    package var sparsity: Double
    package var scope: Scope
    /// For `random`.
    package var seed: UInt64
    /// The type in which the weights will be written: they are rounded to it.
    package var type: ElementType

    package init(
        name: String, metric: Metric, compensation: Compensation, pattern: Pattern,
        sparsity: Double, scope: Scope, seed: UInt64, type: ElementType
    ) {
        self.name = name
        self.metric = metric
        self.compensation = compensation
        self.pattern = pattern
        self.sparsity = sparsity
        self.scope = scope
        self.seed = seed
        self.type = type
    }

    /// What was done to the layer.
    package struct Outcome: Sendable {
        /// Weights that are exactly zero now.
        package var zeros: Int
        /// What was added to the bias, `[rows]`, float32; nil where the compensation has none.
        package var biasChange: [Float]?
        /// What each row was multiplied by, `[rows]`.
        package var scales: [Float]?
        /// 1 where a weight was zeroed, `[rows, columns]`.
        package var mask: [UInt8]
        /// The share of the mean in the expected squared input, weighted by the columns that it
        /// feeds: `sum_j c_j mean_j² / sum_j c_j E[x_j²]`, c_j the squared norm of column j. 0 to
        /// 1; nil without statistics.
        package var biasShare: Double?
        /// The expected squared error of the output over its expected square; nil without
        /// statistics. Inputs are taken as uncorrelated, except where their covariance is known.
        package var expectedError: Double?
        /// The same measured on the inputs' sketch, with all that was done to weights and bias; nil
        /// without one.
        package var measuredError: Double?
        /// How much of the mean, and of the scale's difference from 1, was judged to carry over to
        /// other text, 0 to 1, and used; nil where nothing is shrunk.
        package var carriedMean: Double?
        package var carriedScale: Double?
        /// What was added to the diagonal of the input's covariance, as a share of its mean; nil
        /// for methods that do not invert it.
        package var damping: Double?
    }

    /// Masks, compensates and rounds `layer` in place; its bias is left to the caller, who adds
    /// `biasChange`. `statistics` is required by every metric and compensation but `magnitude`,
    /// `random` and `none`; where scales are fitted it needs its sample.
    package func apply(
        to layer: Linear, statistics: Statistics?, pool: WorkerPool
    ) throws -> Outcome {
        precondition(
            statistics.map { $0.mean.count == layer.columns } ?? true, "features differ")
        let outputs = try OutputSketch(layer, statistics, pool: pool)
        var outcome = try prune(layer, statistics: statistics, pool: pool)
        outcome.measuredError = try outputs?.error(
            of: layer, biasChange: outcome.biasChange, pool: pool)
        return outcome
    }

    private func prune(
        _ layer: Linear, statistics: Statistics?, pool: WorkerPool
    ) throws -> Outcome {
        if let solver = metric.solver {
            guard let statistics, let covariance = statistics.covariance else {
                preconditionFailure("\(metric.name) needs the covariance")
            }
            return try solve(
                layer, by: solver, statistics: statistics, covariance: covariance, pool: pool)
        }
        var (mask, columnNorms) = try mask(
            layer, statistics: statistics, carried: carriedByDefault, pool: pool)
        let biasShare = statistics.map { $0.biasShare(columnNorms: columnNorms) }
        let carried = try carriedMean(layer, statistics, mask: mask, pool: pool)
        if let carried, case .carried = metric.score {
            mask =
                try self.mask(layer, statistics: statistics, carried: carried, pool: pool).mask
        }
        return try compensate(
            layer, statistics: statistics, mask: mask, biasShare: biasShare, carried: carried,
            pool: pool)
    }

    /// `floor(count * sparsity)`, forgiving the last bit of a decimal fraction.
    static func budget(_ count: Int, _ sparsity: Double) -> Int {
        min(count, Int((Double(count) * sparsity + 1e-9).rounded(.down)))
    }
}
