import Tensors

/// What the dense model's layer reads of the tokens whose pruned input is known, for layers that
/// are solved towards its output.
package struct DenseInput: Sendable {
    /// Sums over the tokens of what the input is more than its mean, times what the dense input is
    /// more than it: `[features, features of the dense input]`.
    let drift: SquareMatrix
    /// The sum of what the dense input is more than the input, `[features]`.
    let driftSum: [Double]
    /// That by the number of tokens.
    let meanDrift: [Double]
    /// Of the same tokens as those of the input.
    let sample: InputSample?
    let sketch: InputSketch?

    package init(
        drift: SquareMatrix, sum: [Double], tokens: Int, sample: InputSample?,
        sketch: InputSketch?
    ) {
        self.drift = drift
        driftSum = sum
        meanDrift = sum.map { $0 / Double(max(1, tokens)) }
        self.sample = sample
        self.sketch = sketch
    }
}

extension LayerPruning {
    /// Moves weights to where they would go if none were removed.
    /// - Returns: a copy of them; nil where the layer is solved towards what it makes of its own
    ///   input, and they stay.
    static func aim(
        _ weights: Matrix, _ statistics: Statistics, _ covariance: InputCovariance,
        isCentred: Bool, isScaled: Bool, pool: WorkerPool
    ) throws -> Matrix? {
        guard let dense = statistics.dense else { return nil }
        try covariance.aim(at: dense, isCentred: isCentred, isScaled: isScaled)
            .replace(weights, pool: pool)
        let copy = Matrix(rows: weights.rows, columns: weights.columns)
        copy.copy(from: weights)
        return copy
    }
}
