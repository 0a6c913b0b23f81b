import Glibc

/// A linear layer y = x Wᵀ + b with its weights in memory. W: `[out, in]`, b: `[out]` or none.
///
/// Unchecked: the weights change only through `update` and `pack`, between loops of the pool.
package final class Linear: @unchecked Sendable {
    package let weights: Matrix
    package private(set) var bias: [Float]?
    /// How products of it hold their factors.
    package let input: ProductInput
    private var packed: PackedWeights?

    package init(weights: Matrix, bias: [Float]?, input: ProductInput) {
        precondition(bias == nil || bias?.count == weights.rows, "bias does not fit the weights")
        self.weights = weights
        self.bias = bias
        self.input = input
        pack()
    }

    package var rows: Int { weights.rows }
    package var columns: Int { weights.columns }

    /// To be called after the weights have been changed in place; then `pack` makes the layer fit for
    /// use again.
    package func update(bias: [Float]?) {
        self.bias = bias
        packed = nil
    }

    /// Lays the weights out for products, where that has not been done.
    package func pack() {
        if packed == nil { packed = PackedWeights(weights, as: input) }
    }

    /// y = x Wᵀ + b, or y += where `accumulates`, on the calling thread. x: `[tokens, in]`, as
    /// `Products.left` made it for `input`; y: `[tokens, out]`.
    package func apply(
        _ x: Operand, into y: MatrixView, using products: Products, accumulates: Bool = false
    ) {
        guard let packed else { preconditionFailure("weights were changed and not packed") }
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
