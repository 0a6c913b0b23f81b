import Glibc
import Synchronization

/// A linear layer y = x Wᵀ + b with its weights in memory. W: `[out, in]`, b: `[out]` or none.
///
/// Unchecked: the weights change only through `update`, between loops of the pool.
package final class Linear: @unchecked Sendable {
    package let weights: Matrix
    package private(set) var bias: [Float]?
    package let precision: Precision
    /// W rounded, where products are made in bfloat16.
    private let rounded: UnsafeMutablePointer<UInt16>?

    package init(weights: Matrix, bias: [Float]?, precision: Precision) {
        precondition(bias == nil || bias?.count == weights.rows, "bias does not fit the weights")
        self.weights = weights
        self.bias = bias
        self.precision = precision
        rounded = precision == .bfloat16 ? allocateAligned(weights.rows * weights.columns) : nil
        roundWeights()
    }

    deinit { free(rounded) }

    package var rows: Int { weights.rows }
    package var columns: Int { weights.columns }

    /// To be called after the weights have been changed in place.
    package func update(bias: [Float]?) {
        self.bias = bias
        roundWeights()
    }

    private func roundWeights() {
        guard let rounded else { return }
        for i in 0..<(rows * columns) { rounded[i] = bfloat16Bits(weights.start[i]) }
    }

    /// y = x Wᵀ + b on the calling thread. x: `[tokens, in]`, y: `[tokens, out]`.
    package func apply(_ x: MatrixView, into y: MatrixView, using scratch: inout Bfloat16Scratch) {
        if let rounded {
            scratch.multiply(x, transposed: rounded, rows: rows, columns: columns, into: y)
        } else {
            multiply(x, weights.view, transposed: true, into: y)
        }
        if let bias { add(bias: bias, to: y) }
    }
}
