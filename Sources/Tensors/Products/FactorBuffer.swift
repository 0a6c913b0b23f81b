/// Memory for factors of products, held as `input` says: their elements one after the other. What
/// is in it at first is open.
///
/// Unchecked: threads may write it at the same time as long as no two of them touch the same
/// element.
package final class FactorBuffer: @unchecked Sendable {
    package let input: ProductInput
    /// Elements that it has room for.
    package let count: Int
    private let bytes: Buffer<UInt8>

    package init(count: Int, as input: ProductInput) {
        self.input = input
        self.count = count
        bytes = Buffer(count: count * input.size)
    }

    /// Copies `x` to the elements from `place` on, row after row.
    @discardableResult
    package func store(_ x: MatrixView, at place: Int = 0) -> Operand {
        let operand = operand(at: place, rows: x.rows, columns: x.columns)
        for index in 0..<x.rows {
            hold(
                x.row(index), count: x.columns, as: input,
                at: operand.start + index * x.columns * input.size)
        }
        return operand
    }

    /// The elements from `place` on as `[rows, columns]`, without a copy.
    package func operand(at place: Int, rows: Int, columns: Int) -> Operand {
        precondition(
            place >= 0 && rows >= 0 && columns >= 0 && place + rows * columns <= count,
            "factor out of range")
        return Operand(
            start: UnsafeMutableRawPointer(bytes.start) + place * input.size, rows: rows,
            columns: columns, isBfloat16: input == .bfloat16, owner: bytes)
    }
}
