import Tensors

/// A bias, or a norm's weight or bias, while it is tuned.
///
/// Unchecked: it changes between loops, or in loops whose threads write elements of their own.
final class VectorParameter: @unchecked Sendable {
    /// How many elements are stored in which type, one after the other.
    private let stored: [(count: Int, type: ElementType)]
    /// By how much what is stored is less.
    private let shift: Float
    /// What the rate is relative to.
    private let size: Double
    /// All `[1, elements]`.
    private let values: Matrix
    let gradient: Matrix
    private let mean: Matrix
    private let power: Matrix
    /// What the block runs with.
    private(set) var used: [Float]
    /// The best so far.
    private(set) var best: [Float]

    init(
        _ values: [Float], stored: [(count: Int, type: ElementType)], size: Double,
        shift: Float = 0
    ) {
        self.stored = stored
        self.size = size
        self.shift = shift
        self.values = Matrix(row: values)
        gradient = Matrix(rows: 1, columns: values.count)
        mean = Matrix(rows: 1, columns: values.count)
        power = Matrix(rows: 1, columns: values.count)
        used = values
        best = values
    }

    var count: Int { used.count }

    private var plain: [Float] { (0..<count).map { values.view[0, $0] } }

    /// As they would be read again.
    private var rounded: [Float] {
        var result: [Float] = []
        let all = plain
        for (count, type) in stored {
            var part = all[result.count..<(result.count + count)].map { $0 - shift }
            Tensors.round(&part, to: type)
            result += part.map { $0 + shift }
        }
        return result
    }

    func use(rounded: Bool) { used = rounded ? self.rounded : plain }

    func keep() { best = rounded }

    /// The gradient of some elements.
    func add(_ sums: [Double], at first: Int = 0, accumulates: Bool) {
        for (place, sum) in sums.enumerated() {
            let before = accumulates ? Double(gradient.view[0, first + place]) : 0
            gradient.view[0, first + place] = Float(before + sum)
        }
    }

    func step(_ adam: Adam) {
        adam.scaled(by: size).update(
            values.view, gradient: gradient.view, mean: mean.view, power: power.view,
            movesZeros: true)
    }
}
