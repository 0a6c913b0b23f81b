/// The gradient behind a norm, made of that before it: of `rmsNormalize`, or of `layerNormalize`
/// where `isCentred`. With n the normalised row, g = dy weight and r = 1 / sqrt(var + epsilon),
///
///     dx = r (g - mean(g) - n mean(g n)), the first mean where it is centred.
///
/// - Parameters:
///   - x: the norm's input, `[rows, columns]`.
///   - weight: `[columns]`; nil: ones.
///   - dy: the gradient by the norm's output, `[rows, columns]`.
///   - dx: the gradient by its input; nil: it is not wanted. It is added to where `accumulates`.
///   - sums: `[2, columns]`: the gradients by weight and bias are added to its rows; nil: they are
///     not wanted.
package func normGradient(
    _ x: MatrixView, isCentred: Bool, weight: [Float]?, epsilon: Float, of dy: MatrixView,
    into dx: MatrixView?, accumulates: Bool, sums: MatrixView?
) {
    precondition(dy.rows == x.rows && dy.columns == x.columns, "shapes differ")
    precondition(
        dx.map { $0.rows == x.rows && $0.columns == x.columns } ?? true, "shapes differ")
    precondition(sums.map { $0.rows == 2 && $0.columns == x.columns } ?? true, "shapes differ")
    let count = x.columns
    let ones = weight ?? [Float](repeating: 1, count: count)
    precondition(ones.count == count, "a weight for each column")
    let (normed, weighted) = (Buffer<Float>(count: count), Buffer<Float>(count: count))
    let (n, g) = (normed.start, weighted.start)
    ones.withUnsafeBufferPointer { weight in
        for index in 0..<x.rows {
            let (source, change) = (x.row(index), dy.row(index))
            let mean = isCentred ? sum(source, count) / Float(count) : 0
            let power = sumOfSquares(source, count, minus: mean) / Float(count)
            let factor = 1 / (power + epsilon).squareRoot()
            for j in 0..<count {
                n[j] = (source[j] - mean) * factor
                g[j] = change[j] * weight[j]
            }
            if let sums {
                let (weights, biases) = (sums.row(0), sums.row(1))
                for j in 0..<count { weights[j] += change[j] * n[j] }
                for j in 0..<count { biases[j] += change[j] }
            }
            guard let dx else { continue }
            let shift = isCentred ? sum(g, count) / Float(count) : 0
            let slope = product(g, n, count) / Float(count)
            let target = dx.row(index)
            if accumulates {
                for j in 0..<count { target[j] += factor * (g[j] - shift - n[j] * slope) }
            } else {
                for j in 0..<count { target[j] = factor * (g[j] - shift - n[j] * slope) }
            }
        }
    }
}

/// `sum_j a_j b_j` in two vectors of partial sums, added up in a fixed order.
@inline(__always)
func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    var (first, second) = (SIMD8<Float>(), SIMD8<Float>())
    var i = 0
    while i + 16 <= count {
        first.addProduct(load8(a + i), load8(b + i))
        second.addProduct(load8(a + i + 8), load8(b + i + 8))
        i += 16
    }
    var total = (first + second).sum()
    while i < count {
        total += a[i] * b[i]
        i += 1
    }
    return total
}
