import Glibc

/// The nonlinearity of a feed-forward layer, by its name in `config.json` (`hidden_act`,
/// `activation_function`).
///
/// Source: `ACT2FN` in transformers' activations.py.
package enum Activation: String, Sendable, Hashable, CaseIterable {
    case relu
    /// min(max(x, 0), 6)
    case relu6
    /// max(x, 0) squared.
    case reluSquared = "relu2"
    /// x, below 0 a hundredth of it.
    case leakyReLU = "leaky_relu"
    case silu
    /// x Phi(x), with the error function.
    case gelu
    /// The same, kept between -10 and 10.
    case geluClipped = "gelu_10"
    /// The tanh approximation, also called `gelu_pytorch_tanh`.
    case geluTanh = "gelu_new"
    /// x sigmoid(1.702 x)
    case geluSigmoid = "quick_gelu"
    /// x tanh(log(1 + e^x))
    case mish
    /// x min(max(x + 3, 0), 6) / 6
    case hardSwish = "hardswish"
    case sigmoid
    case tanh
    /// (1 + erf((x - 0.707107) / (0.282095 sqrt 2))) / 2
    case laplace
    /// The square root of log(1 + e^x).
    case rootSoftplus = "sqrtsoftplus"
    /// x itself.
    case linear

    /// Every name that `config.json` may have for one.
    package static let names: [String: Activation] = {
        var names = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
        names["swish"] = .silu
        names["gelu_python"] = .gelu
        for name in ["gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_fast"] {
            names[name] = .geluTanh
        }
        return names
    }()

    /// By any of its names in `config.json`. Those of transformers that are missing here have
    /// weights of their own: `prelu`, and `xielu`, which is `LearnedActivation`.
    package init?(configuration name: String) {
        guard let activation = Self.names[name] else { return nil }
        self = activation
    }

    /// Applies it to every element of `x`, `[rows, columns]`.
    package func apply(_ x: MatrixView) {
        for index in 0..<x.rows { apply(x.row(index), x.columns) }
    }

    private func apply(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .relu: map(row, count) { max($0, 0) }
        case .relu6: map(row, count) { min(max($0, 0), 6) }
        case .reluSquared: map(row, count) { max($0, 0) * max($0, 0) }
        case .leakyReLU: map(row, count) { $0 < 0 ? 0.01 * $0 : $0 }
        case .silu: mapLanes(row, count) { $0 / (1 + exponential(-$0)) }
        case .gelu: map(row, count, Self.gelu)
        case .geluClipped: map(row, count) { min(max(Self.gelu($0), -10), 10) }
        case .geluTanh:
            // 0.5 x (1 + tanh u) = x / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3).
            mapLanes(row, count) { x in
                let u = (x + x * x * x * 0.044_715) * 0.797_884_56
                return x / (1 + exponential(-2 * u))
            }
        case .geluSigmoid: mapLanes(row, count) { $0 / (1 + exponential(-1.702 * $0)) }
        case .mish: map(row, count) { $0 * tanhf(Self.softplus($0)) }
        case .hardSwish: map(row, count) { $0 * min(max($0 + 3, 0), 6) / 6 }
        case .sigmoid: map(row, count) { 1 / (1 + expf(-$0)) }
        case .tanh: map(row, count, tanhf)
        case .laplace:
            let deviation = Float(0.282_095 * 2.0.squareRoot())
            map(row, count) { 0.5 * (1 + erff(($0 - 0.707_107) / deviation)) }
        case .rootSoftplus: map(row, count) { Self.softplus($0).squareRoot() }
        case .linear: break
        }
    }

    @inline(__always)
    func map(
        _ row: UnsafeMutablePointer<Float>, _ count: Int, _ body: (Float) -> Float
    ) {
        for j in 0..<count { row[j] = body(row[j]) }
    }

    @inline(__always)
    private static func gelu(_ x: Float) -> Float {
        x * 0.5 * (1 + erff(x * Float(0.5).squareRoot()))
    }

    /// log(1 + e^x); beyond 20 it is x in float32.
    @inline(__always)
    static func softplus(_ x: Float) -> Float { x > 20 ? x : log1pf(expf(x)) }

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
