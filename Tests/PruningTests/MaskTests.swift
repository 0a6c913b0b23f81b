import Pruning
import Tensors
import Testing

struct MaskTests {
    static let metrics: [Metric] = [.magnitude, .wanda, .stade, .stadeStar]

    /// The published definitions, weight by weight, with the layer's own statistics.
    private func scores(_ metric: Metric, _ layer: Layer) -> [[Double]] {
        let statistics = layer.statistics()
        return layer.weights.map { row in
            row.enumerated().map { j, weight in
                let w = abs(Double(weight))
                switch metric.name {
                case "magnitude": return w
                case "wanda": return w * statistics.norm2[j].squareRoot()
                case "stade": return w * statistics.variance[j].squareRoot()
                default:
                    let power = statistics.variance[j] + statistics.mean[j] * statistics.mean[j]
                    return w * power.squareRoot()
                }
            }
        }
    }

    @Test func statistics_areDirect() {
        let layer = Layer(rows: 1, columns: 9, tokens: 40, seed: 1)
        let statistics = layer.statistics()
        #expect(statistics.tokens == 40)
        for j in 0..<9 {
            #expect(abs(statistics.mean[j] - layer.mean[j]) < 1e-12)
            #expect(abs(statistics.norm2[j] - layer.norm2[j]) < 1e-10)
            #expect(abs(statistics.variance[j] - layer.variance[j]) < 1e-12)
        }
        #expect(statistics.variance[1] < 1e-14 && statistics.variance[2] == 0)
        #expect(statistics.isFinite)
    }

    @Test func statistics_ofOneTokenOrTooMuch() {
        let one = Layer(rows: 1, columns: 4, tokens: 1, seed: 1).statistics()
        #expect(one.variance == [0, 0, 0, 0])
        for value in [Float.infinity, .nan] {
            var moments = Moments(features: 2)
            let matrix = Matrix([[1, value], [1, 1]])
            moments.add(matrix.view)
            #expect(!Statistics(moments).isFinite)
        }
    }

