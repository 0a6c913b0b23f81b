import TestSupport
import Testing

@testable import Tensors

/// The way back through the gated delta rule, against differences.
struct DeltaRuleGradientTests {
    /// One key head's sizes and a length: fewer columns than are taken at a time, and more; lengths
    /// around the pieces in which a sequence is taken.
    static let cases = [(5, 3, 2, 1), (4, 8, 1, 64), (3, 35, 1, 66), (6, 2, 3, 130)]

    /// What one key head reads, each in memory of its own.
    private struct Inputs {
        let shape: DeltaRule.Shape
        var queries: Matrix
        var keys: Matrix
        var values: Matrix
        var decays: Matrix
        var rates: Matrix

        init(_ shape: DeltaRule.Shape, length: Int) {
            self.shape = shape
            let (size, width) = (shape.keyDimension, shape.valueHeads * shape.valueDimension)
            func random(_ columns: Int, seed: UInt64) -> Matrix {
                GradientTests.random(length, columns, seed: seed)
            }
            func between(_ least: Float, _ most: Float, seed: UInt64) -> Matrix {
                let matrix = random(shape.valueHeads, seed: seed)
                Tensors.scale(matrix.view, by: (most - least) / 4)
                for row in 0..<length {
                    for column in 0..<matrix.columns {
                        matrix.view[row, column] += (least + most) / 2
                    }
                }
                return matrix
            }
            queries = random(size, seed: 1)
            keys = random(size, seed: 2)
            values = random(width, seed: 3)
            decays = between(0.8, 1, seed: 4)
            rates = between(0.1, 0.9, seed: 5)
        }

        var all: DeltaRule.Inputs {
            DeltaRule.Inputs(
                queries: queries.view, keys: keys.view, values: values.view, decays: decays.view,
                rates: rates.view)
        }

        /// What the rule makes of it, with one of the inputs replaced.
        func run(_ input: WritableKeyPath<Inputs, Matrix>, _ matrix: Matrix) -> Matrix {
            var copy = self
            copy[keyPath: input] = matrix
            let y = Matrix(rows: values.rows, columns: values.columns)
            DeltaRule(shape).run(copy.all, into: y.view)
            return y
        }
    }

    @Test(arguments: cases)
    func areDifferences(_ sizes: (Int, Int, Int, Int)) {
        let (size, width, heads, length) = sizes
        let shape = DeltaRule.Shape(
            keyDimension: size, valueDimension: width, valueHeads: heads)
        let (x, dx) = (Inputs(shape, length: length), Inputs(shape, length: length))
        let dy = GradientTests.random(length, heads * width, seed: 6)
        // What is left in the buffers of a longer sequence means nothing.
        let gradient = DeltaRuleGradient(shape, length: length + 3)
        for _ in 0..<2 { gradient.run(x.all, of: dy.view, into: dx.all) }
        let inputs: [WritableKeyPath<Inputs, Matrix>] = [
            \.queries, \.keys, \.values, \.decays, \.rates,
        ]
        for input in inputs {
            GradientTests.check(
                dx[keyPath: input], at: x[keyPath: input], of: dy, step: 3e-3, tolerance: 1e-2
            ) { x.run(input, $0) }
        }
    }

    /// Nothing is divided by a decay.
    @Test func decaysOfZero_giveNumbers() {
        let shape = DeltaRule.Shape(keyDimension: 4, valueDimension: 3, valueHeads: 1)
        let (x, dx) = (Inputs(shape, length: 9), Inputs(shape, length: 9))
        x.decays.view.fill(0)
        let dy = GradientTests.random(9, 3, seed: 6)
        DeltaRuleGradient(shape, length: 9).run(x.all, of: dy.view, into: dx.all)
        GradientTests.check(dx.decays, at: x.decays, of: dy, step: 3e-3, tolerance: 1e-2) {
            x.run(\.decays, $0)
        }
    }

    @Test func decays() {
        let (x, dy) = (
            GradientTests.random(7, 3, seed: 7), GradientTests.random(7, 3, seed: 8)
        )
        let (speeds, biases): ([Float], [Float]) = ([0.3, 1, 2.5], [0, -1.5, 30])
        func made(_ x: Matrix) -> Matrix {
            decay(x.view, speeds: speeds, biases: biases)
            return x
        }
        let (y, dx) = (Matrix(rows: 7, columns: 3), Matrix(rows: 7, columns: 3))
        y.copy(from: x)
        decayGradient(
            of: dy.view, x.view, decays: made(y).view, speeds: speeds, biases: biases,
            into: dx.view)
        GradientTests.check(dx, at: x, of: dy, made)
    }
}
