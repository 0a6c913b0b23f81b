import Tensors

/// The fraction of a block's scores, by `wanda`, that are greater than five times their mean: what
/// OWL calls its outlier ratio, there in percent. Source: arXiv 2310.05175, M = 5.
///
/// The layers need not be in memory at once: each is added, and once all are, counted.
package struct OutlierFraction: Sendable {
    private var sum = 0.0
    private var scores = 0
    private var outliers = 0.0

    package init() {}

    /// What scores of a layer are weights times, `[features]`: roots of the mean square, for layers
    /// of different inputs are compared.
    package static func factors(_ statistics: Statistics) -> [Double] {
        statistics.norm2.map { ($0 / Double(max(1, statistics.tokens))).squareRoot() }
    }

    package mutating func add(_ layer: Linear, factors: [Double], pool: WorkerPool) throws {
        scores += layer.rows * layer.columns
        sum += try pool.sum(ofRows: layer.rows, from: 0.0, add: +=) {
            sumScores(layer.weights.rows($0), by: factors)
        }
    }

    /// To be called for each layer once all have been added.
    package mutating func count(_ layer: Linear, factors: [Double], pool: WorkerPool) throws {
        let threshold = 5 * sum / Double(max(1, scores))
        outliers += try pool.sum(ofRows: layer.rows, from: 0.0, add: +=) {
            Double(countScores(above: threshold, layer.weights.rows($0), by: factors))
        }
    }

    package var value: Double { outliers / Double(max(1, scores)) }
}