    @Test(arguments: [false, true], [0, 0.3, 0.5, 0.7, 0.999])
    func rows_loseTheLeast(_ ties: Bool, _ sparsity: Double) throws {
        let layer = Layer(rows: 11, columns: 40, tokens: 30, seed: 2, ties: ties)
        for metric in Self.metrics {
            let expected = scores(metric, layer).flatMap {
                least(Int(40 * sparsity + 1e-9), $0)
            }
            let linear = layer.linear()
            let outcome = try pruning(metric, sparsity: sparsity).apply(
                to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
            #expect(outcome.mask == expected, "\(metric.name)")
            for (row, values) in linear.values.enumerated() {
                for (j, value) in values.enumerated() {
                    let isGone = expected[row * 40 + j] == 1
                    #expect(value == (isGone ? 0 : layer.weights[row][j]))
                }
            }
            #expect(outcome.zeros == linear.values.joined().count { $0 == 0 })
            #expect(outcome.biasChange == nil && outcome.scales == nil)
        }
    }

    @Test(arguments: ["2:4", "4:8", "1:4", "3:4", "1:2", "10:40"], [false, true])
    func groups_keepTheLargest(_ text: String, _ ties: Bool) throws {
        let pattern = try #require(Pattern(text))
        guard case .groups(let keep, let group) = pattern else { return }
        let layer = Layer(rows: 9, columns: 40, tokens: 30, seed: 3, ties: ties)
        for metric in Self.metrics {
            let expected = scores(metric, layer).flatMap { row in
                stride(from: 0, to: 40, by: group).flatMap {
                    least(group - keep, Array(row[$0..<($0 + group)]))
                }
            }
            for scope in Scope.allCases {
                let outcome = try pruning(metric, pattern: pattern, scope: scope).apply(
                    to: layer.linear(), statistics: layer.statistics(),
                    pool: WorkerPool(width: 2))
                #expect(outcome.mask == expected, "\(metric.name)")
            }
        }
    }

    /// Against a sort of the whole layer; rows come before columns among equal scores.
    @Test(arguments: [false, true], [0, 0.001, 0.3, 0.5, 0.77, 0.999])
    func layer_losesTheLeast(_ ties: Bool, _ sparsity: Double) throws {
        // More rows than are counted at a time.
        let layer = Layer(rows: 300, columns: 12, tokens: 30, seed: 4, ties: ties)
        for metric in Self.metrics {
            let expected = least(
                Int(3600 * sparsity + 1e-9), scores(metric, layer).flatMap { $0 })
            for threads in [1, 3] {
                let outcome = try pruning(metric, sparsity: sparsity, scope: .layer).apply(
                    to: layer.linear(), statistics: layer.statistics(),
                    pool: WorkerPool(width: threads))
                #expect(outcome.mask == expected, "\(metric.name)")
            }
        }
    }

    /// What is zero already is the first to go, from the left and from the top.
    @Test(arguments: Scope.allCases)
    func zeroScores_goInOrder(_ scope: Scope) throws {
        let linear = Linear(weights: Matrix(rows: 4, columns: 10), bias: nil, input: .float32)
        let outcome = try pruning(.magnitude, sparsity: 0.35, scope: scope).apply(
            to: linear, statistics: nil, pool: WorkerPool(width: 2))
        let expected: [UInt8] =
            scope == .row
            ? (0..<4).flatMap { _ in (0..<10).map { $0 < 3 ? 1 : 0 } }
            : (0..<40).map { $0 < 14 ? 1 : 0 }
        #expect(outcome.mask == expected)
        #expect(outcome.zeros == 40)
        #expect(outcome.biasShare == nil && outcome.expectedError == nil)
    }

    /// floor(s * columns), where a decimal fraction times a whole number comes out a bit too small.
    @Test(arguments: [
        (0.7, 10, 7), (0.29, 100, 29), (0.57, 100, 57), (0.1, 30, 3), (1.0 / 3, 3, 1),
        (0.99, 10, 9),
        (0.999, 100, 99), (0.5, 7, 3), (0, 5, 0), (0.99999, 10, 9), (0.19999, 5, 0),
    ])
    func budget_isRoundedDown(_ sparsity: Double, _ columns: Int, _ zeros: Int) throws {
        let layer = Layer(rows: 2, columns: max(3, columns), tokens: 3, seed: 5)
        for scope in Scope.allCases {
            let rows = scope == .row ? 2 : 1
            let linear = Linear(
                weights: Matrix(layer.weights.prefix(rows).map { Array($0.prefix(columns)) }),
                bias: nil, input: .float32)
            let outcome = try pruning(.magnitude, sparsity: sparsity, scope: scope).apply(
                to: linear, statistics: nil, pool: WorkerPool(width: 1))
            #expect(outcome.zeros == zeros * rows)
        }
    }

    @Test func random_dependsOnSeedAndLayerAlone() throws {
        let layer = Layer(rows: 70, columns: 64, tokens: 3, seed: 6)
        func mask(
            _ seed: UInt64, _ name: String, _ threads: Int, _ scope: Scope = .row
        ) throws -> [UInt8] {
            try pruning(.random, scope: scope, seed: seed, name: name).apply(
                to: layer.linear(), statistics: nil, pool: WorkerPool(width: threads)
            ).mask
        }
        for scope in Scope.allCases {
            let one = try mask(0, "a", 1, scope)
            #expect(try mask(0, "a", 2, scope) == one)
            #expect(try mask(0, "a", 3, scope) == one)
            #expect(one.count { $0 == 1 } == 70 * 32)
            for other in [try mask(1, "a", 1, scope), try mask(0, "b", 1, scope)] {
                // Half of the places agree by chance, give or take five standard deviations.
                let same = zip(one, other).count { $0 == $1 }
                #expect(abs(same - 2240) < 5 * 34)
            }
        }
        // No two rows are alike, and each column goes about as often.
        let one = try mask(0, "a", 1)
        let rows = (0..<70).map { Array(one[($0 * 64)..<($0 * 64 + 64)]) }
        #expect(Set(rows).count == 70)
        for column in 0..<64 { #expect((14...56).contains(rows.count { $0[column] == 1 })) }
    }

    @Test func uniformScores_areUniform() {
        let scores = UniformScores(seed: 3, layer: "model.layers.0.mlp.up_proj")
        var bins = [Int](repeating: 0, count: 10)
        for row in 0..<100 {
            for column in 0..<100 {
                let score = scores.score(row: row, column: column)
                #expect(score >= 0 && score < 1)
                bins[Int(score * 10)] += 1
            }
        }
        for count in bins { #expect(abs(count - 1000) < 150) }
    }

    @Test(arguments: [
        ("unstructured", true), ("2:4", true), ("1:2", true), ("4095:4096", true), ("0:4", false),
        ("4:4", false), ("5:4", false), ("2:4:8", false), ("2:", false), (":4", false), ("", false),
        ("-2:4", false), ("+2:4", false), ("02:4", false), ("2: 4", false), ("2:5000", false),
        ("２:4", false), ("99999999999999999999:4", false), ("Unstructured", false),
    ])
    func pattern_isReadStrictly(_ text: String, _ isValid: Bool) {
        #expect((Pattern(text) != nil) == isValid)
        if isValid { #expect(Pattern(text)?.description == text) }
    }

    @Test(arguments: [1, 10, 4095, 4096, 4097, 8192, 8193, 10_000, 262_144])
    func sampleRows_areEveryStrideth(_ tokens: Int) {
        let sample = SampleRows(tokens: tokens)
        #expect(sample.stride == (tokens + 4095) / 4096 && sample.count <= 4096)
        for length in [1, 7, 64, tokens] where tokens % length == 0 {
            var found: [Int] = []
            for first in stride(from: 0, to: tokens, by: length) {
                for (offset, row) in sample.rows(from: first, length: length) {
                    #expect(row == found.count && offset >= 0 && offset < length)
                    found.append(first + offset)
                }
            }
            #expect(found == Array(stride(from: 0, to: tokens, by: sample.stride)))
            #expect(found.count == sample.count)
        }
    }
}
