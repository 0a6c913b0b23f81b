import TestSupport
import Testing

@testable import Tensors

/// Gradients of what stands between products, against differences of what they are gradients of.
struct GradientTests {
    static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var generator = Seeded(seed)
        let matrix = Matrix(rows: rows, columns: columns)
        for row in 0..<rows {
            for column in 0..<columns { matrix.view[row, column] = generator.float(in: -2...2) }
        }
        return matrix
    }

    /// Compares a gradient by x of sum(dy f(x)) with differences. All `[rows, columns]`.
    static func check(
        _ gradient: Matrix, at x: Matrix, of dy: Matrix, step: Float = 1e-2,
        tolerance: Double = 2e-3, sourceLocation: SourceLocation = #_sourceLocation,
        _ f: (_ x: Matrix) -> Matrix
    ) {
        func total(_ y: Matrix) -> Double {
            (0..<y.rows).reduce(0.0) { sum, row in
                (0..<y.columns).reduce(sum) {
                    $0 + Double(y.view[row, $1]) * Double(dy.view[row, $1])
                }
            }
        }
        for row in 0..<x.rows {
            for column in 0..<x.columns {
                func shifted(_ step: Float) -> Double {
                    let copy = Matrix(rows: x.rows, columns: x.columns)
                    copy.copy(from: x)
                    copy.view[row, column] += step
                    return total(f(copy))
                }
                let slope = (shifted(step) - shifted(-step)) / Double(2 * step)
                let found = Double(gradient.view[row, column])
                #expect(
                    abs(slope - found) < tolerance * max(1, abs(slope)),
                    "\(row), \(column): \(found), not \(slope)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test(arguments: Activation.allCases)
    func activations(_ activation: Activation) {
        // No number is near a corner.
        let x = Matrix(row: (0..<37).map { Float($0) * 0.41 - 7.31 })
        let slopes = Matrix(rows: 1, columns: x.columns)
        activation.differentiate(x.view, into: slopes.view)
        let ones = Matrix(row: [Float](repeating: 1, count: x.columns))
        Self.check(slopes, at: x, of: ones, step: 1e-2) { x in
            activation.apply(x.view)
            return x
        }
    }

    @Test func learnedActivation() {
        let activation = LearnedActivation(alphaP: 0.7, alphaN: 0.4, beta: 0.5, epsilon: -1e-6)
        let x = Matrix(row: (0..<20).map { Float($0) * 0.31 - 3.117 })
        let slopes = Matrix(rows: 1, columns: x.columns)
        activation.differentiate(x.view, into: slopes.view)
        let ones = Matrix(row: [Float](repeating: 1, count: x.columns))
        Self.check(slopes, at: x, of: ones) { x in
            activation.apply(x.view)
            return x
        }
    }

    @Test func clampedGates() {
        let (up, gate, dy) = (
            Self.random(3, 11, seed: 1), Self.random(3, 11, seed: 2), Self.random(3, 11, seed: 3)
        )
        let (dUp, dGate) = (Matrix(rows: 3, columns: 11), Matrix(rows: 3, columns: 11))
        let (slope, limit): (Float, Float) = (1.5, 1.2)
        clampedGateGradient(
            of: dy.view, up.view, gate: gate.view, slope: slope, limit: limit, intoUp: dUp.view,
            intoGate: dGate.view)
        // Small enough that no number crosses the limit.
        Self.check(dUp, at: up, of: dy, step: 1e-3, tolerance: 5e-3) { x in
            clampedGate(x.view, by: gate.view, slope: slope, limit: limit)
            return x
        }
        Self.check(dGate, at: gate, of: dy, step: 1e-3, tolerance: 5e-3) { g in
            let x = Matrix(rows: 3, columns: 11)
            x.copy(from: up)
            clampedGate(x.view, by: g.view, slope: slope, limit: limit)
            return x
        }
    }

    @Test(arguments: [false, true], [7, 32, 50])
    func norms(_ isCentred: Bool, _ columns: Int) {
        let (x, dy) = (Self.random(3, columns, seed: 4), Self.random(3, columns, seed: 5))
        let weight = Self.random(1, columns, seed: 6)
        let values = (0..<columns).map { weight.view[0, $0] }
        let dx = Matrix(rows: 3, columns: columns)
        let sums = Matrix(rows: 2, columns: columns)
        dx.view.fill(1)
        normGradient(
            x.view, isCentred: isCentred, weight: values, epsilon: 1e-3, of: dy.view,
            into: dx.view, accumulates: true, sums: sums.view)
        for row in 0..<3 { for column in 0..<columns { dx.view[row, column] -= 1 } }
        func norm(_ x: Matrix, _ weight: [Float], _ bias: [Float]) -> Matrix {
            let y = Matrix(rows: x.rows, columns: x.columns)
            if isCentred {
                layerNormalize(x.view, weight: weight, bias: bias, epsilon: 1e-3, into: y.view)
            } else {
                rmsNormalize(x.view, weight: weight, epsilon: 1e-3, into: y.view)
            }
            return y
        }
        let zeros = [Float](repeating: 0, count: columns)
        Self.check(dx, at: x, of: dy, tolerance: 5e-3) { norm($0, values, zeros) }
        func row(_ matrix: Matrix) -> [Float] { (0..<columns).map { matrix.view[0, $0] } }
        let byWeight = Matrix(row: (0..<columns).map { sums.view[0, $0] })
        Self.check(byWeight, at: weight, of: dy) { norm(x, row($0), zeros) }
        guard isCentred else { return }
        let byBias = Matrix(row: (0..<columns).map { sums.view[1, $0] })
        Self.check(byBias, at: Matrix(row: zeros), of: dy) { norm(x, values, row($0)) }
    }

    @Test(arguments: [nil, 0.3 as Float])
    func softmaxes(_ sink: Float?) {
        let (scores, dy) = (Self.random(5, 9, seed: 7), Self.random(5, 9, seed: 8))
        func weights(_ scores: Matrix) -> Matrix {
            softmax(scores.view, scale: 0.7, sink: sink) { ($0 / 3)..<($0 + 5) }
            return scores
        }
        let p = Matrix(rows: 5, columns: 9)
        p.copy(from: scores)
        _ = weights(p)
        for row in 0..<5 {
            let sum = (0..<9).reduce(Float(0)) { $0 + p.view[row, $1] }
            #expect(sink == nil ? abs(sum - 1) < 1e-5 : sum < 0.999)
        }
        let gradient = Matrix(rows: 5, columns: 9)
        gradient.copy(from: dy)
        softmaxGradient(p.view, gradient.view, scale: 0.7)
        Self.check(gradient, at: scores, of: dy) { weights($0) }
    }

    @Test func caps() {
        let (x, dy) = (Self.random(2, 9, seed: 9), Self.random(2, 9, seed: 10))
        func capped(_ x: Matrix) -> Matrix {
            softcap(x.view, scale: 0.6, at: 1.5)
            return x
        }
        let y = Matrix(rows: 2, columns: 9)
        y.copy(from: x)
        let gradient = Matrix(rows: 2, columns: 9)
        gradient.copy(from: dy)
        softcapGradient(gradient.view, capped(y).view, scale: 0.6, at: 1.5)
        Self.check(gradient, at: x, of: dy) { capped($0) }
    }

    @Test(arguments: [RotaryTable.Pairs.halves, .neighbours])
    func rotations(_ pairs: RotaryTable.Pairs) {
        let table = RotaryTable(
            positions: 8, inverseFrequencies: [0.7, 0.2, 0.05], factor: 1.3, pairs: pairs)
        let (x, dy) = (Self.random(4, 16, seed: 11), Self.random(4, 16, seed: 12))
        let gradient = Matrix(rows: 4, columns: 16)
        gradient.copy(from: dy)
        table.apply(gradient.view, headDimension: 8, from: 3, isTransposed: true)
        Self.check(gradient, at: x, of: dy) { x in
            table.apply(x.view, headDimension: 8, from: 3)
            return x
        }
    }

    @Test func relativeErrors() {
        let (y, target) = (Self.random(3, 13, seed: 13), Self.random(3, 13, seed: 14))
        let gradient = Matrix(rows: 3, columns: 13)
        let ones = Matrix(row: [1])
        let error = relativeError(y.view, target.view, gradient: gradient.view, scale: 0.5)
        #expect(error > 0 && relativeError(target.view, target.view) == 0)
        Self.check(gradient, at: y, of: ones) {
            Matrix(row: [Float(0.5 * relativeError($0.view, target.view))])
        }
    }

    /// The numbers of `torch.optim.Adam` with the same settings, for two steps.
    @Test func adam_isTorchs() {
        let weights = Matrix(row: [1, -2, 0, 0.5] + [Float](repeating: 0.25, count: 9))
        let gradients: [[Float]] = [
            [0.1, -0.2, 0.3, 0] + [Float](repeating: 1e-3, count: 9),
            [-0.4, 0.1, 0.3, 0.7] + [Float](repeating: 2e-3, count: 9),
        ]
        let (mean, power) = (Matrix(rows: 1, columns: 13), Matrix(rows: 1, columns: 13))
        for (index, gradient) in gradients.enumerated() {
            Adam(rate: 0.01, step: index + 1).update(
                weights.view, gradient: Matrix(row: gradient).view, mean: mean.view,
                power: power.view)
        }
        let expected: [Float] = [0.995534, -1.987316, 0, 0.4926504, 0.2304203]
        for (place, value) in expected.enumerated() {
            #expect(abs(weights.view[0, place] - value) < 1e-6)
        }
        #expect((4..<13).allSatisfy { weights.view[0, $0] == weights.view[0, 4] })
    }
}
