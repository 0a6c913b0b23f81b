import Tensors
import Testing

@testable import Pruning

/// `measuredError` against the error over all tokens, in plain double precision.
struct MeasuredErrorTests {
    /// Up to 128 tokens are groups of their own: nothing is estimated.
    @Test(arguments: Compensation.allCases, [Metric.wanda, .stade, .sparseGPT, .best])
    func fewTokens_areExact(_ how: Compensation, _ metric: Metric) throws {
        let layer = Layer(rows: 70, columns: 24, tokens: 120, seed: 11)
        let linear = layer.linear()
        let outcome = try pruning(metric, how, type: .bfloat16).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
        let direct = layer.error(of: linear.values, biasChange: outcome.biasChange)
        let measured = try #require(outcome.measuredError)
        #expect(abs(measured / direct - 1) < 1e-4)
    }

    /// Features that know nothing of each other, as `expectedError` takes them, many tokens.
    @Test(arguments: [Compensation.none, .mean, .affine])
    func uncorrelatedInputs_areAsExpected(_ how: Compensation) throws {
        let layer = Layer(rows: 48, columns: 64, tokens: 4096, seed: 12)
        var moments = Moments(features: 64)
        let matrix = Matrix(layer.input)
        moments.add(matrix.view)
        let linear = layer.linear()
        let outcome = try pruning(.wanda, how).apply(
            to: linear,
            statistics: Statistics(moments, sample: matrix, sketch: layer.sketch(length: 512)),
            pool: WorkerPool(width: 2))
        let (expected, measured) = (
            try #require(outcome.expectedError), try #require(outcome.measuredError)
        )
        #expect(abs(measured / expected - 1) < 0.08, "\(measured), expected \(expected)")
        let direct = layer.error(of: linear.values, biasChange: outcome.biasChange)
        #expect(abs(measured / direct - 1) < 0.08, "\(measured), direct \(direct)")
    }

    /// A token a hundred times as large as the others, wherever it is, is not missed, as every
    /// so-manieth token would miss it.
    @Test(arguments: [0, 777, 2047])
    func largeTokens_count(_ place: Int) throws {
        var layer = Layer(rows: 32, columns: 48, tokens: 2048, seed: 13)
        var input = layer.input
        for j in input[place].indices { input[place][j] *= j % 2 == 0 ? 300 : -200 }
        layer = Layer(weights: layer.weights, input: input)
        var moments = Moments(features: 48)
        moments.add(Matrix(input).view)
        let linear = layer.linear()
        let outcome = try pruning(.magnitude).apply(
            to: linear, statistics: Statistics(moments, sketch: layer.sketch(length: 256)),
            pool: WorkerPool(width: 2))
        let direct = layer.error(of: linear.values, biasChange: nil)
        #expect(abs(try #require(outcome.measuredError) / direct - 1) < 0.05)
    }

    @Test func unchangedLayer_hasNone() throws {
        let layer = Layer(rows: 70, columns: 24, tokens: 60, seed: 14)
        let outcome = try pruning(.wanda, sparsity: 0).apply(
            to: layer.linear(), statistics: layer.statistics(), pool: WorkerPool(width: 2))
        #expect(outcome.measuredError == 0)
    }

    @Test func withoutInputs_isNotThere() throws {
        let layer = Layer(rows: 4, columns: 8, tokens: 20, seed: 15)
        var moments = Moments(features: 8)
        moments.add(Matrix(layer.input).view)
        for statistics in [nil, Statistics(moments)] {
            let outcome = try pruning(.magnitude).apply(
                to: layer.linear(), statistics: statistics, pool: WorkerPool(width: 1))
            #expect(outcome.measuredError == nil)
        }
    }

    @Test(arguments: [Compensation.none, .affine])
    func channels_areMeasured(_ how: Compensation) throws {
        let layer = Layer(rows: 10, columns: 24, tokens: 100, seed: 16)
        let linear = layer.linear()
        let outcome = try ChannelPruning(
            name: "layer", metric: .wanda, compensation: how, size: 1, kept: 16, seed: 0,
            type: .float32
        ).apply(to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2)).outcome
        let direct = layer.error(of: linear.values, biasChange: outcome.biasChange)
        #expect(abs(try #require(outcome.measuredError) / direct - 1) < 1e-4)
    }

    /// Groups take each token once where there is room for all, and 128 of them at most; their
    /// tokens and signs are those that they say.
    @Test(arguments: [
        (1, 1), (3, 40), (1, 128), (2, 65), (5, 300), (8, 2048), (7, 1000), (200, 16), (128, 2048),
    ])
    func groups_takeEachTokenOnce(_ windows: Int, _ length: Int) {
        let groups = SignedGroups(windows: windows, length: length)
        #expect(groups.count <= 128 && groups.signSums.count == groups.count)
        // Of a feature that is always 1 the sums are those of the signs.
        let sums = Matrix(rows: groups.count, columns: 1)
        for window in 0..<windows {
            for first in stride(from: 0, to: length, by: SignedGroups.longest) {
                let part = Matrix(rows: min(SignedGroups.longest, length - first), columns: 1)
                for row in 0..<part.rows { part.view.row(row)[0] = 1 }
                groups.add(part.view, window: window, first: first, to: sums)
            }
        }
        #expect((0..<groups.count).map { Int(sums.view.row($0)[0]) } == groups.signSums)
        let longest = (length + groups.size - 1) / groups.size
        let isAll = groups.tokens == windows * length
        #expect(isAll == (windows * longest <= 128))
        #expect(isAll || groups.tokens * 3 > min(windows * length, 16_384))
    }
}
