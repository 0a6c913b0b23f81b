import Glibc

extension Activation {
    /// y = f'(x), element by element, both `[rows, columns]`; where f has a corner, one side's.
    package func differentiate(_ x: MatrixView, into y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
        for index in 0..<x.rows {
            let row = y.row(index)
            row.update(from: x.row(index), count: x.columns)
            differentiate(row, x.columns)
        }
    }

    private func differentiate(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .relu: map(row, count) { $0 > 0 ? 1 : 0 }
        case .relu6: map(row, count) { $0 > 0 && $0 < 6 ? 1 : 0 }
        case .reluSquared: map(row, count) { 2 * max($0, 0) }
        case .leakyReLU: map(row, count) { $0 < 0 ? 0.01 : 1 }
        case .silu:
            mapLanes(row, count) { x in
                let s = 1 / (1 + exponential(-x))
                return s * (1 + x * (1 - s))
            }
        case .gelu: map(row, count, Self.geluSlope)
        case .geluClipped:
            map(row, count) { x in
                // Its smallest value is far above -10.
                x < 10 ? Self.geluSlope(x) : 0
            }
        case .geluTanh:
            // x s(2u), u = sqrt(2/pi) (x + 0.044715 x^3).
            mapLanes(row, count) { x in
                let square = x * x
                let u = (x + x * square * 0.044_715) * 0.797_884_56
                let slope = (1 + square * 0.134_145) * 0.797_884_56
                let s = 1 / (1 + exponential(-2 * u))
                return s * (1 + 2 * x * slope * (1 - s))
            }
        case .geluSigmoid:
            mapLanes(row, count) { x in
                let s = 1 / (1 + exponential(-1.702 * x))
                return s * (1 + 1.702 * x * (1 - s))
            }
        case .mish:
            map(row, count) { x in
                let t = tanhf(Self.softplus(x))
                return t + x * (1 - t * t) * Tensors.sigmoid(x)
            }
        case .hardSwish:
            map(row, count) { $0 <= -3 ? 0 : $0 >= 3 ? 1 : (2 * $0 + 3) / 6 }
        case .sigmoid:
            map(row, count) { x in
                let s = Tensors.sigmoid(x)
                return s * (1 - s)
            }
        case .tanh:
            map(row, count) { x in
                let t = tanhf(x)
                return 1 - t * t
            }
        case .laplace:
            let deviation = Float(0.282_095 * 2.0.squareRoot())
            map(row, count) { x in
                let z = (x - 0.707_107) / deviation
                return expf(-z * z) / (deviation * Float.pi.squareRoot())
            }
        case .rootSoftplus:
            map(row, count) { Tensors.sigmoid($0) / (2 * Self.softplus($0).squareRoot()) }
        case .linear: row.update(repeating: 1, count: count)
        }
    }

    /// Phi(x) + x phi(x)
    @inline(__always)
    private static func geluSlope(_ x: Float) -> Float {
        0.5 * (1 + erff(x * Float(0.5).squareRoot())) + x * 0.398_942_28 * expf(-0.5 * x * x)
    }
}

extension LearnedActivation {
    /// y = f'(x), element by element, both `[rows, columns]`.
    package func differentiate(_ x: MatrixView, into y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
        for index in 0..<x.rows {
            let (source, target) = (x.row(index), y.row(index))
            for j in 0..<x.columns { target[j] = slope(source[j]) }
        }
    }
}

/// The gradients behind `clampedGate`, made of that before it. All `[rows, columns]`.
///
/// - Parameters:
///   - dy: by its output.
///   - up, gate: its inputs.
///   - dUp, dGate: by these.
package func clampedGateGradient(
    of dy: MatrixView, _ up: MatrixView, gate: MatrixView, slope: Float, limit: Float,
    intoUp dUp: MatrixView, intoGate dGate: MatrixView
) {
    for other in [up, gate, dUp, dGate] {
        precondition(other.rows == dy.rows && other.columns == dy.columns, "shapes differ")
    }
    for index in 0..<dy.rows {
        let (change, values, gates) = (dy.row(index), up.row(index), gate.row(index))
        let (byUp, byGate) = (dUp.row(index), dGate.row(index))
        for j in 0..<dy.columns {
            let (value, raw) = (values[j], gates[j])
            let g = min(raw, limit)
            let s = sigmoid(g * slope)
            let plain = max(-limit, min(value, limit)) + 1
            byUp[j] = value.magnitude < limit ? change[j] * g * s : 0
            byGate[j] = raw < limit ? change[j] * plain * s * (1 + slope * g * (1 - s)) : 0
        }
    }
}
