import Tensors

/// The scores of one layer, row by row.
struct Scores: Sendable {
    /// nil for `random`.
    let factors: ColumnFactors?
    private let uniform: UniformScores
    private let columns: Int

    /// - Parameter carried: for metrics that go by it, how much of the mean's output carries over.
    init(_ pruning: LayerPruning, statistics: Statistics?, columns: Int, carried: Double) {
        self.columns = columns
        uniform = UniformScores(seed: pruning.seed, layer: pruning.name)
        switch pruning.metric.score {
        case .magnitude:
            factors = ColumnFactors([Double](repeating: 1, count: columns))
        case .perColumn(let make):
            guard let statistics else {
                preconditionFailure("\(pruning.metric.name) needs statistics")
            }
            factors = ColumnFactors(make(statistics))
        case .carried:
            guard let statistics else {
                preconditionFailure("\(pruning.metric.name) needs statistics")
            }
            factors = ColumnFactors(
                zip(statistics.variance, statistics.mean).map { variance, mean in
                    (variance + (1 - carried) * mean * mean).squareRoot()
                })
        case .uniform:
            factors = nil
        case .solved, .following, .mapped, .expert:
            preconditionFailure("\(pruning.metric.name) has no scores")
        }
    }

    /// The scores of row `row` of the layer's weights into `scores`, `[columns]`.
    func fill(_ scores: Buffer<Double>, weights: MatrixView, row: Int) {
        if let factors {
            score(weights, row: row, by: factors.exact, into: scores)
        } else {
            for column in 0..<columns { scores[column] = uniform.score(row: row, column: column) }
        }
    }
}
