import Pruning
import Synchronization
import Tensors
import Transformer

/// What is gathered of the input of the dense model's layers, tile by tile beside that of the
/// pruned ones.
final class GatheredDense: Sendable {
    /// The sums so far, in the order of the tiles.
    private final class Total: Sendable {
        let drift: Mutex<Moments>

        init(_ features: Int) { drift = Mutex(Moments(features: features)) }
    }

    /// What they read, `[tokens, features]`.
    private let rows: Matrix
    private let places: GatheredInput.Places
    private let total: Total
    /// Of what that is more than the pruned input.
    private let drift: OrderedReduction<Moments>
    private let products: CovarianceSum
    /// As of `GatheredInput`.
    private let sketch: Matrix
    private let sample: Matrix?

    init(_ rows: Matrix, _ needs: InputNeeds, _ places: GatheredInput.Places) {
        self.rows = rows
        self.places = places
        let features = needs.features
        let total = Total(features)
        self.total = total
        drift = OrderedReduction { part in total.drift.withLock { $0 += part } }
        products = CovarianceSum(features: features)
        sketch = Matrix(rows: places.groups.count, columns: features)
        sample =
            needs.hasSample ? Matrix(rows: places.sample.count, columns: features) : nil
    }

    /// - Parameter input: of the pruned layers.
    func add(beside input: MatrixView, _ tile: Tile) {
        let start = places.start(tile)
        let range = start..<(start + tile.rows.count)
        let own = rows.rows(range)
        defer { rows.release(range) }
        let difference = Matrix(rows: own.rows, columns: own.columns)
        difference.view.copy(from: own)
        subtract(input, from: difference.view)
        var part = Moments(features: own.columns)
        let tokenWeights = places.tokenWeights(tile)
        if let tokenWeights {
            part.add(difference.view, tokenWeights: tokenWeights)
        } else {
            part.add(difference.view)
        }
        drift.add(part, at: tile.index)
        products.add(
            input, with: difference.view, tokenWeights: tokenWeights, at: tile.index)
        places.groups.add(own, window: tile.sequence, first: tile.rows.lowerBound, to: sketch)
        if let sample { places.take(own, tile, into: sample) }
    }

    /// - Parameter moments: of the pruned input.
    func finish(_ moments: Moments) -> DenseInput {
        let sum = total.drift.withLock { $0.sum }
        let count = Double(max(1, moments.count))
        let mean = zip(moments.sum, sum).map { ($0 + $1) / count }
        return DenseInput(
            drift: products.finish(moments, with: sum), sum: sum, tokens: moments.count,
            sample: sample.map {
                InputSample($0, tokenWeights: places.sampleWeights(of: moments.count))
            },
            sketch: InputSketch(sketch, places.groups, mean: mean))
    }
}
