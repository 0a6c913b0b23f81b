import Glibc

/// x = exp(-speed softplus(x + bias)), the decays of the delta rule: `[positions, heads]`.
///
/// - Parameters:
///   - speeds: `[heads]`, exp(`A_log`).
///   - biases: `[heads]`, `dt_bias`.
package func decay(_ x: MatrixView, speeds: [Float], biases: [Float]) {
    precondition(speeds.count == x.columns && biases.count == x.columns, "shapes do not fit")
    for index in 0..<x.rows {
        let row = x.row(index)
        for j in 0..<x.columns {
            let step = row[j] + biases[j]
            // As in PyTorch, beyond 20 it is the number itself.
            row[j] = expf(-speeds[j] * (step > 20 ? step : log1pf(expf(step))))
        }
    }
}

/// The gradient by the input of `decay`, made of that by its output. All `[positions, heads]`.
///
/// - Parameters:
///   - dy: by the decays.
///   - x: what `decay` read.
///   - decays: what it made.
package func decayGradient(
    of dy: MatrixView, _ x: MatrixView, decays: MatrixView, speeds: [Float], biases: [Float],
    into dx: MatrixView
) {
    for other in [x, decays, dx] {
        precondition(other.rows == dy.rows && other.columns == dy.columns, "shapes differ")
    }
    precondition(speeds.count == x.columns && biases.count == x.columns, "shapes do not fit")
    for index in 0..<dy.rows {
        let (changes, inputs, target) = (dy.row(index), x.row(index), dx.row(index))
        let values = decays.row(index)
        for j in 0..<dy.columns {
            target[j] = -changes[j] * values[j] * speeds[j] * sigmoid(inputs[j] + biases[j])
        }
    }
}
