import Pruning
import Synchronization
import Tensors
import Transformer

/// What is gathered of the input at one tap.
final class GatheredInput: Sendable {
    /// Which tokens go where, the same at all taps.
    struct Places: Sendable {
        let windows: Int
        let length: Int
        let sample: SampleRows
        let groups: SignedGroups
        /// Each token counts as often as the square of its weight says; nil: once.
        let tokenWeights: [Float]?
        /// What the calibration's parts are made of.
        fileprivate let parted: (windows: Int, length: Int)

        /// Those of an expert, as if they were one sequence.
        init(tokens: Int, tokenWeights: [Float]?) {
            windows = 1
            length = tokens
            sample = SampleRows(tokens: tokens)
            groups = SignedGroups(windows: 1, length: tokens, tokenWeights: tokenWeights)
            self.tokenWeights = tokenWeights
            parted = (tokens / Tile.size, Tile.size)
        }

        /// The first token of a tile.
        func start(_ tile: Tile) -> Int { tile.sequence * length + tile.rows.lowerBound }

        func tokenWeights(_ tile: Tile) -> ArraySlice<Float>? {
            tokenWeights?[start(tile)..<(start(tile) + tile.rows.count)]
        }

        /// Of the tokens of a sample.
        func sampleWeights(of count: Int) -> [Float]? {
            tokenWeights.map { weights in
                sample.rows(from: 0, length: count).map { weights[$0.offset] }
            }
        }

        /// Copies what a sample has of a tile, each row times its token weight.
        func take(_ input: MatrixView, _ tile: Tile, into sample: Matrix) {
            let rows = self.sample.rows(from: start(tile), length: tile.rows.count)
            for (offset, row) in rows {
                let target = sample.rows(row..<(row + 1))
                target.copy(
                    from: input.part(rows: offset..<(offset + 1), columns: 0..<input.columns))
                if let tokenWeights = tokenWeights(tile) {
                    scaleRows(target, by: tokenWeights.dropFirst(offset).prefix(1))
                }
            }
        }

        init(_ windows: TokenWindows) {
            self.windows = windows.count
            length = windows.length
            sample = SampleRows(tokens: windows.tokens.count)
            groups = SignedGroups(windows: windows.count, length: windows.length)
            tokenWeights = nil
            parted = (windows.count, windows.length)
        }
    }

    /// The sums so far, in the order of the tiles.
    private final class Total: Sendable {
        let moments: Mutex<PartedMoments>

        init(_ moments: PartedMoments) { self.moments = Mutex(moments) }
    }

    private let features: Int
    private let places: Places
    private let total: Total
    private let moments: OrderedReduction<Moments>
    /// `[groups, features]`; nil where no error is to be measured.
    private let sketch: Matrix?
    /// `[tokens of the sample, features]`; nil where nothing is fitted.
    private let sample: Matrix?
    /// nil where nothing is solved.
    private let products: CovarianceSum?
    /// nil where the dense model's input is not needed, or not known.
    private let dense: GatheredDense?

    /// - Parameter dense: what the dense model's layers read of the same tokens,
    ///   `[tokens, features]`.
    init(_ needs: InputNeeds, _ places: Places, dense: Matrix? = nil) {
        self.places = places
        features = needs.features
        let total = Total(
            PartedMoments(
                features: features, windows: places.parted.windows,
                length: places.parted.length))
        self.total = total
        moments = OrderedReduction { part in total.moments.withLock { $0.add(part) } }
        sketch =
            needs.hasSketch ? Matrix(rows: places.groups.count, columns: features) : nil
        sample =
            needs.hasSample ? Matrix(rows: places.sample.count, columns: features) : nil
        products = needs.hasProducts ? CovarianceSum(features: features) : nil
        self.dense =
            needs.hasDense ? dense.map { GatheredDense($0, needs, places) } : nil
    }

    func add(_ input: MatrixView, _ tile: Tile) {
        var part = Moments(features: features)
        let tokenWeights = places.tokenWeights(tile)
        if let tokenWeights {
            part.add(input, tokenWeights: tokenWeights)
        } else {
            part.add(input)
        }
        moments.add(part, at: tile.index)
        products?.add(input, tokenWeights: tokenWeights, at: tile.index)
        if let sketch {
            places.groups.add(
                input, window: tile.sequence, first: tile.rows.lowerBound, to: sketch)
        }
        if let sample { places.take(input, tile, into: sample) }
        dense?.add(beside: input, tile)
    }

    func finish() -> Statistics {
        let parted = total.moments.withLock { $0 }
        let sums = parted.total
        let mean = sums.sum.map { $0 / Double(max(1, sums.count)) }
        return Statistics(
            parted, sample: sample,
            tokenWeights: places.sampleWeights(of: sums.count),
            sketch: sketch.map { InputSketch($0, places.groups, mean: mean) },
            products: products?.finish(sums), dense: dense?.finish(sums)
        ).rounded
    }
}
