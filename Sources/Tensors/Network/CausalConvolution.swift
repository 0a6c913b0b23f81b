/// A convolution along a sequence, each channel by itself:
/// y_t = sum over j of w_j x_(t - kernel + 1 + j), plus a bias. Before the first position are
/// zeros.
///
/// Source: `causal_conv1d_fn` in `modeling_qwen3_5.py` of transformers.
package struct CausalConvolution: Sendable {
    /// How many positions it sees, the own one included.
    package let kernel: Int
    package let channels: Int
    /// `[kernel, channels]`
    private let weights: [Float]
    /// `[channels]`; nil: there is none.
    private let bias: [Float]?

    /// - Parameters:
    ///   - weights: `[channels, kernel]`, as checkpoints have them.
    ///   - bias: `[channels]` or nil.
    package init(weights: [Float], bias: [Float]?, channels: Int) {
        precondition(channels > 0 && weights.count % channels == 0, "shapes do not fit")
        precondition(bias == nil || bias?.count == channels, "shapes do not fit")
        let kernel = weights.count / channels
        self.kernel = kernel
        self.channels = channels
        self.bias = bias
        self.weights = (0..<kernel).flatMap { place in
            (0..<channels).map { weights[$0 * kernel + place] }
        }
    }

    /// The gradient by the input of a whole sequence, made of that by its output: of each position
    /// by those that see it. Both `[length, some channels]`, of other memory.
    /// - Parameter channels: which ones they are.
    package func gradient(_ dy: MatrixView, channels range: Range<Int>, into dx: MatrixView) {
        precondition(
            dx.rows == dy.rows && dx.columns == range.count && dy.columns == range.count
                && range.lowerBound >= 0 && range.upperBound <= channels, "shapes do not fit")
        weights.withUnsafeBufferPointer { weights in
            for position in 0..<dx.rows {
                let target = dx.row(position)
                target.update(repeating: 0, count: range.count)
                for place in 0..<kernel where position + kernel - 1 - place < dy.rows {
                    let weight = weights.baseAddress! + place * channels + range.lowerBound
                    let source = dy.row(position + kernel - 1 - place)
                    for j in 0..<range.count { target[j] += weight[j] * source[j] }
                }
            }
        }
    }

    /// Some channels of some positions.
    ///
    /// - Parameters:
    ///   - x: `[kernel - 1 + positions, some channels]`, what is before the first of the positions
    ///     included.
    ///   - channels: which ones they are.
    ///   - y: `[positions, some channels]`, other memory than x.
    package func apply(_ x: MatrixView, channels range: Range<Int>, into y: MatrixView) {
        precondition(
            x.rows == y.rows + kernel - 1 && x.columns == range.count && y.columns == range.count
                && range.lowerBound >= 0 && range.upperBound <= channels, "shapes do not fit")
        weights.withUnsafeBufferPointer { weights in
            for position in 0..<y.rows {
                let target = y.row(position)
                if let bias {
                    for j in 0..<range.count { target[j] = bias[range.lowerBound + j] }
                } else {
                    target.update(repeating: 0, count: range.count)
                }
                for place in 0..<kernel {
                    let weight = weights.baseAddress! + place * channels + range.lowerBound
                    let source = x.row(position + place)
                    for j in 0..<range.count { target[j] += weight[j] * source[j] }
                }
            }
        }
    }
}
