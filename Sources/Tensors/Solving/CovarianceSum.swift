import Synchronization

/// Adds up `sum (x - mean) (x - mean)ᵀ` over the tokens of a layer's input, tile by tile, on the
/// threads that bring the tiles; or `sum (x - mean) dᵀ` with something else of the same tokens.
///
/// The products of a tile are float32, of inputs less the mean of the first tile, so that features
/// whose mean is far larger than their spread round no worse than others; their sums are double.
/// The rows of the matrix are cut into strips. Each strip takes the tiles in order, whichever
/// thread it is that has time for the next: the sums are the same bits for any number of threads,
/// none of which ever waits.
package final class CovarianceSum: Sendable {
    private typealias Early = (
        index: Int, tile: Matrix, other: Matrix?, tokenWeights: ArraySlice<Float>?
    )
    /// x, and what it is multiplied with; nil: itself.
    private typealias Pair = (tile: Matrix, other: Matrix?)

    private struct State {
        /// What is subtracted from the inputs, `[features]`; nil until the first tile is there.
        var shift: [Float]?
        /// Tiles that wait for it.
        var early: [Early] = []
        /// Tiles that some strip has not taken yet.
        var waiting: [Int: Pair] = [:]
        /// For each strip the tile that it takes next, and whether a thread is at it.
        var next: [Int]
        var isBusy: [Bool]
        /// Buffers that no thread uses.
        var products: [Matrix] = []
    }

    /// Rows of the matrix in a strip: a constant, for the products' shapes must not depend on the
    /// number of threads.
    private static let strip = 256

    private let features: Int
    private let sums: SquareMatrix
    private let state: Mutex<State>

    package init(features: Int) {
        self.features = features
        sums = SquareMatrix(order: features)
        let strips = (features + Self.strip - 1) / Self.strip
        state = Mutex(
            State(
                next: [Int](repeating: 0, count: strips),
                isBusy: [Bool](repeating: false, count: strips)))
    }

    /// What it takes in all with tiles of at most `rows` rows, in bytes.
    ///
    /// - Parameter isCrossed: whether it is with something else.
    package static func bytes(
        features: Int, rows: Int, threads: Int, isCrossed: Bool = false
    ) -> Int {
        // Threads run ahead of one another by a tile or two.
        8 * features * features
            + threads * 4 * features * ((isCrossed ? 6 : 3) * rows + min(strip, features))
    }

    /// Adds every row of `x`, `[tokens, features]`; each index from 0 on once. In the call that
    /// brings the last missing tile, or before, all that there is gets added.
    ///
    /// - Parameter tokenWeights: each row counts as often as the square of its weight says,
    ///   `[tokens]`; nil: once.
    /// - Parameter other: the d of the same tokens, `[tokens, features]`; nil: x less its mean. The
    ///   same in all calls.
    package func add(
        _ x: MatrixView, with other: MatrixView? = nil, tokenWeights: ArraySlice<Float>? = nil,
        at index: Int
    ) {
        precondition(x.columns == features, "features differ")
        let copy = Matrix(rows: x.rows, columns: features)
        copy.view.copy(from: x)
        let otherCopy = other.map { _ in Matrix(rows: x.rows, columns: features) }
        if let other { otherCopy?.view.copy(from: other) }
        let first = index == 0 ? means(x) : nil
        let (shift, tiles) = state.withLock { state in
            state.early.append((index, copy, otherCopy, tokenWeights))
            if let first { state.shift = first }
            guard let shift = state.shift else {
                return ([Float](), [Early]())
            }
            defer { state.early = [] }
            return (shift, state.early)
        }
        for (_, tile, other, tokenWeights) in tiles {
            subtract(shift, from: tile)
            guard let tokenWeights else { continue }
            scaleRows(tile.view, by: tokenWeights)
            if let other { scaleRows(other.view, by: tokenWeights) }
        }
        state.withLock { state in
            for (index, tile, other, _) in tiles { state.waiting[index] = (tile, other) }
        }
        while let work = state.withLock({ claim(&$0) }) {
            addProducts(of: work.pair, strip: work.strip, through: work.product)
            state.withLock { state in
                state.products.append(work.product)
                state.isBusy[work.strip] = false
                let done = state.next[work.strip]
                state.next[work.strip] += 1
                if state.next.allSatisfy({ $0 > done }) { state.waiting[done] = nil }
            }
        }
    }

    /// The sums, less what the shift has put into them; call it once, after the last tile.
    /// `moments` are those of the same tokens.
    package func finish(_ moments: Moments) -> SquareMatrix {
        let shift = state.withLock { $0.shift } ?? [Float](repeating: 0, count: features)
        let n = Double(moments.count)
        let offset = zip(moments.sum, shift).map { $0 / n - Double($1) }
        for i in 0..<features {
            let row = sums.row(i)
            let factor = n * offset[i]
            offset.withUnsafeBufferPointer { offset in
                for j in i..<features { row[j] -= factor * offset[j] }
            }
        }
        sums.mirror()
        return sums
    }

    /// The sums with something else, `[features of x, features of d]`, less what the shift has put
    /// into them; likewise.
    ///
    /// - Parameter other: the sum of d over the tokens.
    package func finish(_ moments: Moments, with other: [Double]) -> SquareMatrix {
        let shift = state.withLock { $0.shift } ?? [Float](repeating: 0, count: features)
        for i in 0..<features {
            let offset = moments.sum[i] / Double(moments.count) - Double(shift[i])
            add(other, times: -offset, to: sums.row(i))
        }
        return sums
    }

    private func add(
        _ values: [Double], times factor: Double, to row: UnsafeMutablePointer<Double>
    ) {
        values.withUnsafeBufferPointer { values in
            for j in 0..<features { row[j] += factor * values[j] }
        }
    }

    /// A strip that can go on, the one that is furthest behind.
    private func claim(
        _ state: inout sending State
    ) -> (strip: Int, pair: Pair, product: Matrix)? {
        var found: (strip: Int, pair: Pair)?
        for strip in state.next.indices where !state.isBusy[strip] {
            if let found, state.next[found.strip] <= state.next[strip] { continue }
            if let pair = state.waiting[state.next[strip]] { found = (strip, pair) }
        }
        guard let found else { return nil }
        state.isBusy[found.strip] = true
        let product =
            state.products.popLast()
            ?? Matrix(rows: min(Self.strip, features), columns: features)
        return (found.strip, found.pair, product)
    }

    private func addProducts(of pair: Pair, strip: Int, through product: Matrix) {
        let rows = (strip * Self.strip)..<min((strip + 1) * Self.strip, features)
        // What is below the diagonal is mirrored where there is nothing else.
        let first = pair.other == nil ? rows.lowerBound : 0
        let x = pair.tile.view
        let other = (pair.other ?? pair.tile).view
        let target = product.view.part(
            rows: 0..<rows.count, columns: 0..<(features - first))
        multiplyTransposed(
            x.part(rows: 0..<x.rows, columns: rows),
            other.part(rows: 0..<x.rows, columns: first..<features), into: target)
        for i in rows {
            let sum = sums.row(i) + first
            let values = target.row(i - rows.lowerBound)
            let start = pair.other == nil ? i - first : 0
            for j in start..<(features - first) { sum[j] += Double(values[j]) }
        }
    }

    private func means(_ x: MatrixView) -> [Float] {
        var moments = Moments(features: features)
        moments.add(x)
        return moments.sum.map { Float($0 / Double(max(1, x.rows))) }
    }

    private func subtract(_ shift: [Float], from tile: Matrix) {
        shift.withUnsafeBufferPointer { shift in
            for index in 0..<tile.rows {
                let row = tile.start + index * features
                for j in 0..<features { row[j] -= shift[j] }
            }
        }
    }
}
