import Glibc

/// A linear layer y = x Wᵀ + b with its weights in memory. W: `[out, in]`, b: `[out]` or none. It
/// may be several layers in one, whose rows then are computed apart.
///
/// Unchecked: the weights change only through `update` and `pack`, between loops of the pool.
package final class Linear: @unchecked Sendable {
    package let weights: Matrix
    package private(set) var bias: [Float]?
    /// How products of it hold their factors.
    package let input: ProductInput
    /// The rows of each of its parts, in this order; empty where it is one thing.
    private let parts: [[Range<Int>]]
    private var packed: [(weights: PackedWeights, bias: [Float]?)] = []

    package init(
        weights: Matrix, bias: [Float]?, input: ProductInput, parts: [[Range<Int>]] = []
    ) {
        precondition(bias == nil || bias?.count == weights.rows, "bias does not fit the weights")
        self.parts = parts
        self.weights = weights
        self.bias = bias
        self.input = input
        pack()
    }

    package var rows: Int { weights.rows }
    package var columns: Int { weights.columns }

    /// To be called after the weights have been changed in place; then `pack` makes the layer fit
    /// for use again.
    package func update(bias: [Float]?) {
        self.bias = bias
        packed = []
    }

    /// Lays the weights out for products, where that has not been done.
    package func pack() {
        guard packed.isEmpty else { return }
        if parts.isEmpty { packed = [(PackedWeights(weights, as: input), bias)] }
        packed += parts.map { ranges in
            let rows = ranges.flatMap(\.self)
            let part =
                ranges.count == 1
                ? PackedWeights(weights.rows(ranges[0]), as: input)
                : PackedWeights(weights.selecting(rows: rows), as: input)
            return (part, bias.map { bias in rows.map { bias[$0] } })
        }
    }

    /// What `pack` leaves behind and takes beside it for a moment, in bytes.
    package static func packedBytes(
        rows: Int, columns: Int, input: ProductInput, parts: [[Range<Int>]]
    ) -> Int {
        if parts.isEmpty {
            return PackedWeights.bytes(rows: rows, columns: columns, input: input)
        }
        var (bytes, copy) = (0, 0)
        for part in parts {
            let rows = part.reduce(0) { $0 + $1.count }
            bytes += PackedWeights.bytes(rows: rows, columns: columns, input: input)
            if part.count > 1 { copy = max(copy, 4 * rows * columns) }
        }
        return bytes + copy
    }

    /// y = x Wᵀ + b, or y += where `accumulates`, on the calling thread. x: `[tokens, in]`, as
    /// `Products.left` made it for `input`; y: `[tokens, out]`, with the rows of `part` for out.
    package func apply(
        _ x: Operand, part: Int = 0, into y: MatrixView, using products: Products,
        accumulates: Bool = false
    ) {
        precondition(part < packed.count, "weights were changed and not packed")
        let (packed, bias) = packed[part]
        if let bias {
            bias.withUnsafeBufferPointer {
                products.multiply(
                    x, packed, bias: $0.baseAddress, into: y, accumulates: accumulates)
            }
        } else {
            products.multiply(x, packed, into: y, accumulates: accumulates)
        }
    }
}
