import Glibc
import Tensors
import TestSupport
import Testing

/// The vector exponential, seen through what uses it.
struct ActivationTests {
    private func apply(_ activation: Activation, _ x: [Float]) -> [Float] {
        let matrix = Matrix([x])
        activation.apply(matrix.view)
        return matrix.view.all
    }

    /// Distance in units of the last place of the true value.
    private func ulps(_ value: Float, _ exact: Double) -> Double {
        abs(Double(value) - exact) / Double(Float(exact).ulp)
    }

    @Test func silu_agreesWithDouble() {
        let x = Array(stride(from: Float(-86.9), through: 120, by: 0.0031))
        let y = apply(.silu, x)
        let worst = zip(x, y).reduce(0.0) { worst, pair in
            max(worst, ulps(pair.1, Double(pair.0) / (1 + exp(-Double(pair.0)))))
        }
        #expect(worst < 4)
    }

    @Test func silu_atExtremes() {
        let x: [Float] = [
            0, -0.0, -88, -89, -1000, -3e38, 1000, 3e38, .infinity, .leastNonzeroMagnitude,
        ]
        let y = apply(.silu, x)
        for (x, y) in zip(x, y) where x.isFinite {
            // Below -88 the divisor stays e^88: an error of nothing that counts.
            let exact = Double(x) / (1 + exp(-Double(x)))
            let tolerance = x < -88 ? Double(-x) * 1e-38 : max(1e-45, 4e-7 * abs(exact))
            #expect(abs(Double(y) - exact) <= tolerance, "silu(\(x)) = \(y)")
        }
        #expect(y[0] == 0 && y[8] == .infinity)
    }

    @Test(arguments: [Activation.gelu, .geluTanh])
    func gelu_agreesWithDouble(_ activation: Activation) {
        let x = Array(stride(from: Float(-30), through: 30, by: 0.0017)) + [-1e20, 1e20, -200, 200]
        let y = apply(activation, x)
        for (x, y) in zip(x, y) {
            let x = Double(x)
            let exact =
                activation == .gelu
                ? x * 0.5 * (1 + erf(x / 2.0.squareRoot()))
                : 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
            #expect(
                abs(Double(y) - exact) <= 1e-6 * max(1, abs(exact)), "\(activation)(\(x)) = \(y)")
        }
    }

    @Test func relu_keepsPositives() {
        let x: [Float] = [-3, 0, .leastNonzeroMagnitude, 7, -.infinity, .infinity]
        #expect(apply(.relu, x) == [0, 0, .leastNonzeroMagnitude, 7, 0, .infinity])
    }

    /// Each against its definition, in double precision.
    @Test func others_agreeWithDouble() {
        func gelu(_ x: Double) -> Double { x * 0.5 * (1 + erf(x / 2.0.squareRoot())) }
        func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
        let definitions: [Activation: (Double) -> Double] = [
            .relu6: { min(max($0, 0), 6) }, .reluSquared: { max($0, 0) * max($0, 0) },
            .leakyReLU: { $0 > 0 ? $0 : 0.01 * $0 },
            .geluClipped: { min(max(gelu($0), -10), 10) },
            .geluSigmoid: { $0 / (1 + exp(-1.702 * $0)) },
            .mish: { $0 * tanh(softplus($0)) }, .hardSwish: { $0 * min(max($0 + 3, 0), 6) / 6 },
            .sigmoid: { 1 / (1 + exp(-$0)) }, .tanh: { tanh($0) },
            .laplace: { 0.5 * (1 + erf(($0 - 0.707107) / (0.282095 * 2.0.squareRoot()))) },
            .rootSoftplus: { softplus($0).squareRoot() }, .linear: { $0 },
        ]
        let known: Set<Activation> = [.relu, .silu, .gelu, .geluTanh]
        #expect(Set(Activation.allCases) == known.union(definitions.keys))
        let x = Array(stride(from: Float(-40), through: 40, by: 0.0031)) + [-1e20, 1e18, -0.0]
        for (activation, exact) in definitions {
            for (x, y) in zip(x, apply(activation, x)) {
                let exact = exact(Double(x))
                #expect(
                    abs(Double(y) - exact) <= 1e-6 * max(1, abs(exact)),
                    "\(activation)(\(x)) = \(y)")
            }
            // The same behind a product.
            let gate = Matrix([Array(x[100..<117])])
            let values = Matrix([[Float](repeating: 2, count: 17)])
            activation.gate(values.view, by: gate.view)
            #expect(values.view.all == apply(activation, Array(x[100..<117])).map { 2 * $0 })
        }
    }

    /// Every lane, the rest of a row included, gives the same bits.
    @Test(arguments: [Activation.silu, .geluTanh, .geluSigmoid])
    func valueIsIndependentOfPlace(_ activation: Activation) {
        var random = Seeded(1)
        for _ in 0..<50 {
            let x = random.float(in: -9...9)
            for count in [1, 7, 8, 9, 23] {
                let y = apply(activation, [Float](repeating: x, count: count))
                #expect(Set(y.map(\.bitPattern)) == [apply(activation, [x])[0].bitPattern])
            }
        }
    }

    @Test func names_areThoseOfConfigurations() {
        let names = [
            "relu": Activation.relu, "silu": .silu, "swish": .silu, "gelu": .gelu,
            "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluTanh,
        ]
        for (name, activation) in names { #expect(Activation(configuration: name) == activation) }
        for name in ["prelu", "", "SiLU", "xielu", "elu"] {
            #expect(Activation(configuration: name) == nil)
        }
    }
}
