import Pruning
import Tensors
import TestSupport
import Testing

/// Methods that choose mask and weights together, from the covariance of the input.
struct SolvedTests {
    static let metrics: [Metric] = [.best, .sparseGPT, .sparseGPTMask, .stadeOBS]

    /// A layer whose inputs vary together, about means of their own; one is constant and one zero.
    static func layer(rows: Int, columns: Int, tokens: Int = 300, seed: UInt64) -> Layer {
        var random = Seeded(seed)
        let weights = (0..<rows).map { _ in random.floats(columns) }
        let sources = columns / 2
        let mixing = (0..<columns).map { _ in random.floats(sources) }
        let means = random.floats(columns, in: -2...2)
        let input = (0..<tokens).map { _ in
            let signal = random.floats(sources)
            let noise = random.floats(columns, in: -0.3...0.3)
            return (0..<columns).map { j -> Float in
                switch j {
                case 1: return 1.5
                case 2: return 0
                default:
                    return zip(mixing[j], signal).reduce(means[j] + noise[j]) { $0 + $1.0 * $1.1 }
                }
            }
        }
        return Layer(weights: weights, input: input)
    }

    /// The covariance of a layer's input, or its second moment.
    private static func moment(_ layer: Layer, isCentred: Bool) -> [[Double]] {
        let mean = isCentred ? layer.mean : [Double](repeating: 0, count: layer.columns)
        let centred = layer.input.map { x in zip(x, mean).map { Double($0) - $1 } }
        return (0..<layer.columns).map { i in
            (0..<layer.columns).map { j in
                centred.reduce(0) { $0 + $1[i] * $1[j] } / Double(centred.count)
            }
        }
    }

    private static func error(_ layer: Layer, _ new: [[Float]], _ c: [[Double]]) -> Double {
        zip(layer.weights, new).reduce(0) { sum, rows in
            let change = zip(rows.0, rows.1).map { Double($0) - Double($1) }
            var error = 0.0
            for i in change.indices {
                for j in change.indices { error += change[i] * c[i][j] * change[j] }
            }
            return sum + error
        }
    }

