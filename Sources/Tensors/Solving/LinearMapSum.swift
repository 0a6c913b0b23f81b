import Synchronization

/// Adds up all that the linear map from x to e by least squares follows from, tile by tile, on the
/// threads that bring the tiles: the same bits for any number of them.
package final class LinearMapSum: Sendable {
    private final class Total: Sendable {
        let moments: Mutex<Moments>

        init(features: Int) { moments = Mutex(Moments(features: features)) }
    }

    private let inputs: Int
    private let outputs: Int
    private let products: CovarianceSum
    private let total: Total
    private let moments: OrderedReduction<Moments>

    /// - Parameters:
    ///   - inputs: features of x.
    ///   - outputs: features of e.
    package init(inputs: Int, outputs: Int) {
        self.inputs = inputs
        self.outputs = outputs
        products = CovarianceSum(features: inputs + outputs)
        let total = Total(features: inputs + outputs)
        self.total = total
        moments = OrderedReduction { part in total.moments.withLock { $0 += part } }
    }

    /// Adds a tile; each index from 0 on once. x: `[tokens, inputs]`; e: `[tokens, outputs]`.
    ///
    /// - Parameter tokenWeights: each token counts as often as the square of its weight says,
    ///   `[tokens]`; the mean of the squares over all tokens is to be 1.
    package func add(
        _ x: MatrixView, _ e: MatrixView, tokenWeights: ArraySlice<Float>, at index: Int
    ) {
        precondition(x.columns == inputs && e.columns == outputs, "features differ")
        let both = Matrix(rows: x.rows, columns: inputs + outputs)
        let rows = 0..<x.rows
        both.view.part(rows: rows, columns: 0..<inputs).copy(from: x)
        both.view.part(rows: rows, columns: inputs..<(inputs + outputs)).copy(from: e)
        var part = Moments(features: inputs + outputs)
        part.add(both.view, tokenWeights: tokenWeights)
        moments.add(part, at: index)
        products.add(both.view, tokenWeights: tokenWeights, at: index)
    }

    /// To be called once, when all tiles have come.
    package func finish() -> LinearMapStatistics {
        let moments = total.moments.withLock { $0 }
        return LinearMapStatistics(
            inputs: inputs, outputs: outputs, products: products.finish(moments), moments)
    }

    /// What it and what follows from it take, in bytes, with tiles of at most `rows` rows.
    package static func bytes(inputs: Int, outputs: Int, rows: Int, threads: Int) -> Int {
        CovarianceSum.bytes(features: inputs + outputs, rows: rows, threads: threads)
            + threads * 4 * rows * (inputs + outputs)
            // The sums over x once more, for their factor; the map, and chunks of it.
            + 8 * inputs * inputs + 4 * outputs * inputs
            + threads * 2 * 8 * WorkerPool.chunk * (inputs + outputs)
    }
}
