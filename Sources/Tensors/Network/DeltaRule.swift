/// The gated delta rule of one key head, with the value heads that share it: a linear attention
/// whose state is a matrix S of `[key_dim, value_dim]` for each value head. At each position
///
///     S = d S;   S = S + k (r (v - Sᵀ k))ᵀ;   y = Sᵀ q
///
/// with a decay d and a rate r of that position. q, k and v come out of a convolution and a
/// nonlinearity; q and k are divided by their length, and q by the square root of key_dim.
///
/// Every column of S goes its own way in the order of the positions, so results depend on nothing
/// else. Source: arXiv 2412.06464; `torch_recurrent_gated_delta_rule` in `modeling_qwen3_5.py` of
/// transformers.
///
/// It is one thread's: the state and the buffers.
package final class DeltaRule {
    /// The sizes of one key head.
    package struct Shape: Sendable, Hashable {
        package let keyDimension: Int
        package let valueDimension: Int
        /// Value heads that share the key head.
        package let valueHeads: Int

        package init(keyDimension: Int, valueDimension: Int, valueHeads: Int) {
            self.keyDimension = keyDimension
            self.valueDimension = valueDimension
            self.valueHeads = valueHeads
        }

        /// Columns of the state, filled up to whole vectors.
        var width: Int { (valueDimension + 7) / 8 * 8 }
    }

    /// Positions whose q, k and v are computed at a time.
    private static let chunk = 64
    /// Added to the square of a length.
    static let epsilon: Float = 1e-6

    private let shape: Shape
    /// `[key_dim, width]` of each value head, one below the other.
    private let state: Matrix
    /// `[chunk, key_dim]`
    private let queries: Matrix
    private let keys: Matrix
    /// `[chunk, valueHeads * value_dim]`
    private let values: Matrix
    /// `[chunk, width]`: one head's values, and what it makes of them.
    private let head: Matrix
    private let output: Matrix

    package init(_ shape: Shape) {
        self.shape = shape
        state = Matrix(rows: shape.valueHeads * shape.keyDimension, columns: shape.width)
        queries = Matrix(rows: Self.chunk, columns: shape.keyDimension)
        keys = Matrix(rows: Self.chunk, columns: shape.keyDimension)
        values = Matrix(rows: Self.chunk, columns: shape.valueHeads * shape.valueDimension)
        head = Matrix(rows: Self.chunk, columns: shape.width)
        output = Matrix(rows: Self.chunk, columns: shape.width)
    }

    /// What one takes, in bytes.
    package static func bytes(_ shape: Shape) -> Int {
        4
            * (shape.valueHeads * shape.keyDimension * shape.width
                + chunk
                * (2 * shape.keyDimension + shape.valueHeads * shape.valueDimension
                    + 2 * shape.width))
    }

    /// Which columns of the convolution's input belong to a key head.
    package struct Columns: Sendable, Hashable {
        package let queries: Range<Int>
        package let keys: Range<Int>
        package let values: Range<Int>

        package init(queries: Range<Int>, keys: Range<Int>, values: Range<Int>) {
            self.queries = queries
            self.keys = keys
            self.values = values
        }
    }

    /// What one key head reads of a sequence, or gradients by that.
    package struct Inputs {
        /// Both `[length, key_dim]`.
        package let queries: MatrixView
        package let keys: MatrixView
        /// `[length, valueHeads * value_dim]`
        package let values: MatrixView
        /// Both `[length, valueHeads]`.
        package let decays: MatrixView
        package let rates: MatrixView

        package init(
            queries: MatrixView, keys: MatrixView, values: MatrixView, decays: MatrixView,
            rates: MatrixView
        ) {
            self.queries = queries
            self.keys = keys
            self.values = values
            self.decays = decays
            self.rates = rates
        }

        var length: Int { queries.rows }

        func fits(_ shape: Shape) -> Bool {
            [keys, values, decays, rates].allSatisfy { $0.rows == length }
                && queries.columns == shape.keyDimension && keys.columns == shape.keyDimension
                && values.columns == shape.valueHeads * shape.valueDimension
                && decays.columns == shape.valueHeads && rates.columns == shape.valueHeads
        }
    }

    /// Takes a whole sequence through the rule, from a state of zeros.
    ///
    /// - Parameters:
    ///   - x: `[kernel - 1 + length, channels]`, the convolution's input with the zeros before the
    ///     sequence. What the value heads make of position t is written to row t of the values'
    ///     columns.
    ///   - decays, rates: `[length, valueHeads]`.
    ///   - activation: what follows the convolution.
    package func run(
        _ x: MatrixView, _ columns: Columns, decays: MatrixView, rates: MatrixView,
        convolution: CausalConvolution, activation: Activation
    ) {
        precondition(
            columns.queries.count == shape.keyDimension && columns.keys.count == shape.keyDimension
                && columns.values.count == values.columns
                && x.rows == decays.rows + convolution.kernel - 1 && rates.rows == decays.rows
                && decays.columns == shape.valueHeads && rates.columns == shape.valueHeads,
            "shapes do not fit")
        state.view.fill(0)
        forEachChunk(of: decays.rows) { rows in
            let seen = rows.lowerBound..<(rows.upperBound + convolution.kernel - 1)
            for (target, range) in [
                (queries, columns.queries), (keys, columns.keys), (values, columns.values),
            ] {
                let part = target.view.prefix(rows.count)
                convolution.apply(
                    x.part(rows: seen, columns: range), channels: range, into: part)
                activation.apply(part)
            }
            advance(
                rows, decays: decays, rates: rates,
                into: x.part(rows: rows, columns: columns.values))
        }
    }

    /// The same of what has come out of convolution and nonlinearity. y:
    /// `[length, valueHeads * value_dim]`, other memory than the values.
    package func run(_ x: Inputs, into y: MatrixView) {
        precondition(
            x.fits(shape) && y.rows == x.length && y.columns == values.columns,
            "shapes do not fit")
        state.view.fill(0)
        forEachChunk(of: x.length) { rows in
            for (target, source) in [(queries, x.queries), (keys, x.keys), (values, x.values)] {
                target.view.prefix(rows.count)
                    .copy(from: source.part(rows: rows, columns: 0..<source.columns))
            }
            advance(
                rows, decays: x.decays, rates: x.rates,
                into: y.part(rows: rows, columns: 0..<y.columns))
        }
    }

    private func forEachChunk(of length: Int, _ body: (_ rows: Range<Int>) -> Void) {
        for start in stride(from: 0, to: length, by: Self.chunk) {
            body(start..<min(length, start + Self.chunk))
        }
    }

    /// All value heads over the positions of a chunk, whose q, k and v are in the buffers. y:
    /// `[positions, valueHeads * value_dim]`.
    private func advance(
        _ rows: Range<Int>, decays: MatrixView, rates: MatrixView, into y: MatrixView
    ) {
        let scale = 1 / Float(shape.keyDimension).squareRoot()
        normalise(queries.view.prefix(rows.count), scale: scale)
        normalise(keys.view.prefix(rows.count), scale: 1)
        for member in 0..<shape.valueHeads {
            let own = (member * shape.valueDimension)..<((member + 1) * shape.valueDimension)
            let (taken, real) = (0..<rows.count, 0..<shape.valueDimension)
            head.view.part(rows: taken, columns: real)
                .copy(from: values.view.part(rows: taken, columns: own))
            advance(
                member, decays.part(rows: rows, columns: member..<(member + 1)),
                rates.part(rows: rows, columns: member..<(member + 1)))
            y.part(rows: taken, columns: own)
                .copy(from: output.view.part(rows: taken, columns: real))
        }
    }

    /// Divides rows by their lengths.
    private func normalise(_ x: MatrixView, scale: Float) {
        for index in 0..<x.rows {
            let row = x.row(index)
            let power = sumOfSquares(row, x.columns, minus: 0)
            let factor = 1 / (power + Self.epsilon).squareRoot()
            for j in 0..<x.columns { row[j] = row[j] * factor * scale }
        }
    }

    /// One value head over the positions of a chunk, some columns of the state after the other, so
    /// that they stay in the first-level cache.
    private func advance(_ member: Int, _ decays: MatrixView, _ rates: MatrixView) {
        var column = 0
        while column + 32 <= shape.width {
            advance(SIMD32<Float>.self, member, column, decays, rates)
            column += 32
        }
        while column < shape.width {
            advance(SIMD8<Float>.self, member, column, decays, rates)
            column += 8
        }
    }

    @inline(__always)
    private func advance<Lanes: SIMD>(
        _ lanes: Lanes.Type, _ member: Int, _ column: Int, _ decays: MatrixView,
        _ rates: MatrixView
    ) where Lanes.Scalar == Float {
        let state = state.start + member * shape.keyDimension * shape.width + column
        for position in 0..<decays.rows {
            let key = keys.view.row(position)
            let query = queries.view.row(position)
            let decay = decays.row(position)[0]
            var known = Lanes()
            for i in 0..<shape.keyDimension {
                known.addProduct(load(lanes, state + i * shape.width), Lanes(repeating: key[i]))
            }
            let value = load(lanes, head.view.row(position) + column)
            let change =
                (value - known * Lanes(repeating: decay))
                * Lanes(repeating: rates.row(position)[0])
            var result = Lanes()
            for i in 0..<shape.keyDimension {
                let place = state + i * shape.width
                let row = (load(lanes, place) * Lanes(repeating: decay))
                    .addingProduct(change, Lanes(repeating: key[i]))
                store(row, place)
                result.addProduct(row, Lanes(repeating: query[i]))
            }
            store(result, output.view.row(position) + column)
        }
    }
}
