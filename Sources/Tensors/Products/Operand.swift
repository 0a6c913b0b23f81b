/// A factor of a matrix product: `rows` rows of `columns` elements, `stride` elements apart, in
/// float32 or bfloat16. oneDNN's fast kernels want rows without a gap. It keeps the memory that it
/// was made from.
package struct Operand {
    let start: UnsafeMutableRawPointer
    package let rows: Int
    package let columns: Int
    package let stride: Int
    package let isBfloat16: Bool
    private let owner: AnyObject

    init(
        start: UnsafeMutableRawPointer, rows: Int, columns: Int, isBfloat16: Bool,
        owner: AnyObject
    ) {
        self.start = start
        self.rows = rows
        self.columns = columns
        stride = columns
        self.isBfloat16 = isBfloat16
        self.owner = owner
    }

    /// The matrix as it is, in float32.
    package init(_ x: MatrixView) {
        start = UnsafeMutableRawPointer(x.start)
        rows = x.rows
        columns = x.columns
        stride = x.stride
        isBfloat16 = false
        owner = x.owner
    }

    /// The matrix, rounded where it is, as `input` says. An element of `input` takes 4 bytes.
    package init(roundingInPlace x: MatrixView, as input: ProductInput) {
        precondition(input.size == 4, "another size of elements")
        for index in 0..<x.rows {
            let row = x.row(index)
            hold(row, count: x.columns, as: input, at: UnsafeMutableRawPointer(row))
        }
        self.init(x)
    }
}

/// Copies `count` elements to `target`, held as `input` says; `target` may be `source` where an
/// element takes 4 bytes.
@inline(__always)
func hold(
    _ source: UnsafeMutablePointer<Float>, count: Int, as input: ProductInput,
    at target: UnsafeMutableRawPointer
) {
    switch input {
    case .float32:
        if target != UnsafeMutableRawPointer(source) {
            target.copyMemory(from: source, byteCount: 4 * count)
        }
    case .roundedFloat32:
        let target = target.assumingMemoryBound(to: UInt32.self)
        for i in 0..<count { target[i] = UInt32(bfloat16Bits(source[i])) << 16 }
    case .bfloat16:
        let target = target.assumingMemoryBound(to: UInt16.self)
        for i in 0..<count { target[i] = bfloat16Bits(source[i]) }
    }
}