    /// The derivative of the damped least squares by each weight that stayed is zero, in
    /// coordinates in which every feature varies alike.
    @Test(arguments: [Compensation.mean, .none], ["unstructured", "2:4", "3:6"])
    func best_solvesForWhatStays(_ how: Compensation, _ text: String) throws {
        let layer = Self.layer(rows: 70, columns: 48, seed: 1)
        let linear = layer.linear()
        let outcome = try pruning(.best, how, pattern: try #require(Pattern(text))).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
        let c = Self.moment(layer, isCentred: how == .mean)
        let floor = 0.01 * (0..<48).reduce(0) { $0 + c[$1][$1] } / 48
        let scales = (0..<48).map { c[$0][$0] > 1e-9 ? (c[$0][$0] + floor).squareRoot() : 0 }
        for row in 0..<70 {
            let change = (0..<48).map {
                (Double(layer.weights[row][$0]) - Double(linear.values[row][$0])) * scales[$0]
            }
            for j in 0..<48 where outcome.mask[row * 48 + j] == 0 && scales[j] > 1e-6 {
                var derivative = (0.01 + floor / (scales[j] * scales[j])) * change[j]
                for k in 0..<48 where scales[k] > 1e-6 {
                    derivative += change[k] * c[k][j] / (scales[k] * scales[j])
                }
                #expect(abs(derivative) < 2e-4)
            }
        }
    }

    /// A feature that hardly varies, and which another could make up for, keeps small weights.
    @Test func best_trustsNoFeatureThatHardlyVaries() throws {
        var random = Seeded(3)
        let input = (0..<256).map { _ -> [Float] in
            let x = random.floats(16)
            return x.indices.map { $0 == 5 ? 1e-3 * (x[2] + 0.1 * x[5]) : x[$0] }
        }
        let layer = Layer(weights: (0..<8).map { _ in random.floats(16) }, input: input)
        let linear = layer.linear()
        _ = try pruning(.best, .none).apply(
            to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 1))
        for row in linear.values { #expect(abs(row[5]) < 2) }
    }

    /// Against what `auto` makes of the same layer, by the error that the report gives too.
    @Test(arguments: ["unstructured", "2:4"], [0.5, 0.7])
    func best_losesLess(_ text: String, _ sparsity: Double) throws {
        let layer = Self.layer(rows: 40, columns: 40, seed: 2)
        let pattern = try #require(Pattern(text))
        for (metric, how, isCentred) in [
            (Metric.stade, Compensation.affine, true), (.wanda, .scale, false),
        ] {
            let c = Self.moment(layer, isCentred: isCentred)
            func run(_ metric: Metric, _ how: Compensation) throws -> (Double, Double?) {
                let linear = layer.linear()
                let outcome = try pruning(metric, how, pattern: pattern, sparsity: sparsity).apply(
                    to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
                return (Self.error(layer, linear.values, c), outcome.expectedError)
            }
            let (best, expected) = try run(.best, isCentred ? .mean : .none)
            let (surgeon, _) = try run(isCentred ? .stadeOBS : .sparseGPT, .none)
            let (plain, _) = try run(metric, how)
            #expect(best < surgeon && surgeon < plain)
            let power = Self.error(
                layer, layer.weights.map { $0.map { _ in 0 } },
                Self.moment(layer, isCentred: false))
            #expect(abs(try #require(expected) / (best / power) - 1) < 1e-3)
        }
    }

    /// Groups that divide 128, that do not, and that are larger.
    @Test(arguments: ["2:4", "1:4", "3:6", "10:48", "70:144"])
    func groups_keepAsManyAsAsked(_ text: String) throws {
        guard case .groups(let keep, let group)? = Pattern(text) else { return }
        let layer = Self.layer(rows: 5, columns: 144, seed: 3)
        for metric in Self.metrics {
            let linear = layer.linear()
            let outcome = try pruning(metric, pattern: .groups(keep: keep, of: group)).apply(
                to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
            for start in stride(from: 0, to: 5 * 144, by: group) {
                let marked = outcome.mask[start..<(start + group)].count { $0 == 1 }
                #expect(marked == group - keep, "\(metric.name)")
            }
            for (index, value) in linear.values.joined().enumerated()
            where outcome.mask[index] == 1 { #expect(value == 0 && value.sign == .plus) }
        }
    }

    @Test(arguments: [0, 0.3, 0.77])
    func budgets_areExact(_ sparsity: Double) throws {
        let layer = Self.layer(rows: 10, columns: 140, seed: 4)
        for metric in Self.metrics {
            let linear = layer.linear()
            let outcome = try pruning(metric, sparsity: sparsity).apply(
                to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
            // SparseGPT: of each block of columns. Least squares: of each row.
            let wanted =
                metric.name == "best"
                ? 10 * Int(140 * sparsity) : Int(1280 * sparsity) + Int(120 * sparsity)
            #expect(outcome.mask.count { $0 == 1 } == wanted, "\(metric.name)")
            #expect(outcome.damping == 0.01)
        }
    }

    @Test(arguments: [0.5, 0.75])
    func mean_isMoved(_ sparsity: Double) throws {
        let layer = Self.layer(rows: 8, columns: 40, seed: 5)
        for (metric, how) in [(Metric.best, Compensation.mean), (.stadeOBS, .affine)] {
            let linear = layer.linear()
            let outcome = try pruning(metric, how, sparsity: sparsity).apply(
                to: linear, statistics: layer.statistics(), pool: WorkerPool(width: 2))
            let change = try #require(outcome.biasChange)
            let mean = layer.mean
            for row in 0..<8 {
                let moved = (0..<40).reduce(0) {
                    $0 + Double(layer.weights[row][$1] - linear.values[row][$1]) * mean[$1]
                }
                #expect(abs(Double(change[row]) - moved) < 1e-4)
            }
            #expect((outcome.scales != nil) == (how == .affine))
        }
    }

    @Test func sameBitsForAnyThreads() throws {
        let layer = Self.layer(rows: 150, columns: 140, seed: 6)
        for metric in Self.metrics {
            func run(_ threads: Int) throws -> ([[Float]], [Float]?, Double?) {
                let linear = layer.linear()
                let outcome = try pruning(metric, .affine).apply(
                    to: linear, statistics: layer.statistics(), pool: WorkerPool(width: threads))
                return (linear.values, outcome.biasChange, outcome.expectedError)
            }
            let one = try run(1)
            for threads in [2, 3, 5] {
                let other = try run(threads)
                #expect(other.0 == one.0 && other.1 == one.1 && other.2 == one.2)
            }
        }
    }
}
