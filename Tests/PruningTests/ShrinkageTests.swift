import Pruning
import Tensors
import TestSupport
import Testing

/// What of a compensation carries over, against its definition in `docs/methods.md`, in double
/// precision.
struct ShrinkageTests {
    private static let length = 512

    /// Windows whose means differ from each other by about `drift`.
    private func layer(windows: Int, drift: Float) -> Layer {
        var random = Seeded(41)
        let columns = 24
        let weights = (0..<70).map { _ in random.floats(columns) }
        let means = random.floats(columns, in: -2...2)
        let input = (0..<windows).flatMap { _ in
            let shift = random.floats(columns).map { $0 * drift }
            return (0..<Self.length).map { _ in
                (0..<columns).map { j in means[j] + shift[j] + 2 * random.float() }
            }
        }
        return Layer(weights: weights, input: input)
    }

    /// As a sweep makes them: two windows are a unit, one where there are few.
    private func statistics(_ layer: Layer, windows: Int) -> Statistics {
        var parted = PartedMoments(
            features: layer.columns, windows: windows, length: Self.length)
        for start in stride(from: 0, to: layer.input.count, by: 256) {
            var moments = Moments(features: layer.columns)
            moments.add(Matrix(Array(layer.input[start..<(start + 256)])).view)
            parted.add(moments)
        }
        let rows = SampleRows(tokens: layer.input.count)
        let sample = stride(from: 0, to: layer.input.count, by: rows.stride).map {
            layer.input[$0]
        }
        return Statistics(parted, sample: Matrix(sample))
    }

    private func variance(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    }

    /// The tokens of each part.
    private func parts(_ layer: Layer, windows: Int) -> (units: Int, [Range<Int>]) {
        let perUnit = min(2, windows / 4)
        let count = min(16, windows / perUnit)
        let units = windows / perUnit / count
        let tokens = units * perUnit * Self.length
        return (units, (0..<count).map { $0 * tokens..<($0 + 1) * tokens })
    }

    private func carriedMean(_ layer: Layer, _ mask: [UInt8], windows: Int) -> Double {
        let (units, parts) = parts(layer, windows: windows)
        let means = parts.map { part in
            (0..<layer.columns).map { j in
                layer.input[part].reduce(0) { $0 + Double($1[j]) } / Double(part.count)
            }
        }
        var (mean, spread) = (0.0, 0.0)
        for (row, weights) in layer.weights.enumerated() {
            let outputs = means.map { mean in
                (0..<layer.columns).reduce(0) {
                    mask[row * layer.columns + $1] == 1 ? $0 + Double(weights[$1]) * mean[$1] : $0
                }
            }
            let average = outputs.reduce(0, +) / Double(parts.count)
            mean += average * average
            spread += variance(outputs)
        }
        let signal = max(0, mean - spread / Double(parts.count))
        return signal > 0 ? signal / (signal + 32 * spread * Double(units)) : 0
    }

    @Test(arguments: [(4, Float(0)), (9, 0.3), (9, 1), (70, 0.5)])
    func mean_agreesWithItsDefinition(_ windows: Int, _ drift: Float) throws {
        let layer = layer(windows: windows, drift: drift)
        let statistics = statistics(layer, windows: windows)
        let whole = try pruning(.stadeStar, .mean).apply(
            to: layer.linear(), statistics: statistics, pool: WorkerPool(width: 1))
        let linear = layer.linear()
        let outcome = try pruning(.stadeShrunk, .affineShrunk).apply(
            to: linear, statistics: statistics, pool: WorkerPool(width: 2))
        let carried = try #require(outcome.carriedMean)
        let expected = carriedMean(layer, whole.mask, windows: windows)
        #expect(abs(carried - expected) < 1e-4, "\(carried), not \(expected)")
        #expect(carried > 0 && carried < 1)

        // The mask is that of the metric in between.
        for row in 0..<layer.rows {
            let scores = (0..<layer.columns).map { j in
                let variance =
                    layer.variance[j] + (1 - carried) * layer.mean[j] * layer.mean[j]
                return Double(abs(layer.weights[row][j])) * variance.squareRoot()
            }
            let columns = row * layer.columns..<(row + 1) * layer.columns
            #expect(Array(outcome.mask[columns]) == least(12, scores))
        }
        // And that much of the mean is moved.
        for row in 0..<layer.rows {
            let mean = (0..<layer.columns).reduce(0) {
                $0 + Double(layer.weights[row][$1] - linear.values[row][$1]) * layer.mean[$1]
            }
            #expect(abs(Double(outcome.biasChange?[row] ?? 0) - carried * mean) < 1e-3)
        }
    }

