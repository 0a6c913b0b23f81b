import Pruning
import Synchronization
import Tensors
import Transformer

/// What is gathered of an input that only some tokens are in, each of which counts by its weight:
/// as if they were one sequence.
final class ExpertInput: Sendable {
    /// What the methods need beside the sums.
    struct Needs: OptionSet {
        let rawValue: Int

        static let sample = Needs(rawValue: 1)
        static let products = Needs(rawValue: 2)
    }

    private final class Totals: Sendable {
        let parted: Mutex<PartedMoments>

        init(_ parted: PartedMoments) { self.parted = Mutex(parted) }
    }

    private let totals: Totals
    private let reduction: OrderedReduction<Moments>
    private let sampleRows: SampleRows
    private let sample: Matrix?
    private let products: CovarianceSum?
    private let groups: SignedGroups
    private let grouped: Matrix
    /// `[tokens]`; see `ExpertTokens.shares`.
    private let shares: [Float]?

    init(features: Int, tokens: Int, shares: [Float]?, _ needs: Needs) {
        self.shares = shares
        let totals = Totals(
            PartedMoments(features: features, windows: tokens / Tile.size, length: Tile.size))
        self.totals = totals
        reduction = OrderedReduction { part in totals.parted.withLock { $0.add(part) } }
        sampleRows = SampleRows(tokens: tokens)
        sample =
            needs.contains(.sample) ? Matrix(rows: sampleRows.count, columns: features) : nil
        products = needs.contains(.products) ? CovarianceSum(features: features) : nil
        groups = SignedGroups(windows: 1, length: tokens, shares: shares)
        grouped = Matrix(rows: groups.count, columns: features)
    }

    /// What one takes, in bytes.
    static func bytes(
        features: Int, tokens: Int, _ needs: Needs, threads: Int
    ) -> Int {
        let rows = needs.contains(.sample) ? SampleRows(tokens: tokens).count : 0
        let products =
            needs.contains(.products)
            ? CovarianceSum.bytes(features: features, rows: Tile.size, threads: threads) : 0
        let groups = SignedGroups(windows: 1, length: tokens).count
        return 4 * rows * features + products
            + InputSketch.bytes(groups: groups, features: features)
            // Sums, and those of the calibration's parts.
            + 8 * features * 24
    }

    /// Adds a tile of the tokens' inputs.
    func add(_ input: MatrixView, _ tile: Tile) {
        let shares = shares?[tile.rows]
        var moments = Moments(features: input.columns)
        if let shares {
            moments.add(input, shares: shares)
        } else {
            moments.add(input)
        }
        reduction.add(moments, at: tile.index)
        products?.add(input, shares: shares, at: tile.index)
        groups.add(input, window: 0, first: tile.rows.lowerBound, to: grouped)
        guard let sample else { return }
        let rows = sampleRows.rows(from: tile.rows.lowerBound, length: tile.rows.count)
        for (offset, row) in rows {
            let target = sample.rows(row..<(row + 1))
            target.copy(
                from: input.part(rows: offset..<(offset + 1), columns: 0..<input.columns))
            if let shares { scaleRows(target, by: shares.dropFirst(offset).prefix(1)) }
        }
    }

    /// To be called once, after the last tile.
    func finish() -> Statistics {
        let parted = totals.parted.withLock { $0 }
        let total = parted.total
        let mean = total.sum.map { $0 / Double(max(1, total.count)) }
        return Statistics(
            parted, sample: sample,
            shares: shares.map { shares in
                sampleRows.rows(from: 0, length: total.count).map { shares[$0.offset] }
            },
            sketch: InputSketch(grouped, groups, mean: mean), products: products?.finish(total)
        ).rounded
    }
}
