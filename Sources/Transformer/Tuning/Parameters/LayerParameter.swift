import Tensors

/// A layer's weights and bias while they are tuned. The layer itself holds the best so far.
///
/// Unchecked: it changes between loops, or in loops whose threads write rows of their own.
final class LayerParameter: @unchecked Sendable {
    let layer: Linear
    /// Whether it is tuned; otherwise it stays as it is, and only the block runs through it.
    let isTuned: Bool
    private let type: ElementType
    /// The size of the weights as they came, which the rate is relative to.
    private let size: Double
    let bias: VectorParameter?
    /// All `[out, in]`, of no rows where it is not tuned.
    private let weights: Matrix
    /// Where none is wanted: the weights, rounded to the type in which they are stored.
    let gradient: Matrix
    private let mean: Matrix
    private let power: Matrix
    private var isRounded = false

    /// - Parameters:
    ///   - type: in which the weights are stored.
    ///   - biasType: in which the bias is.
    init(_ layer: Linear, isTuned: Bool, type: ElementType, biasType: ElementType) {
        self.layer = layer
        self.isTuned = isTuned
        self.type = type
        let size = isTuned ? sizeOfKept(layer.weights.view) : 0
        self.size = size
        bias = layer.bias.map {
            VectorParameter($0, stored: [(count: $0.count, type: biasType)], size: size)
        }
        let rows = isTuned ? layer.rows : 0
        weights = Matrix(rows: rows, columns: layer.columns)
        gradient = Matrix(rows: rows, columns: layer.columns)
        mean = Matrix(rows: rows, columns: layer.columns)
        power = Matrix(rows: rows, columns: layer.columns)
        if isTuned { weights.copy(from: layer.weights) }
    }

    /// What one of such a shape takes, in bytes.
    static func bytes(_ shape: Shape) -> Int { 16 * shape.count + 24 * shape.rows }

    /// What the block runs with.
    var used: Matrix { isTuned ? (isRounded ? gradient : weights) : layer.weights }

    /// y = x Wᵀ + b. x: `[tokens, in]`, y: `[tokens, out]`.
    func apply(_ x: MatrixView, into y: MatrixView) {
        if let bias { fillRows(y, with: bias.used) }
        multiply(x, used.view, transposed: true, into: y, accumulates: bias != nil)
    }

    /// Has the block run with the parameters as they would be stored, or as they are.
    func use(rounded: Bool) {
        isRounded = rounded
        if isTuned { bias?.use(rounded: rounded) }
    }

    /// Makes some rows of the weights as they would be stored.
    func round(_ rows: Range<Int>) {
        copy(weights.rows(rows), roundedTo: type, into: gradient.rows(rows))
    }

    /// The layer gets some rows of what `round` has made.
    func keep(_ rows: Range<Int>) {
        layer.weights.rows(rows).copy(from: gradient.rows(rows))
    }

    func step(_ adam: Adam, _ rows: Range<Int>) {
        adam.scaled(by: size).update(
            weights.rows(rows), gradient: gradient.rows(rows), mean: mean.rows(rows),
            power: power.rows(rows))
    }
}
