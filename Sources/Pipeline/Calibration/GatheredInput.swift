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

        init(_ windows: TokenWindows) {
            self.windows = windows.count
            length = windows.length
            sample = SampleRows(tokens: windows.tokens.count)
            groups = SignedGroups(windows: windows.count, length: windows.length)
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

    init(_ needs: InputNeeds, _ places: Places) {
        self.places = places
        features = needs.features
        let total = Total(
            PartedMoments(
                features: features, windows: places.windows, length: places.length))
        self.total = total
        moments = OrderedReduction { part in total.moments.withLock { $0.add(part) } }
        sketch =
            needs.hasSketch ? Matrix(rows: places.groups.count, columns: features) : nil
        sample =
            needs.hasSample ? Matrix(rows: places.sample.count, columns: features) : nil
        products = needs.hasProducts ? CovarianceSum(features: features) : nil
    }

    func add(_ input: MatrixView, _ tile: Tile) {
        var part = Moments(features: features)
        part.add(input)
        moments.add(part, at: tile.index)
        products?.add(input, at: tile.index)
        if let sketch {
            places.groups.add(
                input, window: tile.sequence, first: tile.rows.lowerBound, to: sketch)
        }
        guard let sample else { return }
        let start = tile.sequence * places.length + tile.rows.lowerBound
        for (offset, row) in places.sample.rows(from: start, length: tile.rows.count) {
            sample.rows(row..<(row + 1)).copy(
                from: input.part(rows: offset..<(offset + 1), columns: 0..<features))
        }
    }

    func finish() -> Statistics {
        let parted = total.moments.withLock { $0 }
        let sums = parted.total
        let mean = sums.sum.map { $0 / Double(sums.count) }
        return Statistics(
            parted, sample: sample,
            sketch: sketch.map { InputSketch($0, places.groups, mean: mean) },
            products: products?.finish(sums)
        ).rounded
    }
}
