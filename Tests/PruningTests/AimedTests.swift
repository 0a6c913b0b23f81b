import Pruning
import Tensors
import TestSupport
import Testing

/// Layers that are solved towards what the dense model's layer makes of its own input.
struct AimedTests {
    private static let (rows, columns) = (40, 48)

    /// A layer's input, and one that is near it, with another mean.
    private static func pair() -> (pruned: Layer, dense: Layer) {
        let layer = SolvedTests.layer(rows: rows, columns: columns, seed: 5)
        var random = Seeded(6)
        let mixing = (0..<columns).map { _ in random.floats(columns, in: -0.1...0.1) }
        let offsets = random.floats(columns, in: -0.5...0.5)
        let dense = layer.input.map { x in
            (0..<columns).map { j in
                zip(mixing[j], x).reduce(1.1 * x[j] + offsets[j]) { $0 + $1.0 * $1.1 }
            }
        }
        return (layer, Layer(weights: layer.weights, input: dense))
    }

    /// In tiles, as a sweep gathers them.
    private static func statistics(_ pruned: Layer, _ dense: Layer) -> Statistics {
        let (x, d) = (Matrix(pruned.input), Matrix(dense.input))
        let drift = Matrix(zip(pruned.input, dense.input).map { zip($0, $1).map { $1 - $0 } })
        var (moments, drifts) = (Moments(features: columns), Moments(features: columns))
        moments.add(x.view)
        drifts.add(drift.view)
        let (products, crossed) = (
            CovarianceSum(features: columns), CovarianceSum(features: columns)
        )
        for (index, start) in stride(from: 0, to: x.rows, by: 128).enumerated() {
            let tile = start..<min(x.rows, start + 128)
            products.add(x.rows(tile), at: index)
            crossed.add(x.rows(tile), with: drift.rows(tile), at: index)
        }
        return Statistics(
            moments, sample: x, sketch: pruned.sketch(), products: products.finish(moments),
            dense: DenseInput(
                drift: crossed.finish(moments, with: drifts.sum), sum: drifts.sum,
                tokens: x.rows, sample: InputSample(d), sketch: dense.sketch()))
    }

    /// E[a b], of both less their means where it is centred.
    private static func moment(_ a: Layer, _ b: Layer, isCentred: Bool) -> [[Double]] {
        let zero = [Double](repeating: 0, count: columns)
        let means = isCentred ? (a.mean, b.mean) : (zero, zero)
        var sums = [[Double]](repeating: zero, count: columns)
        for (x, y) in zip(a.input, b.input) {
            for i in 0..<columns {
                for j in 0..<columns {
                    sums[i][j] += (Double(x[i]) - means.0[i]) * (Double(y[j]) - means.1[j])
                }
            }
        }
        return sums.map { $0.map { $0 / Double(a.input.count) } }
    }

    /// The derivative of the damped squares by each weight that stayed is zero.
    @Test(arguments: [Compensation.mean, .none], ["unstructured", "2:4"])
    func weights_areTheOptimum(_ how: Compensation, _ text: String) throws {
        let (pruned, dense) = Self.pair()
        let linear = pruned.linear()
        let outcome = try pruning(.best, how, pattern: try #require(Pattern(text))).apply(
            to: linear, statistics: Self.statistics(pruned, dense), pool: WorkerPool(width: 2))
        let c = Self.moment(pruned, pruned, isCentred: how == .mean)
        let crossed = Self.moment(dense, pruned, isCentred: how == .mean)
        let floor = 0.01 * c.indices.reduce(0) { $0 + c[$1][$1] } / Double(Self.columns)
        var moved = 0.0
        for row in 0..<Self.rows {
            let (old, new) = (pruned.weights[row], linear.values[row])
            for j in 0..<Self.columns
            where outcome.mask[row * Self.columns + j] == 0 && c[j][j] > 1e-9 {
                var derivative =
                    (floor + 0.01 * (c[j][j] + floor)) * (Double(new[j]) - Double(old[j]))
                for k in 0..<Self.columns {
                    derivative += Double(new[k]) * c[k][j] - Double(old[k]) * crossed[k][j]
                    moved += abs(Double(old[k]) * (crossed[k][j] - c[k][j]))
                }
                #expect(abs(derivative) < 1e-3 * (c[j][j] + floor).squareRoot())
            }
        }
        #expect(moved > 1, "both inputs are the same")
    }

