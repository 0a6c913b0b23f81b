import Pruning
import Tensors
import TestSupport
import Testing

struct AllocationTests {
    /// A random curve: convex, as sums of sorted errors are.
    private static func curve(_ seed: UInt64, scale: Double) -> ErrorCurve {
        var random = Seeded(seed)
        let steps = (0..<64).map { _ in Double(random.float(in: 0...1)) }.sorted()
        var sum = 0.0
        return ErrorCurve(
            [0]
                + steps.map { step in
                    sum += scale * step * step
                    return sum
                })
    }

    private static let curves = (0..<12).map {
        curve(UInt64($0), scale: 0.002 * Double(1 + $0 * $0))
    }
    private static let importance = (0..<12).map { 1 / Double(1 + $0 % 5) }
    private static let weights = (0..<12).map { 1000 * (1 + $0 % 4) }

    private func mean(_ sparsities: [Double], _ weights: [Int]) -> Double {
        zip(sparsities, weights).reduce(0) { $0 + $1.0 * Double($1.1) }
            / Double(weights.reduce(0, +))
    }

    @Test(arguments: [(0.5, 0.3, 0.7), (0.7, 0.5, 0.9), (0.3, 0, 0.99), (0.6, 0.59, 0.61)])
    func leastError_keepsTotalAndBounds(_ total: Double, _ least: Double, _ most: Double) {
        let sparsities = Allocation.leastError(
            curves: Self.curves, importance: Self.importance, weights: Self.weights, total: total,
            bounds: least...most)
        #expect(abs(mean(sparsities, Self.weights) - total) < 1e-12)
        #expect(sparsities.allSatisfy { $0 >= least - 1e-12 && $0 <= most + 1e-12 })
        #expect(Set(sparsities).count > 1)
    }

    /// What the next weight would cost is the same for every layer that no bound holds.
    @Test(arguments: [0.3, 0.5, 0.7])
    func leastError_equalisesMarginalErrors(_ total: Double) {
        let bounds = 0.1...0.9
        let sparsities = Allocation.leastError(
            curves: Self.curves, importance: Self.importance, weights: Self.weights, total: total,
            bounds: bounds)
        /// Per weight, of the segments on both sides of a sparsity.
        func costs(_ layer: Int) -> (below: Double, above: Double) {
            let values = Self.curves[layer].values
            let place = sparsities[layer] * 64
            func slope(_ segment: Int) -> Double {
                (values[segment + 1] - values[segment]) * 64 * Self.importance[layer]
                    / Double(Self.weights[layer])
            }
            return (
                slope(Int((place - 1e-9).rounded(.down))), slope(Int((place + 1e-9).rounded(.down)))
            )
        }
        let free = sparsities.indices.filter {
            sparsities[$0] > bounds.lowerBound + 1e-9 && sparsities[$0] < bounds.upperBound - 1e-9
        }
        #expect(free.count > 5)
        let (paid, offered) = (free.map { costs($0).below }, free.map { costs($0).above })
        #expect(paid.max() ?? 1 <= (offered.min() ?? 0) + 1e-15)
        for layer in sparsities.indices where !free.contains(layer) {
            if sparsities[layer] < 0.5 {
                #expect(costs(layer).above >= paid.max() ?? 0)
            } else {
                #expect(costs(layer).below <= offered.min() ?? 0)
            }
        }
    }

    /// The published code's arithmetic, for blocks of one size: `2 * Lamda * (x - min) / (max -
    /// min)`, less its mean, plus what is kept.
    @Test(arguments: [0.5, 0.7])
    func owl_isThePublishedFormula(_ total: Double) {
        let outliers = [0.011, 0.03, 0.018, 0.025, 0.012, 0.0145]
        let scaled = outliers.map { ($0 - 0.011) / (0.03 - 0.011) * 0.08 * 2 }
        let mean = scaled.reduce(0, +) / 6
        let sparsities = Allocation.owl(
            outliers: outliers, weights: [Int](repeating: 77, count: 6), total: total,
            bounds: 0...0.99)
        for (sparsity, scaled) in zip(sparsities, scaled) {
            #expect(abs(sparsity - (1 - (scaled - mean + (1 - total)))) < 1e-12)
        }
    }

    @Test func owl_withinBounds_keepsTheTotal() {
        let outliers = [0.01, 0.02, 0.05, 0.011]
        let weights = [100, 300, 50, 200]
        let sparsities = Allocation.owl(
            outliers: outliers, weights: weights, total: 0.6, bounds: 0.55...0.63)
        #expect(abs(mean(sparsities, weights) - 0.6) < 1e-12)
        #expect(sparsities.allSatisfy { $0 >= 0.55 && $0 <= 0.63 })
        #expect(sparsities[2] == 0.55)
        // Blocks that are all alike lose the same.
        let alike = Allocation.owl(
            outliers: [0.02, 0.02], weights: [10, 30], total: 0.5, bounds: 0.3...0.7)
        #expect(alike.allSatisfy { abs($0 - 0.5) < 1e-12 })
    }

