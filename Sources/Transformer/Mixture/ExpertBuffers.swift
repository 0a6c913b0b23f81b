import Tensors

/// The buffers that one thread needs to run an expert on some tokens.
///
/// Unchecked: only one thread at a time uses it, which `Forward` sees to.
final class ExpertBuffers: @unchecked Sendable {
    /// `[tile, hidden_size]`.
    let normed: Matrix
    /// Both `[tile, moe_intermediate_size]`.
    let up: Matrix
    let gate: Matrix
    let products = Products()

    init(_ model: Model) {
        let size = model.configuration.mixture?.expertSize ?? 0
        normed = Matrix(rows: Tile.size, columns: model.configuration.hiddenSize)
        up = Matrix(rows: Tile.size, columns: size)
        gate = Matrix(rows: Tile.size, columns: size)
    }

    /// What one of them takes with the outputs of a tile, some of which wait for their turn, in
    /// bytes.
    static func bytes(_ model: Model) -> Int {
        let size = model.configuration.mixture?.expertSize ?? 0
        let hidden = model.configuration.hiddenSize
        return 4 * Tile.size * (4 * hidden + 2 * size + max(hidden, size))
    }
}
