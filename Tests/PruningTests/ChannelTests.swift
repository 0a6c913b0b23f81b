import Pruning
import Tensors
import TestSupport
import Testing

/// Whole columns that go from a layer.
struct ChannelTests {
    private static let pool = WorkerPool(width: 2)
    private static let scored: [Metric] = [.stade, .wanda, .stadeStar, .magnitude, .random]

    private func channels(
        _ metric: Metric, _ compensation: Compensation, size: Int = 1, kept: Int
    ) -> ChannelPruning {
        ChannelPruning(
            name: "layer", metric: metric, compensation: compensation, size: size, kept: kept,
            seed: 0, type: .float32)
    }

    @Test(arguments: [Metric.elimination(size: 4)] + scored, Compensation.allCases)
    func whereAllStay_nothingChanges(_ metric: Metric, _ compensation: Compensation) throws {
        let layer = SolvedTests.layer(rows: 30, columns: 24, seed: 2)
        let linear = layer.linear()
        let (columns, outcome) = try channels(metric, compensation, size: 4, kept: 6)
            .apply(to: linear, statistics: layer.statistics(), pool: Self.pool)
        #expect(linear.values == layer.weights)
        #expect(columns == Array(0..<24) && outcome.zeros == 0 && outcome.expectedError == 0)
        #expect(outcome.mask.allSatisfy { $0 == 0 })
        #expect((outcome.biasChange ?? [0]).allSatisfy { $0 == 0 })
        #expect((outcome.biasChange != nil) == compensation.needsBias)
    }

    /// Those with the least sum of squared scores, of equal ones the first, in whole groups.
    @Test(arguments: [1, 3])
    func scoredMethods_takeTheLeastColumns(_ size: Int) throws {
        let layer = SolvedTests.layer(rows: 30, columns: 24, seed: 3)
        for (metric, factors) in [
            (Metric.stade, layer.variance), (.wanda, layer.norm2),
            (.magnitude, [Double](repeating: 1, count: 24)),
        ] {
            let linear = layer.linear()
            let (columns, outcome) = try channels(metric, .none, size: size, kept: 15 / size)
                .apply(to: linear, statistics: layer.statistics(), pool: Self.pool)
            let scores = (0..<(24 / size)).map { group in
                (0..<size).reduce(0.0) { sum, offset in
                    let j = group * size + offset
                    return sum
                        + layer.weights.reduce(0) {
                            $0 + Double($1[j]) * Double($1[j]) * factors[j]
                        }
                }
            }
            let gone = least((24 - 15) / size, scores)
            let expected = (0..<24).filter { gone[$0 / size] == 0 }
            #expect(columns == expected, "\(metric.name)")
            #expect(outcome.zeros >= 30 * 9)
            for (row, values) in linear.values.enumerated() {
                for j in 0..<24 {
                    #expect(values[j] == (expected.contains(j) ? layer.weights[row][j] : 0))
                    #expect(outcome.mask[row * 24 + j] == (expected.contains(j) ? 0 : 1))
                }
            }
        }
    }

    /// Columns that say again what others say cost nothing, however large their weights are.
    @Test(arguments: [Compensation.mean, .none], [1, 4])
    func redundantColumns_goWithoutLoss(_ compensation: Compensation, _ size: Int) throws {
        var random = Seeded(4)
        let half = 16
        let weights = (0..<30).map { _ in random.floats(2 * half) }
        let input = (0..<500).map { _ -> [Float] in
            let x = random.floats(half)
            // With a bias, copies may have means of their own.
            return x + x.map { compensation == .mean ? $0 + 0.7 : $0 }
        }
        let layer = Layer(weights: weights, input: input)
        let linear = layer.linear()
        let (columns, outcome) = try channels(
            .elimination(size: size), compensation, size: size, kept: half / size
        ).apply(to: linear, statistics: layer.statistics(), pool: Self.pool)
        // One of each pair.
        #expect(Set(columns.map { $0 % half }).count == half)
        // Damping costs its share.
        #expect(try #require(outcome.expectedError) < 1e-4)
        let change = outcome.biasChange ?? [Float](repeating: 0, count: 30)
        let before = layer.outputs(weights.map { $0.map { Double($0) } })
        let after = layer.outputs(linear.values.map { $0.map { Double($0) } })
        var (error, power) = (0.0, 0.0)
        for row in 0..<30 {
            for (old, new) in zip(before[row], after[row]) {
                error += (old - new - Double(change[row])) * (old - new - Double(change[row]))
                power += old * old
            }
        }
        #expect(error < 1e-4 * power)
    }

    /// The method that solves for the others loses less than those that only judge.
    @Test(arguments: [Compensation.mean, .none], [1, 6])
    func elimination_losesLeast(_ compensation: Compensation, _ size: Int) throws {
        let layer = SolvedTests.layer(rows: 40, columns: 48, seed: 5)
        func error(_ metric: Metric) throws -> Double {
            let (columns, outcome) = try channels(metric, compensation, size: size, kept: 30 / size)
                .apply(to: layer.linear(), statistics: layer.statistics(), pool: Self.pool)
            #expect(columns.count == 30 && outcome.zeros >= 40 * 18)
            return try #require(outcome.expectedError)
        }
        let solved = try error(.elimination(size: size))
        for metric in Self.scored {
            let other = try error(metric)
            #expect(solved < 0.9 * other, "\(metric.name): \(other), not above \(solved)")
        }
    }

    @Test func rows_thatGo_areMarked() throws {
        let layer = Layer(rows: 6, columns: 5, tokens: 20, seed: 6)
        let outcome = ChannelPruning.rows(
            kept: [1, 4], of: layer.linear(), statistics: layer.statistics())
        #expect(outcome.zeros == 20)
        #expect(
            outcome.mask
                == (0..<6).flatMap { row in
                    [UInt8](repeating: [1, 4].contains(row) ? 0 : 1, count: 5)
                })
    }
}
