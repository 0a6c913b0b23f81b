import Tensors

/// What the tokens of some sequences give to the recurrence of a block: for each sequence
/// `[kernel - 1 + length, channels]`, the convolution's input behind rows of zeros, and of the
/// delta rule `[length, 2 * value heads]`, decays and rates.
///
/// Unchecked: threads write rows, or columns, of their own, and read only what was written in an
/// earlier loop.
final class RecurrentInputs: @unchecked Sendable {
    private let inputs: Matrix
    private let factors: Matrix
    private let sizes: RecurrenceConfiguration
    let sequences: Int
    let length: Int

    init(_ sizes: RecurrenceConfiguration, sequences: Int, length: Int) {
        self.sizes = sizes
        self.sequences = sequences
        self.length = length
        inputs = Matrix(rows: sequences * (sizes.kernel - 1 + length), columns: sizes.channels)
        factors = Matrix(
            rows: sizes.heads == nil ? 0 : sequences * length,
            columns: 2 * (sizes.heads?.valueHeads ?? 0))
    }

    /// In bytes.
    static func bytes(_ model: Model, sequences: Int, length: Int) -> Int {
        guard let sizes = model.configuration.recurrence else { return 0 }
        return 4 * sequences
            * ((sizes.kernel - 1 + length) * sizes.channels
                + length * 2 * (sizes.heads?.valueHeads ?? 0))
    }

    /// Rows that are seen from the position of the first of them on: the rows of `before` positions
    /// and of these.
    private func rows(_ positions: Range<Int>, before: Int, sequence: Int) -> MatrixView {
        let first = sequence * (sizes.kernel - 1 + length) + sizes.kernel - 1
        return inputs.rows(
            (first + positions.lowerBound - before)..<(first + positions.upperBound))
    }

    /// Where these positions' inputs are written: `[positions, channels]`.
    func target(_ positions: Range<Int>, sequence: Int) -> MatrixView {
        // Results have been written over the zeros.
        if positions.lowerBound == 0 {
            let before = sizes.kernel - 1
            rows(0..<0, before: before, sequence: sequence).fill(0)
        }
        return rows(positions, before: 0, sequence: sequence)
    }

    /// What a convolution sees of these positions: `[kernel - 1 + positions, channels]`.
    func seen(_ positions: Range<Int>, sequence: Int) -> MatrixView {
        rows(positions, before: sizes.kernel - 1, sequence: sequence)
    }

    /// What the delta rule has written in the place of the values: `[positions, values]`.
    func results(_ positions: Range<Int>, sequence: Int) -> MatrixView {
        let first = sequence * (sizes.kernel - 1 + length)
        let rows = inputs.rows((first + positions.lowerBound)..<(first + positions.upperBound))
        return rows.part(
            rows: 0..<rows.rows, columns: (sizes.channels - sizes.width)..<sizes.channels)
    }

    enum Factor: Int { case decays, rates }

    /// `[positions, value heads]`
    func factors(_ kind: Factor, _ positions: Range<Int>, sequence: Int) -> MatrixView {
        let heads = sizes.heads?.valueHeads ?? 0
        let rows = factors.rows(
            (sequence * length + positions.lowerBound)..<(sequence * length
                + positions.upperBound))
        return rows.part(
            rows: 0..<rows.rows,
            columns: (kind.rawValue * heads)..<((kind.rawValue + 1) * heads))
    }
}
