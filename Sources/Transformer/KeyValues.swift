import Tensors

/// The keys and values of some sequences in one block, ready to be multiplied: for each sequence
/// and each key/value head `[length, head_dim]`, keys and values apart.
///
/// Unchecked: threads write rows of their own, and read only what was written in an earlier loop.
final class KeyValues: @unchecked Sendable {
    private let factors: FactorBuffer
    /// Of the model; a block that was pruned may have fewer.
    private let heads: Int
    private let dimension: Int
    let sequences: Int
    let length: Int

    init(_ model: Model, sequences: Int, length: Int, input: ProductInput) {
        heads = model.configuration.numKeyValueHeads
        dimension = model.configuration.headDim
        self.sequences = sequences
        self.length = length
        let count = Self.elements(model, sequences: sequences, length: length)
        factors = FactorBuffer(count: count, as: input)
    }

    private static func elements(_ model: Model, sequences: Int, length: Int) -> Int {
        let configuration = model.configuration
        return 2 * sequences * configuration.numKeyValueHeads * configuration.headDim * length
    }

    static func bytes(
        _ model: Model, sequences: Int, length: Int, input: ProductInput
    ) -> Int {
        elements(model, sequences: sequences, length: length) * input.size
    }

    enum Kind: Int { case keys, values }

    /// Takes over rows of keys or values, `[rows, heads * head_dim]`, at these positions.
    func store(_ x: MatrixView, _ kind: Kind, sequence: Int, at rows: Range<Int>) {
        for head in 0..<(x.columns / dimension) {
            let columns = (head * dimension)..<((head + 1) * dimension)
            factors.store(
                x.part(rows: 0..<x.rows, columns: columns),
                at: place(kind, sequence: sequence, head: head, position: rows.lowerBound))
        }
    }

    /// `[rows, head_dim]` of one head.
    func read(_ kind: Kind, sequence: Int, head: Int, _ rows: Range<Int>) -> Operand {
        factors.operand(
            at: place(kind, sequence: sequence, head: head, position: rows.lowerBound),
            rows: rows.count, columns: dimension)
    }

    private func place(_ kind: Kind, sequence: Int, head: Int, position: Int) -> Int {
        let row = ((sequence * 2 + kind.rawValue) * heads + head) * length + position
        return row * dimension
    }
}
