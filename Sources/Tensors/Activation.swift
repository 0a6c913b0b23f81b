import Glibc

/// The nonlinearity of a feed-forward layer, by its name in `config.json` (`hidden_act`,
/// `activation_function`).
///
/// Source: `ACT2FN` in transformers' activations.py.
package enum Activation: String, Sendable, Hashable, CaseIterable {
    case relu
    case silu
    /// x Phi(x), with the error function.
    case gelu
    /// The tanh approximation, also called `gelu_pytorch_tanh`.
    case geluTanh = "gelu_new"

    /// By any of its names in `config.json`.
    package init?(configuration name: String) {
        switch name {
        case "swish": self = .silu
        case "gelu_python": self = .gelu
        case "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast":
            self = .geluTanh
        default: self.init(rawValue: name)
        }
    }

    /// Applies it to every element of `x`, `[rows, columns]`.
    package func apply(_ x: MatrixView) {
        for index in 0..<x.rows {
            let row = x.row(index)
            switch self {
            case .relu:
                for j in 0..<x.columns { row[j] = max(row[j], 0) }
            case .silu:
                mapLanes(row, x.columns) { $0 / (1 + exponential(-$0)) }
            case .gelu:
                for j in 0..<x.columns {
                    row[j] = row[j] * 0.5 * (1 + erff(row[j] * Float(0.5).squareRoot()))
                }
            case .geluTanh:
                // 0.5 x (1 + tanh u) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3).
                mapLanes(row, x.columns) { x in
                    let u = (x + x * x * x * 0.044_715) * 0.797_884_56
                    return x / (1 + exponential(-2 * u))
                }
            }
        }
    }

    /// x *= f(gate), both `[rows, columns]`; the gate is overwritten.
    package func gate(_ x: MatrixView, by gate: MatrixView) {
        precondition(x.rows == gate.rows && x.columns == gate.columns, "shapes differ")
        guard self == .silu else {
            apply(gate)
            return multiply(x, by: gate)
        }
        for index in 0..<x.rows {
            let gates = gate.row(index)
            let values = x.row(index)
            var j = 0
            while j + 8 <= x.columns {
                let g = load8(gates + j)
                store8(load8(values + j) * (g / (1 + exponential(-g))), values + j)
                j += 8
            }
            while j < x.columns {
                let g = SIMD8(repeating: gates[j])
                values[j] *= (g / (1 + exponential(-g)))[0]
                j += 1
            }
        }
    }
}
