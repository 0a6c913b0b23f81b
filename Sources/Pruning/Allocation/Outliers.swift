import Tensors

/// The fraction of a block's scores, by `wanda`, that are greater than five times their mean: what
/// OWL calls its outlier ratio, there in percent. Source: arXiv 2310.05175, M = 5.
package func outlierFraction(
    of layers: [(layer: Linear, statistics: Statistics)], pool: WorkerPool
) throws -> Double {
    // Of the mean square, for layers of different inputs are compared.
    let factors = layers.map { _, statistics in
        statistics.norm2.map { ($0 / Double(max(1, statistics.tokens))).squareRoot() }
    }
    let count = layers.reduce(0) { $0 + $1.layer.rows * $1.layer.columns }
    var sum = 0.0
    for ((layer, _), factors) in zip(layers, factors) {
        sum += try pool.sum(ofRows: layer.rows, from: 0.0, add: +=) {
            sumScores(layer.weights.rows($0), by: factors)
        }
    }
    let threshold = 5 * sum / Double(max(1, count))
    var outliers = 0.0
    for ((layer, _), factors) in zip(layers, factors) {
        outliers += try pool.sum(ofRows: layer.rows, from: 0.0, add: +=) {
            Double(countScores(above: threshold, layer.weights.rows($0), by: factors))
        }
    }
    return outliers / Double(max(1, count))
}
