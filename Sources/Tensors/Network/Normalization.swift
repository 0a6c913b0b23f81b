/// y = x / sqrt(mean(x²) + epsilon) * weight over each row. x, y: `[rows, columns]`, weight:
/// `[columns]`.
///
/// Source: arXiv 1910.07467; `LlamaRMSNorm` in transformers.
package func rmsNormalize(
    _ x: MatrixView, weight: [Float], epsilon: Float, into y: MatrixView
) {
    precondition(weight.count == x.columns && y.rows == x.rows && y.columns == x.columns)
    weight.withUnsafeBufferPointer { weight in
        for index in 0..<x.rows {
            let source = x.row(index)
            let target = y.row(index)
            let power = sumOfSquares(source, x.columns, minus: 0) / Float(x.columns)
            let factor = 1 / (power + epsilon).squareRoot()
            for j in 0..<x.columns { target[j] = source[j] * factor * weight[j] }
        }
    }
}

/// y = (x - mean) / sqrt(var + epsilon) * weight + bias over each row, var the biased variance.
/// x, y: `[rows, columns]`, weight and bias: `[columns]`; nil where the norm has none.
///
/// Source: arXiv 1607.06450; `torch.nn.LayerNorm`.
package func layerNormalize(
    _ x: MatrixView, weight: [Float]?, bias: [Float]?, epsilon: Float, into y: MatrixView
) {
    precondition(y.rows == x.rows && y.columns == x.columns)
    let ones = weight ?? [Float](repeating: 1, count: x.columns)
    let zeros = bias ?? [Float](repeating: 0, count: x.columns)
    precondition(ones.count == x.columns && zeros.count == x.columns)
    ones.withUnsafeBufferPointer { weight in
        zeros.withUnsafeBufferPointer { bias in
            for index in 0..<x.rows {
                let source = x.row(index)
                let target = y.row(index)
                let mean = sum(source, x.columns) / Float(x.columns)
                let variance = sumOfSquares(source, x.columns, minus: mean) / Float(x.columns)
                let factor = 1 / (variance + epsilon).squareRoot()
                for j in 0..<x.columns {
                    target[j] = (source[j] - mean) * factor * weight[j] + bias[j]
                }
            }
        }
    }
}

/// In two vectors of partial sums, added up in a fixed order.
@inline(__always)
func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var a = SIMD8<Float>()
    var b = SIMD8<Float>()
    var i = 0
    while i + 16 <= count {
        a += load8(x + i)
        b += load8(x + i + 8)
        i += 16
    }
    var total = (a + b).sum()
    while i < count {
        total += x[i]
        i += 1
    }
    return total
}

@inline(__always)
func sumOfSquares(_ x: UnsafePointer<Float>, _ count: Int, minus mean: Float) -> Float {
    var a = SIMD8<Float>()
    var b = SIMD8<Float>()
    var i = 0
    while i + 16 <= count {
        let first = load8(x + i) - mean
        let second = load8(x + i + 8) - mean
        a.addProduct(first, first)
        b.addProduct(second, second)
        i += 16
    }
    var total = (a + b).sum()
    while i < count {
        total += (x[i] - mean) * (x[i] - mean)
        i += 1
    }
    return total
}
