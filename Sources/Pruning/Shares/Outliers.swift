import Synchronization
import Tensors

/// The share of a block's scores, by `wanda`, that are greater than five times their mean: what OWL
/// calls its outlier ratio, there in percent. Source: arXiv 2310.05175, M = 5.
package func outlierShare(
    of layers: [(layer: Linear, statistics: Statistics)], pool: WorkerPool
) throws -> Double {
    // Of the mean square, for layers of different inputs are compared.
    let factors = layers.map { _, statistics in
        statistics.norm2.map { ($0 / Double(max(1, statistics.tokens))).squareRoot() }
    }
    let count = layers.reduce(0) { $0 + $1.layer.rows * $1.layer.columns }
    var sum = 0.0
    for ((layer, _), factors) in zip(layers, factors) {
        sum += try total(layer, factors, pool: pool) {
            sumScores($0, by: $1, count: layer.columns)
        }
    }
    let threshold = 5 * sum / Double(max(1, count))
    var outliers = 0.0
    for ((layer, _), factors) in zip(layers, factors) {
        outliers += try total(layer, factors, pool: pool) {
            Double(countScores(above: threshold, $0, by: $1, count: layer.columns))
        }
    }
    return outliers / Double(max(1, count))
}

/// Adds up what `body` makes of each row, in order.
private func total(
    _ layer: Linear, _ factors: [Double], pool: WorkerPool,
    _ body: @Sendable (UnsafePointer<Float>, UnsafePointer<Double>) -> Double
) throws -> Double {
    let total = Mutex(0.0)
    let reduction = OrderedReduction<Double> { part in total.withLock { $0 += part } }
    let chunk = LayerPruning.chunk
    try pool.forEach((layer.rows + chunk - 1) / chunk) { index in
        var part = 0.0
        factors.withUnsafeBufferPointer {
            guard let factors = $0.baseAddress else { return }
            for row in (index * chunk)..<min(layer.rows, (index + 1) * chunk) {
                part += body(layer.weights.view.row(row), factors)
            }
        }
        reduction.add(part, at: index)
    }
    return total.withLock { $0 }
}
