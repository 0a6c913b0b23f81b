import Pruning
import Tensors
import TestSupport

/// A small random layer with its input, and definitions of everything in plain double precision.
struct Layer {
    let weights: [[Float]]
    let input: [[Float]]

    init(rows: Int, columns: Int, tokens: Int, seed: UInt64, ties: Bool = false) {
        var random = Seeded(seed)
        weights = (0..<rows).map { _ in
            (0..<columns).map { _ in
                let value = random.float()
                return ties ? (value * 2).rounded() / 2 : value
            }
        }
        // Each feature has a mean and a spread of its own; one does not vary, one is always zero.
        let means = random.floats(columns, in: -2...2)
        let spreads = random.floats(columns, in: 0.1...3)
        input = (0..<tokens).map { _ in
            (0..<columns).map { j in
                switch j {
                case 1: 1.5
                case 2: 0
                default: ties ? 1 : means[j] + spreads[j] * random.float()
                }
            }
        }
    }

    init(weights: [[Float]], input: [[Float]]) {
        self.weights = weights
        self.input = input
    }

    var rows: Int { weights.count }
    var columns: Int { weights[0].count }

    func linear() -> Linear {
        Linear(weights: Matrix(weights), bias: nil, input: .float32)
    }

    func statistics() -> Statistics {
        let matrix = Matrix(input)
        var moments = Moments(features: columns)
        moments.add(matrix.view)
        let products = CovarianceSum(features: columns)
        products.add(matrix.view, at: 0)
        return Statistics(
            moments, sample: matrix, sketch: sketch(), products: products.finish(moments))
    }

    /// Of the input as windows of `length` tokens; without one, of one window.
    func sketch(length: Int? = nil) -> InputSketch {
        let length = length ?? input.count
        let windows = input.count / length
        let groups = SignedGroups(windows: windows, length: length)
        let sums = Matrix(rows: groups.count, columns: columns)
        for window in 0..<windows {
            for first in stride(from: 0, to: length, by: SignedGroups.longest) {
                let rows = first..<min(first + SignedGroups.longest, length)
                let part = Matrix(rows.map { input[window * length + $0] })
                groups.add(part.view, window: window, first: first, to: sums)
            }
        }
        return InputSketch(sums, groups, mean: mean)
    }

    /// The squared error of `new` with a change of the bias over the square of the output, over all
    /// tokens.
    func error(of new: [[Float]], biasChange: [Float]?) -> Double {
        let dense = outputs(weights.map { $0.map { Double($0) } })
        let pruned = outputs(new.map { $0.map { Double($0) } })
        var (error, power) = (0.0, 0.0)
        for row in dense.indices {
            let moved = Double(biasChange?[row] ?? 0)
            for (y, z) in zip(dense[row], pruned[row]) {
                error += (y - z - moved) * (y - z - moved)
                power += y * y
            }
        }
        return error / power
    }

    var mean: [Double] {
        (0..<columns).map { j in
            input.reduce(0) { $0 + Double($1[j]) } / Double(input.count)
        }
    }

    var norm2: [Double] {
        (0..<columns).map { j in input.reduce(0) { $0 + Double($1[j]) * Double($1[j]) } }
    }

    var variance: [Double] {
        let mean = mean
        return (0..<columns).map { j in
            let sum = input.reduce(0) { $0 + (Double($1[j]) - mean[j]) * (Double($1[j]) - mean[j]) }
            return sum / Double(input.count - 1)
        }
    }

    /// W x for every token, `[rows][tokens]`.
    func outputs(_ weights: [[Double]]) -> [[Double]] {
        weights.map { row in
            input.map { x in zip(row, x).reduce(0) { $0 + $1.0 * Double($1.1) } }
        }
    }
}

/// The `amount` least, of equal ones the first.
func least(_ amount: Int, _ scores: [Double]) -> [UInt8] {
    var mask = [UInt8](repeating: 0, count: scores.count)
    let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
    for index in order.prefix(amount) { mask[index] = 1 }
    return mask
}

func pruning(
    _ metric: Metric, _ compensation: Compensation = .none, pattern: Pattern = .unstructured,
    sparsity: Double = 0.5, scope: Scope = .row, seed: UInt64 = 0, name: String = "layer",
    type: ElementType = .float32
) -> LayerPruning {
    LayerPruning(
        name: name, metric: metric, compensation: compensation, pattern: pattern,
        sparsity: sparsity, scope: scope, seed: seed, type: type)
}

extension Linear {
    var values: [[Float]] {
        (0..<rows).map { row in (0..<columns).map { weights.view.row(row)[$0] } }
    }
}

extension Matrix {
    convenience init(_ rows: [[Float]]) {
        self.init(rows: rows.count, columns: rows.first?.count ?? 0)
        for (index, row) in rows.enumerated() {
            for (column, value) in row.enumerated() { view.row(index)[column] = value }
        }
    }
}