    @Test(arguments: [0.37, 0.5, 0.731])
    func wholeColumns_keepTheTotal(_ total: Double) {
        var random = Seeded(7)
        let shapes = (0..<40).map {
            Shape(rows: 64 * (1 + $0 % 3), columns: [64, 96, 160][$0 % 3])
        }
        let sparsities = shapes.map { _ in total + Double(random.float(in: -0.1...0.1)) }
        let bounds = (total - 0.12)...(total + 0.12)
        let whole = Allocation.wholeColumns(sparsities, shapes: shapes, bounds: bounds)
        let weights = shapes.map { $0.rows * $0.columns }
        let all = Double(weights.reduce(0, +))
        // A column of the last layer is all that can be missing.
        #expect(abs(mean(whole, weights) - mean(sparsities, weights)) * all <= 64 * 3)
        for (sparsity, shape) in zip(whole, shapes) {
            let columns = Double(shape.columns)
            #expect((sparsity * columns).rounded() / columns == sparsity)
            #expect(bounds.contains(sparsity))
        }
    }

    /// Weight by weight: the least errors of each row, or of the layer, over the output's power.
    @Test(arguments: [true, false], [Scope.row, .layer])
    func curve_isDirect(_ isCentred: Bool, _ scope: Scope) throws {
        let layer = Layer(rows: 70, columns: 48, tokens: 30, seed: 5)
        let statistics = layer.statistics()
        let curve = try ErrorCurve(
            of: layer.linear(), statistics: statistics, isCentred: isCentred, scope: scope,
            pool: WorkerPool(width: 3))
        let factors = isCentred ? layer.variance : layer.norm2.map { $0 / 30 }
        let errors = layer.weights.map { row in
            zip(row, factors).map { Double($0) * Double($0) * $1 }.sorted()
        }
        let power = layer.weights.reduce(0.0) { sum, row in
            let center = zip(row, layer.mean).reduce(0) { $0 + Double($1.0) * $1.1 }
            return sum + center * center
                + zip(row, layer.variance).reduce(0) { $0 + Double($1.0) * Double($1.0) * $1.1 }
        }
        #expect(curve.values.count == ErrorCurve.levels + 1)
        for eighth in 0...8 {
            let direct: Double
            switch scope {
            case .row:
                direct = errors.reduce(0) { $0 + $1[..<(6 * eighth)].reduce(0, +) }
            case .layer:
                let all = errors.joined().sorted()
                direct = all[..<(all.count * eighth / 8)].reduce(0, +)
            }
            let found = curve.values[ErrorCurve.levels * eighth / 8] * power
            // Classes of a layer's scores are an eighth wide.
            let tolerance = scope == .row ? 1e-6 : 0.07
            #expect(abs(found - direct) <= tolerance * direct, "\(eighth): \(found), not \(direct)")
        }
        for index in 2..<curve.values.count {
            let (a, b, c) = (curve.values[index - 2], curve.values[index - 1], curve.values[index])
            #expect(c - b >= (b - a) * (1 - 1e-6))
        }
    }

    @Test func outliers_areDirect_forAnyThreads() throws {
        let layers = [(90, 40), (20, 64)].map { rows, columns in
            let layer = Layer(rows: rows, columns: columns, tokens: 30, seed: UInt64(columns))
            // With a few large ones.
            return Layer(
                weights: layer.weights.map { $0.map { $0 * $0 * $0 * $0 * $0 } }, input: layer.input
            )
        }
        let pairs = layers.map { ($0.linear(), $0.statistics()) }
        let scores = layers.flatMap { layer in
            layer.weights.flatMap { row in
                zip(row, layer.norm2).map { Double(abs($0)) * ($1 / 30).squareRoot() }
            }
        }
        let mean = scores.reduce(0, +) / Double(scores.count)
        let direct = Double(scores.count { $0 > 5 * mean }) / Double(scores.count)
        #expect(direct > 0.001)
        for threads in 1...3 {
            let pool = WorkerPool(width: threads)
            var fraction = OutlierFraction()
            for (layer, statistics) in pairs {
                try fraction.add(layer, factors: OutlierFraction.factors(statistics), pool: pool)
            }
            for (layer, statistics) in pairs {
                try fraction.count(layer, factors: OutlierFraction.factors(statistics), pool: pool)
            }
            #expect(fraction.value == direct)
        }
    }
}