    /// Optimal brain surgeon goes on from the same weights, and the bias moves the mean.
    @Test(arguments: [Metric.stadeOBS, .sparseGPT])
    func brainSurgeon_losesLess(_ metric: Metric) throws {
        let (pruned, dense) = Self.pair()
        let how: Compensation = metric.name == "stade-obs" ? .mean : .none
        func errors(_ statistics: Statistics) throws -> (measured: Double, real: Double) {
            let linear = pruned.linear()
            let outcome = try pruning(metric, how, sparsity: 0.4).apply(
                to: linear, statistics: statistics, pool: WorkerPool(width: 2))
            let y = dense.outputs(dense.weights.map { $0.map { Double($0) } })
            let z = pruned.outputs(linear.values.map { $0.map { Double($0) } })
            var (error, power) = (0.0, 0.0)
            for row in y.indices {
                let moved = Double(outcome.biasChange?[row] ?? 0)
                if how == .mean, statistics.dense != nil {
                    let change = zip(y[row], z[row]).reduce(0) { $0 + $1.0 - $1.1 }
                    #expect(abs(change / Double(y[row].count) - moved) < 1e-3)
                }
                for (y, z) in zip(y[row], z[row]) {
                    error += (y - z - moved) * (y - z - moved)
                    power += y * y
                }
            }
            return (try #require(outcome.measuredError), error / power)
        }
        let aimed = try errors(Self.statistics(pruned, dense))
        #expect(aimed.real < 0.8 * (try errors(pruned.statistics()).real))
        #expect(abs(aimed.measured / aimed.real - 1) < 0.4)
    }

    /// Where both inputs are the same, so is everything.
    @Test(arguments: [Metric.best, .sparseGPT, .stadeOBS])
    func sameInput_changesNothing(_ metric: Metric) throws {
        let layer = Self.pair().pruned
        let (own, aimed) = (layer.linear(), layer.linear())
        let pool = WorkerPool(width: 2)
        let first = try pruning(metric, .affineShrunk).apply(
            to: own, statistics: Self.statistics(layer, layer), pool: pool)
        let second = try pruning(metric, .affineShrunk).apply(
            to: aimed, statistics: layer.statistics(), pool: pool)
        // The covariance's tiles differ.
        let differing = zip(first.mask, second.mask).count { $0 != $1 }
        #expect(differing < first.mask.count / 200)
    }

    /// Whole columns.
    @Test func elimination_losesLess() throws {
        let (pruned, dense) = Self.pair()
        func error(_ statistics: Statistics) throws -> Double {
            let linear = pruned.linear()
            let (_, outcome) = try ChannelPruning(
                name: "layer", metric: .elimination(size: 1), compensation: .mean, size: 1,
                kept: 32, seed: 0, type: .float32
            ).apply(to: linear, statistics: statistics, pool: WorkerPool(width: 2))
            let y = dense.outputs(dense.weights.map { $0.map { Double($0) } })
            let z = pruned.outputs(linear.values.map { $0.map { Double($0) } })
            return y.indices.reduce(0) { sum, row in
                let moved = Double(outcome.biasChange?[row] ?? 0)
                return zip(y[row], z[row]).reduce(sum) {
                    $0 + ($1.0 - $1.1 - moved) * ($1.0 - $1.1 - moved)
                }
            }
        }
        #expect(
            try error(Self.statistics(pruned, dense)) < 0.8 * error(pruned.statistics()))
    }
}