    @Test(arguments: [(9, Float(0.5)), (70, 1)])
    func scale_agreesWithItsDefinition(_ windows: Int, _ drift: Float) throws {
        let layer = layer(windows: windows, drift: drift)
        let statistics = statistics(layer, windows: windows)
        let whole = try pruning(.wanda, .scale, sparsity: 0.75).apply(
            to: layer.linear(), statistics: statistics, pool: WorkerPool(width: 1))
        let outcome = try pruning(.wanda, .scaleShrunk, sparsity: 0.75).apply(
            to: layer.linear(), statistics: statistics, pool: WorkerPool(width: 2))
        #expect(outcome.mask == whole.mask)
        // Every so-manieth token, at most 1024 of the sample.
        let rows = SampleRows(tokens: layer.input.count)
        let stride = rows.stride * ((rows.count + 1023) / 1024)
        let sample = Swift.stride(from: 0, to: layer.input.count, by: stride).map { token in
            (token: token, x: layer.input[token])
        }
        let (_, single) = parts(layer, windows: windows)
        let joined = min(
            single.count / 2, (256 + single[0].count / stride - 1) / (single[0].count / stride))
        let parts = (0..<(single.count / joined)).map { part in
            single[part * joined].lowerBound..<single[(part + 1) * joined - 1].upperBound
        }
        /// Of a row's outputs on some tokens: dense times pruned, and pruned squared.
        func sums(_ row: Int, _ tokens: Range<Int>) -> (products: Double, power: Double) {
            var (products, power) = (0.0, 0.0)
            for (token, x) in sample where tokens.contains(token) {
                var (y, z) = (0.0, 0.0)
                for j in 0..<layer.columns {
                    let value = Double(layer.weights[row][j]) * Double(x[j])
                    y += value
                    if whole.mask[row * layer.columns + j] == 0 { z += value }
                }
                products += y * z
                power += z * z
            }
            return (products, power)
        }
        // What `scale` would be on these tokens.
        let scales = (0..<layer.rows).map { row in
            let (products, power) = sums(row, 0..<layer.input.count)
            return min(max(products / power, 0.5), 3)
        }
        var (effect, spread) = (0.0, 0.0)
        for (row, scale) in scales.enumerated() {
            for part in parts {
                let (products, power) = sums(row, part)
                effect += (scale - 1) * (scale - 1) * power
                spread += (products / power - scale) * (products / power - scale) * power
            }
        }
        spread *= Double(parts.count) / Double(parts.count - 1)
        let signal = max(0, effect - spread / Double(parts.count))
        let expected = signal / (signal + 8 * spread)
        let carried = try #require(outcome.carriedScale)
        let shrunkScales = try #require(outcome.scales)
        #expect(abs(carried - expected) < 1e-3, "\(carried), not \(expected)")
        for (shrunk, scale) in zip(shrunkScales, scales) {
            #expect(abs(Double(shrunk) - 1 - carried * (scale - 1)) < 1e-4)
        }
    }

    /// One window says nothing of others: it is as if nothing were compensated.
    @Test func nothingCarriesOver_fromASinglePart() throws {
        let layer = layer(windows: 1, drift: 1)
        let statistics = statistics(layer, windows: 1)
        let linear = layer.linear()
        let outcome = try pruning(.stadeShrunk, .affineShrunk).apply(
            to: linear, statistics: statistics, pool: WorkerPool(width: 1))
        let plain = layer.linear()
        let other = try pruning(.stadeStar).apply(
            to: plain, statistics: statistics, pool: WorkerPool(width: 1))
        #expect(outcome.mask == other.mask && linear.values == plain.values)
        #expect(outcome.biasChange?.allSatisfy { $0 == 0 } == true)
        #expect(outcome.carriedMean == 0 && outcome.carriedScale == 0)
    }

    /// Without a share that carries over, the metric is what it lies between.
    @Test(arguments: [(Compensation.mean, Metric.stade), (.none, .stadeStar)])
    func metric_followsWhatIsMoved(_ how: Compensation, _ metric: Metric) throws {
        let layer = layer(windows: 4, drift: 1)
        let statistics = statistics(layer, windows: 4)
        func mask(_ metric: Metric) throws -> [UInt8] {
            try pruning(metric, how).apply(
                to: layer.linear(), statistics: statistics, pool: WorkerPool(width: 1)
            ).mask
        }
        #expect(try mask(.stadeShrunk) == mask(metric))
    }
}
