import Tensors

/// The keys and values of some sequences in one block, ready to be multiplied: for each sequence
/// and each key/value head `[length, head_dim]`, keys and values apart.
///
/// Unchecked: threads write rows of their own, and read only what was written in an earlier loop.
final class KeyValues: @unchecked Sendable {
    private let factors: FactorBuffer
    /// Features of the keys, and of the values, of all heads in the model's widest block; a block
    /// that was pruned may have fewer.
    private let widths: (keys: Int, values: Int)
    let sequences: Int
    let length: Int

    init(_ model: Model, sequences: Int, length: Int, input: ProductInput) {
        widths = (model.configuration.widestKeys, model.configuration.widestValues)
        self.sequences = sequences
        self.length = length
        let count = Self.elements(model, sequences: sequences, length: length)
        factors = FactorBuffer(count: count, as: input)
    }

    private static func elements(_ model: Model, sequences: Int, length: Int) -> Int {
        sequences * (model.configuration.widestKeys + model.configuration.widestValues) * length
    }

    static func bytes(
        _ model: Model, sequences: Int, length: Int, input: ProductInput
    ) -> Int {
        elements(model, sequences: sequences, length: length) * input.size
    }

    enum Kind { case keys, values }

    /// Takes over rows of keys or values, `[rows, heads * head_dim]`, at these positions.
    func store(
        _ x: MatrixView, _ kind: Kind, sequence: Int, at rows: Range<Int>, dimension: Int
    ) {
        for head in 0..<(x.columns / dimension) {
            let columns = (head * dimension)..<((head + 1) * dimension)
            store(
                x.part(rows: 0..<x.rows, columns: columns), kind, sequence: sequence, head: head,
                at: rows)
        }
    }

    /// The same of one head, `[rows, head_dim]`.
    func store(_ x: MatrixView, _ kind: Kind, sequence: Int, head: Int, at rows: Range<Int>) {
        factors.store(
            x, at: place(kind, sequence, head * x.columns, rows.lowerBound, x.columns))
    }

    /// `[rows, head_dim]` of one head.
    func read(
        _ kind: Kind, sequence: Int, head: Int, _ rows: Range<Int>, dimension: Int
    ) -> Operand {
        factors.operand(
            at: place(kind, sequence, head * dimension, rows.lowerBound, dimension),
            rows: rows.count, columns: dimension)
    }

    /// - Parameter first: the features of the heads before it.
    private func place(
        _ kind: Kind, _ sequence: Int, _ first: Int, _ position: Int, _ dimension: Int
    ) -> Int {
        let start = sequence * (widths.keys + widths.values) + (kind == .keys ? 0 : widths.keys)
        return (start + first) * length + position * dimension
    }
}
