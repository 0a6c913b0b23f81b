import Pruning
import Tensors
import TestSupport
import Testing

/// What is done for the weights that went, against least squares in double precision.
struct CompensationTests {
    private struct Expected {
        var scales: [Double]
        var weights: [[Double]]
        var biasChange: [Double]
    }

    private func expected(_ layer: Layer, _ mask: [UInt8], _ how: Compensation) -> Expected {
        let old = layer.weights.map { $0.map { Double($0) } }
        let left = old.enumerated().map { row, weights in
            weights.enumerated().map { mask[row * layer.columns + $0] == 1 ? 0 : $1 }
        }
        let y = layer.outputs(old)
        let z = layer.outputs(left)
        let scales = zip(y, z).map { y, z -> Double in
            guard how == .scale || how == .affine else { return 1 }
            let n = Double(y.count)
            let (my, mz) = how == .affine ? (y.reduce(0, +) / n, z.reduce(0, +) / n) : (0, 0)
            let products = zip(y, z).reduce(0) { $0 + ($1.0 - my) * ($1.1 - mz) }
            let power = z.reduce(0) { $0 + ($1 - mz) * ($1 - mz) }
            return power > 1e-12 ? min(max(products / power, 0.5), 3) : 1
        }
        let new = zip(left, scales).map { row, scale in row.map { $0 * scale } }
        let mean = layer.mean
        let change = zip(old, new).map { old, new in
            mean.indices.reduce(0) { $0 + (old[$1] - new[$1]) * mean[$1] }
        }
        return Expected(scales: scales, weights: new, biasChange: change)
    }

    /// What is shrunk has tests of its own.
    private static let whole: [Compensation] = [.none, .mean, .scale, .affine]

    @Test(arguments: whole, [0.3, 0.5, 0.8])
    func agreesWithLeastSquares(_ how: Compensation, _ sparsity: Double) throws {
        // More rows than are fitted at a time.
        let layer = Layer(rows: 70, columns: 24, tokens: 200, seed: 1)
        let linear = layer.linear()
        let outcome = try pruning(.stade, how, sparsity: sparsity).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
        let expected = expected(layer, outcome.mask, how)
        #expect((outcome.scales != nil) == (how == .scale || how == .affine))
        #expect((outcome.biasChange != nil) == (how == .mean || how == .affine))
        for row in 0..<70 {
            if let scales = outcome.scales {
                #expect(abs(Double(scales[row]) - expected.scales[row]) < 2e-5)
            }
            if let change = outcome.biasChange {
                #expect(abs(Double(change[row]) - expected.biasChange[row]) < 2e-4)
            }
            for j in 0..<24 {
                #expect(abs(Double(linear.values[row][j]) - expected.weights[row][j]) < 5e-5)
            }
        }
        #expect(outcome.zeros == outcome.mask.count { $0 == 1 })
    }

