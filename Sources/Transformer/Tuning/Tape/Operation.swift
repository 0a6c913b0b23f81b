import Tensors

/// A part of a block's forward pass that goes over each token by itself.
protocol RowOperation: Sendable {
    /// Makes the values of its output.
    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers)
    /// Makes the gradients by its inputs of those by its output.
    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers)
    /// Hands in what the chunks of a group have found for its parameters.
    /// - Parameter accumulates: it is added to what earlier groups have handed in.
    func settle(_ group: TuningGroup, accumulates: Bool)
    /// The products that make the gradients of its weights, once all chunks have gone backward.
    func products(_ group: TuningGroup) -> [WeightProduct]
}

extension RowOperation {
    func settle(_ group: TuningGroup, accumulates: Bool) {}
    func products(_ group: TuningGroup) -> [WeightProduct] { [] }
}

/// A part that lets tokens see each other, or sends them different ways: its loops are its own.
protocol GroupOperation: Sendable {
    func forward(_ group: TuningGroup, _ pool: WorkerPool) throws
    func backward(_ group: TuningGroup, _ pool: WorkerPool) throws
    func products(_ group: TuningGroup) -> [WeightProduct]
}

extension GroupOperation {
    func products(_ group: TuningGroup) -> [WeightProduct] { [] }
}

/// gradientᵀ input, the gradient of a layer's weights, and the sums of the gradient's columns,
/// that of its bias.
struct WeightProduct {
    let parameter: LayerParameter
    /// `[tokens, in]`
    let input: MatrixView
    /// By the layer's output, `[tokens, out]`.
    let gradient: MatrixView
}

/// The buffers of one thread.
///
/// Unchecked: only one thread at a time uses it, which `Tape` sees to.
final class TuningBuffers: @unchecked Sendable {
    private let first: Matrix
    private let second: Matrix

    /// - Parameter widest: the most columns.
    init(widest: Int) {
        first = Matrix(rows: TokenChunk.size, columns: widest)
        second = Matrix(rows: TokenChunk.size, columns: widest)
    }

    static func bytes(widest: Int) -> Int { 8 * TokenChunk.size * widest }

    /// Two matrices of the shape of `x`.
    func pair(like x: MatrixView) -> (MatrixView, MatrixView) {
        (
            first.prefix(rows: x.rows, columns: x.columns),
            second.prefix(rows: x.rows, columns: x.columns)
        )
    }
}
