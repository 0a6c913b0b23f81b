import Glibc

/// Attention with linear biases: what is added to the scores of a head, which grows with the
/// position of the key.
///
/// Source: arXiv 2108.12409; `build_alibi_tensor` in `modeling_bloom.py` and `modeling_falcon.py`
/// of transformers.
package struct Alibi: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// q k scale + bias.
        case plain
        /// (q k + bias) scale, with slopes and biases in bfloat16.
        case rounded
    }

    package let kind: Kind
    /// Of each head.
    package let slopes: [Float]

    package init(_ kind: Kind, heads: Int) {
        self.kind = kind
        // Of the next smaller power of two; the heads that are left have slopes between them.
        var whole = 1
        while 2 * whole <= heads { whole *= 2 }
        func powers(_ count: Int, _ exponents: [Int]) -> [Float] {
            let base = Float(pow(2, -pow(2, -(log2(Double(count)) - 3))))
            return exponents.map { powf(base, Float($0)) }
        }
        let others = (0..<(heads - whole)).map { 2 * $0 + 1 }
        var slopes = powers(whole, Array(1...whole)) + powers(2 * whole, others)
        if kind == .rounded {
            slopes.withUnsafeMutableBufferPointer { buffer in
                if let start = buffer.baseAddress {
                    round(start, count: buffer.count, to: .bfloat16)
                }
            }
        }
        self.slopes = slopes
    }

    /// scores = scores scale + bias of the keys from position `first` on. scores: `[rows, keys]`.
    package func apply(_ scores: MatrixView, head: Int, scale: Float, from first: Int) {
        var biases = (0..<scores.columns).map { slopes[head] * Float(first + $0) }
        biases.withUnsafeMutableBufferPointer { buffer in
            guard let bias = buffer.baseAddress else { return }
            var factor: Float = 1
            if kind == .rounded {
                round(bias, count: buffer.count, to: .bfloat16)
                factor = scale
            }
            for index in 0..<scores.rows {
                let row = scores.row(index)
                for j in 0..<scores.columns { row[j] = row[j] * scale + bias[j] * factor }
            }
        }
    }
}