    /// Moving the mean makes the mean output what it was.
    @Test(arguments: [Compensation.mean, .affine])
    func meanOutputIsKept(_ how: Compensation) throws {
        let layer = Layer(rows: 10, columns: 24, tokens: 100, seed: 2)
        let linear = layer.linear()
        let outcome = try pruning(.stade, how).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 1))
        let before = layer.outputs(layer.weights.map { $0.map { Double($0) } })
        let after = layer.outputs(linear.values.map { $0.map { Double($0) } })
        for row in 0..<10 {
            let change = Double(outcome.biasChange?[row] ?? 0)
            let difference = before[row].reduce(0, +) - after[row].reduce(0, +)
            #expect(abs(difference / 100 - change) < 1e-4)
        }
    }

    /// Rows whose best factor is far away, and rows whose pruned output does not vary.
    @Test(arguments: [Compensation.scale, .affine])
    func scale_isClampedAndNeverMadeUp(_ how: Compensation) throws {
        // Feature 0 and 1 are nearly the same, 2 is their difference's opposite, 3 is constant.
        var random = Seeded(3)
        let input: [[Float]] = (0..<64).map { _ in
            let x = random.float()
            return [x, x * 10, -x * 0.9, 2]
        }
        let matrix = Matrix(input)
        var moments = Moments(features: 4)
        moments.add(matrix.view)
        let statistics = Statistics(moments, sample: matrix)
        // What stays of each row (magnitude keeps the two largest): too little, too much, nothing
        // that varies, nothing at all.
        let weights: [[Float]] = [
            [1, 0.9, 0.1, 1], [1, 0, 1, 0], [0.1, 0.1, 0.5, 0.6], [0, 0, 0, 0],
            [0, 0.001, 0.5, 0.6],
        ]
        let linear = Linear(weights: Matrix(weights), bias: nil, input: .float32)
        let outcome = try pruning(.magnitude, how, sparsity: 0.75).apply(
            to: linear, statistics: statistics, pool: WorkerPool(width: 1))
        let scales = try #require(outcome.scales)
        for (row, scale) in scales.enumerated() {
            #expect(scale >= 0.5 && scale <= 3)
            for j in 0..<4 where outcome.mask[row * 4 + j] == 0 {
                let exact = Double(weights[row][j]) * Double(scale)
                #expect(abs(Double(linear.values[row][j]) - exact) < 1e-6)
            }
        }
        #expect(scales[3] == 1)
        if how == .affine {
            // Only the constant feature is left of rows 0, 2 and 4.
            #expect(scales[0] == 1 && scales[2] == 1 && scales[4] == 1)
            #expect(outcome.biasChange?[3] == 0)
        } else {
            #expect(scales[2] < 1.5)
        }
        // x is left of x - 0.9 x.
        #expect(scales[1] == 0.5)
    }

    @Test func scale_isClampedFromAbove() throws {
        let matrix = Matrix([[1, 10], [-1, -10], [2, 20]])
        var moments = Moments(features: 2)
        moments.add(matrix.view)
        let linear = Linear(weights: Matrix([[1, 0.9]]), bias: nil, input: .float32)
        let outcome = try pruning(.magnitude, .scale).apply(
            to: linear, statistics: Statistics(moments, sample: matrix),
            pool: WorkerPool(width: 1))
        #expect(outcome.scales == [3])
        #expect(linear.values == [[3, 0]])
    }

    @Test(arguments: whole)
    func expectedErrorAndBiasShare_areDirect(_ how: Compensation) throws {
        let layer = Layer(rows: 8, columns: 20, tokens: 60, seed: 4)
        let linear = layer.linear()
        let outcome = try pruning(.wanda, how).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
        let (mean, variance) = (layer.mean, layer.variance)
        var share = (mean: 0.0, all: 0.0)
        var error = 0.0
        var power = 0.0
        for (old, new) in zip(layer.weights, linear.values) {
            var moved = 0.0
            var output = 0.0
            for j in 0..<20 {
                let (w, v) = (Double(old[j]), Double(new[j]))
                share.mean += w * w * mean[j] * mean[j]
                share.all += w * w * layer.norm2[j] / 60
                error += (w - v) * (w - v) * variance[j]
                moved += (w - v) * mean[j]
                power += w * w * variance[j]
                output += w * mean[j]
            }
            if !how.needsBias { error += moved * moved }
            power += output * output
        }
        #expect(abs(try #require(outcome.biasShare) - share.mean / share.all) < 1e-9)
        #expect(abs(try #require(outcome.expectedError) / (error / power) - 1) < 1e-5)
    }

    @Test func biasShare_isOneForConstantsAndZeroWithoutMean() throws {
        for (input, share) in [
            ([[3, 4], [3, 4]], 1.0), ([[1, 2], [-1, -2]], 0), ([[0, 0]], 0),
        ] {
            var moments = Moments(features: 2)
            let matrix = Matrix(input.map { $0.map { Float($0) } })
            moments.add(matrix.view)
            let linear = Linear(weights: Matrix([[1, 2]]), bias: nil, input: .float32)
            let outcome = try pruning(.stade, .mean).apply(
                to: linear, statistics: Statistics(moments), pool: WorkerPool(width: 1))
            #expect(outcome.biasShare == share)
        }
    }

    /// What stays in memory is what will be read back from the file.
    @Test(arguments: [ElementType.bfloat16, .float16, .float32])
    func weights_areRounded(_ type: ElementType) throws {
        let layer = Layer(rows: 6, columns: 20, tokens: 60, seed: 5)
        let linear = layer.linear()
        let exact = layer.linear()
        let settings = (metric: Metric.stade, how: Compensation.affine)
        let outcome = try pruning(settings.metric, settings.how, type: type).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
        let other = try pruning(settings.metric, settings.how).apply(
            to: exact, statistics: layer.statistics(), pool: WorkerPool(width: 1))
        // Mask, scale and bias change are of the weights before they are rounded.
        #expect(outcome.mask == other.mask && outcome.scales == other.scales)
        #expect(outcome.biasChange == other.biasChange)
        for (row, values) in linear.values.enumerated() {
            var rounded = exact.values[row]
            round(&rounded, to: type)
            #expect(values == rounded)
        }
    }

    /// A weight too small for the type is one zero more.
    @Test func zeros_areCountedAfterRounding() throws {
        let linear = Linear(
            weights: Matrix([[1e-9, 1, 0.5, 2e-9]]), bias: nil, input: .float32)
        let outcome = try pruning(.magnitude, sparsity: 0.25, type: .float16).apply(
            to: linear, statistics: nil, pool: WorkerPool(width: 1))
        #expect(outcome.mask == [1, 0, 0, 0])
        #expect(outcome.zeros == 2)
    }

    @Test func sameBitsForAnyThreads() throws {
        let layer = Layer(rows: 150, columns: 40, tokens: 100, seed: 6)
        func run(_ threads: Int, _ scope: Scope) throws -> ([[Float]], [Float]?, [Double?]) {
            let linear = layer.linear()
            let outcome = try pruning(.stade, .affine, scope: scope).apply(
                to: linear, statistics: layer.statistics(), pool: WorkerPool(width: threads))
            return (
                linear.values, outcome.biasChange, [outcome.expectedError, outcome.measuredError]
            )
        }
        for scope in Scope.allCases {
            let one = try run(1, scope)
            for threads in [2, 3, 5] {
                let other = try run(threads, scope)
                #expect(other.0 == one.0 && other.1 == one.1 && other.2 == one.2)
            }
        }
    }
}
