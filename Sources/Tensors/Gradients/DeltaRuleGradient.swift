/// The way back through `DeltaRule` for one key head and the value heads that share it. With the
/// state S_t behind position t, the gradient D_t by it, S' = d S_(t-1), u = r (v - S'ᵀ k) and
/// y = S_tᵀ q,
///
///     D_t += q dyᵀ;    dq = S_t dy;    du = D_tᵀ k;    dr = du (v - S'ᵀ k);    dv = r du
///     dk = D_t u - S' dv;    D' = D_t - k dvᵀ;    dd = <D', S_(t-1)>;    D_(t-1) = d D'
///
/// Every column of S and D goes its own way, some of them at a time; what they give for q, k, d and
/// r is added up in their order. States are kept at the start of each chunk of positions, and made
/// again in it: going back from S_t to S_(t-1) would divide by a decay that may be 0.
///
/// It is one thread's: the states and the buffers.
package final class DeltaRuleGradient {
    /// Columns of the state that are taken at a time.
    private typealias Lanes = SIMD32<Float>
    private static let lanes = 32
    /// Positions whose states are there at once.
    private static let chunk = 64

    private let shape: DeltaRule.Shape
    /// Both `[length, key_dim]`: divided by their lengths.
    private let queries: Matrix
    private let keys: Matrix
    /// Gradients by these.
    private let byQueries: Matrix
    private let byKeys: Matrix
    /// All `[length, lanes]`: v, dy and the gradient by v of the columns that are taken.
    private let values: Matrix
    private let changes: Matrix
    private let byValues: Matrix
    /// `[key_dim, lanes]` at the start of each chunk, one below the other.
    private let starts: Matrix
    /// The same before each position of a chunk, and behind the last.
    private let states: Matrix
    /// The gradient by the state.
    private let byState: Matrix
    /// `[chunk, lanes]`: v - S'ᵀ k.
    private let errors: Matrix

    /// - Parameter length: of a sequence, at most.
    package init(_ shape: DeltaRule.Shape, length: Int) {
        self.shape = shape
        func matrix(_ rows: Int, _ columns: Int) -> Matrix { Matrix(rows: rows, columns: columns) }
        queries = matrix(length, shape.keyDimension)
        keys = matrix(length, shape.keyDimension)
        byQueries = matrix(length, shape.keyDimension)
        byKeys = matrix(length, shape.keyDimension)
        values = matrix(length, Self.lanes)
        changes = matrix(length, Self.lanes)
        byValues = matrix(length, Self.lanes)
        starts = matrix(Self.chunks(length) * shape.keyDimension, Self.lanes)
        states = matrix((Self.chunk + 1) * shape.keyDimension, Self.lanes)
        byState = matrix(shape.keyDimension, Self.lanes)
        errors = matrix(Self.chunk, Self.lanes)
    }

    private static func chunks(_ length: Int) -> Int { (length + chunk - 1) / chunk }

    /// What one takes, in bytes.
    package static func bytes(_ shape: DeltaRule.Shape, length: Int) -> Int {
        let states = shape.keyDimension * (chunks(length) + chunk + 2)
        return 4 * (length * (4 * shape.keyDimension + 3 * lanes) + (states + chunk) * lanes)
    }

    /// - Parameters:
    ///   - x: what `DeltaRule.run` has read.
    ///   - dy: the gradient by what it has written, `[length, valueHeads * value_dim]`.
    ///   - dx: where the gradients by x go; other memory.
    package func run(_ x: DeltaRule.Inputs, of dy: MatrixView, into dx: DeltaRule.Inputs) {
        precondition(
            x.fits(shape) && dx.fits(shape) && x.length <= queries.rows && dx.length == x.length
                && dy.rows == x.length && dy.columns == x.values.columns, "shapes do not fit")
        normalise(x.queries, into: queries, scale: scale)
        normalise(x.keys, into: keys, scale: 1)
        byQueries.view.fill(0)
        byKeys.view.fill(0)
        dx.decays.fill(0)
        dx.rates.fill(0)
        for member in 0..<shape.valueHeads {
            for first in stride(from: 0, to: shape.valueDimension, by: Self.lanes) {
                let end = min(shape.valueDimension, first + Self.lanes)
                let start = member * shape.valueDimension
                let columns = (start + first)..<(start + end)
                take(x.values, columns, into: values)
                take(dy, columns, into: changes)
                keepStarts(x, member)
                byState.view.fill(0)
                for chunk in (0..<Self.chunks(x.length)).reversed() {
                    goBack(chunk, x, member, into: dx)
                }
                dx.values.part(rows: 0..<x.length, columns: columns)
                    .copy(
                        from: byValues.view.part(
                            rows: 0..<x.length, columns: 0..<columns.count))
            }
        }
        passLengths(x.queries, byQueries, scale: scale, into: dx.queries)
        passLengths(x.keys, byKeys, scale: 1, into: dx.keys)
    }

    private var scale: Float { 1 / Float(shape.keyDimension).squareRoot() }

    /// Some columns, and zeros where there are less than lanes.
    private func take(_ x: MatrixView, _ columns: Range<Int>, into y: Matrix) {
        y.view.fill(0)
        y.view.part(rows: 0..<x.rows, columns: 0..<columns.count)
            .copy(from: x.part(rows: 0..<x.rows, columns: columns))
    }

    /// y = scale x / |x|, row by row.
    private func normalise(_ x: MatrixView, into y: Matrix, scale: Float) {
        for index in 0..<x.rows {
            let (source, target) = (x.row(index), y.view.row(index))
            let factor = factor(source, x.columns)
            for j in 0..<x.columns { target[j] = source[j] * factor * scale }
        }
    }

    private func factor(_ row: UnsafePointer<Float>, _ count: Int) -> Float {
        1 / (sumOfSquares(row, count, minus: 0) + DeltaRule.epsilon).squareRoot()
    }

    /// The gradient by x of what `normalise` makes, whose gradient is dy.
    private func passLengths(
        _ x: MatrixView, _ dy: Matrix, scale: Float, into dx: MatrixView
    ) {
        for index in 0..<x.rows {
            let (source, change) = (x.row(index), dy.view.row(index))
            let factor = factor(source, x.columns)
            let slope = product(source, change, x.columns) * factor * factor
            let target = dx.row(index)
            for j in 0..<x.columns {
                target[j] = scale * factor * (change[j] - source[j] * slope)
            }
        }
    }

    private var size: Int { shape.keyDimension * Self.lanes }

    /// Goes along the sequence and keeps the states at the starts of chunks.
    private func keepStarts(_ x: DeltaRule.Inputs, _ member: Int) {
        let state = states.view.start
        state.update(repeating: 0, count: size)
        for position in 0..<x.length {
            if position % Self.chunk == 0 {
                let start = starts.view.start + position / Self.chunk * size
                start.update(from: state, count: size)
            }
            _ = advance(
                position, state, to: state, decay: x.decays.row(position)[member],
                rate: x.rates.row(position)[member])
        }
    }

    /// - Returns: v - S'ᵀ k
    @inline(__always)
    private func advance(
        _ position: Int, _ state: UnsafePointer<Float>, to next: UnsafeMutablePointer<Float>,
        decay: Float, rate: Float
    ) -> Lanes {
        let key = keys.view.row(position)
        var known = Lanes()
        for i in 0..<shape.keyDimension {
            known.addProduct(
                load(Lanes.self, state + i * Self.lanes), Lanes(repeating: key[i]))
        }
        let value = load(Lanes.self, values.view.row(position))
        let error = value - known * Lanes(repeating: decay)
        let change = error * Lanes(repeating: rate)
        for i in 0..<shape.keyDimension {
            let row = load(Lanes.self, state + i * Self.lanes) * Lanes(repeating: decay)
            store(row.addingProduct(change, Lanes(repeating: key[i])), next + i * Self.lanes)
        }
        return error
    }

    private func goBack(
        _ chunk: Int, _ x: DeltaRule.Inputs, _ member: Int, into dx: DeltaRule.Inputs
    ) {
        let first = chunk * Self.chunk
        let positions = first..<min(x.length, first + Self.chunk)
        let start = states.view.start
        start.update(from: starts.view.start + chunk * size, count: size)
        for (place, position) in positions.enumerated() {
            let error = advance(
                position, start + place * size, to: start + (place + 1) * size,
                decay: x.decays.row(position)[member], rate: x.rates.row(position)[member])
            store(error, errors.view.row(place))
        }
        for (place, position) in positions.enumerated().reversed() {
            let (byDecay, byRate) = goBack(
                position, from: start + place * size, to: start + (place + 1) * size,
                error: load(Lanes.self, errors.view.row(place)),
                decay: x.decays.row(position)[member], rate: x.rates.row(position)[member])
            dx.decays.row(position)[member] += byDecay
            dx.rates.row(position)[member] += byRate
        }
    }

    /// - Parameters:
    ///   - before, after: the states around the position.
    ///   - error: v - S'ᵀ k.
    @inline(__always)
    private func goBack(
        _ position: Int, from before: UnsafePointer<Float>, to after: UnsafePointer<Float>,
        error: Lanes, decay: Float, rate: Float
    ) -> (byDecay: Float, byRate: Float) {
        let (query, key) = (queries.view.row(position), keys.view.row(position))
        let (byQuery, byKey) = (byQueries.view.row(position), byKeys.view.row(position))
        let gradient = byState.view.start
        let change = load(Lanes.self, changes.view.row(position))
        var byChange = Lanes()
        for i in 0..<shape.keyDimension {
            let place = gradient + i * Self.lanes
            let row = load(Lanes.self, place).addingProduct(change, Lanes(repeating: query[i]))
            store(row, place)
            byChange.addProduct(row, Lanes(repeating: key[i]))
            byQuery[i] += (load(Lanes.self, after + i * Self.lanes) * change).sum()
        }
        let byValue = byChange * Lanes(repeating: rate)
        store(byValue, byValues.view.row(position))
        let (added, taken) = (
            error * Lanes(repeating: rate), byValue * Lanes(repeating: decay)
        )
        var byDecay = Lanes()
        for i in 0..<shape.keyDimension {
            let place = gradient + i * Self.lanes
            let (row, state) = (
                load(Lanes.self, place), load(Lanes.self, before + i * Self.lanes)
            )
            byKey[i] += (row * added - state * taken).sum()
            let left = row - byValue * Lanes(repeating: key[i])
            byDecay.addProduct(left, state)
            store(left * Lanes(repeating: decay), place)
        }
        return (byDecay.sum(), (byChange * error).sum())
    }
}
