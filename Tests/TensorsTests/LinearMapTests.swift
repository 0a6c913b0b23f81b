import TestSupport
import Testing

@testable import Tensors

/// Least squares from x to e, by what defines them.
struct LinearMapTests {
    private static let (inputs, outputs, tokens) = (7, 5, 300)

    /// x with a mean, and e = A x + a + noise.
    private static func pairs() -> (x: Matrix, e: Matrix) {
        var generator = Seeded(5)
        let x = Matrix(rows: tokens, columns: inputs)
        let e = Matrix(rows: tokens, columns: outputs)
        for row in 0..<tokens {
            for j in 0..<inputs { x.view.row(row)[j] = generator.float(in: 1...3) }
            for j in 0..<outputs {
                let (values, noise) = (x.view.row(row), generator.float(in: -0.1...0.1))
                e.view.row(row)[j] = values[j] - 0.5 * values[(j + 2) % inputs] + 3 + noise
            }
        }
        return (x, e)
    }

    private static func statistics(threads: Int) throws -> LinearMapStatistics {
        let (x, e) = pairs()
        let sum = LinearMapSum(inputs: inputs, outputs: outputs)
        let size = 64
        let ones = [Float](repeating: 1, count: tokens)
        try WorkerPool(width: threads).forEach((tokens + size - 1) / size) { tile in
            let rows = (tile * size)..<min(tokens, (tile + 1) * size)
            sum.add(x.rows(rows), e.rows(rows), tokenWeights: ones[rows], at: tile)
        }
        return sum.finish()
    }

    /// The mean of |e - D x - b|², token by token.
    private static func error(_ map: LinearMap) -> Double {
        let (x, e) = pairs()
        var sum = 0.0
        for row in 0..<tokens {
            for output in 0..<outputs {
                var value = Double(e.view.row(row)[output]) - (map.bias?[output] ?? 0)
                for j in 0..<inputs {
                    value -= Double(map.weights.view.row(output)[j]) * Double(x.view.row(row)[j])
                }
                sum += value * value
            }
        }
        return sum / Double(tokens)
    }

    @Test(arguments: [true, false]) func error_isWhatItIsTokenByToken(_ hasBias: Bool) throws {
        let pool = WorkerPool(width: 2)
        let known = try Self.statistics(threads: 2)
        let map = try known.solve(ridge: 0.01, hasBias: hasBias, pool: pool)
        #expect((map.bias != nil) == hasBias)
        let expected = Self.error(map)
        #expect(abs(try known.error(of: map, pool: pool) / expected - 1) < 1e-4)
        let nothing = LinearMap(
            weights: Matrix(rows: Self.outputs, columns: Self.inputs), bias: nil)
        #expect(abs(known.power / Self.error(nothing) - 1) < 1e-5)
    }

    /// No step away from it is better, up to what the ridge asks for.
    @Test(arguments: [true, false]) func solution_isTheMinimum(_ hasBias: Bool) throws {
        let pool = WorkerPool(width: 2)
        let known = try Self.statistics(threads: 1)
        let map = try known.solve(ridge: 1e-9, hasBias: hasBias, pool: pool)
        let least = Self.error(map)
        for (output, j) in [(0, 0), (2, 3), (4, 6)] {
            for step: Float in [-0.01, 0.01] {
                map.weights.view.row(output)[j] += step
                #expect(Self.error(map) > least)
                map.weights.view.row(output)[j] -= step
            }
        }
        // The noise alone is left where there is a bias.
        if hasBias { #expect(least < Double(Self.outputs) * 0.01 / 3 * 1.1) }
    }

    @Test func threads_changeNoBit() throws {
        let maps = try [1, 3].map { threads in
            try Self.statistics(threads: threads).solve(
                ridge: 0.01, hasBias: true, pool: WorkerPool(width: threads))
        }
        #expect(maps[0].bias == maps[1].bias)
        for output in 0..<Self.outputs {
            for j in 0..<Self.inputs {
                #expect(maps[0].weights.view.row(output)[j] == maps[1].weights.view.row(output)[j])
            }
        }
    }
}
