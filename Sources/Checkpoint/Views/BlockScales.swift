import Tensors

/// What eight-bit floats are multiplied by: one number for each block of a matrix.
///
/// Source: `weight_dequant_kernel` in kernel.py of DeepSeek-V3, and `Fp8Dequantize` in
/// `finegrained_fp8.py` of transformers, which rounds to bfloat16 too.
struct BlockScales: Sendable {
    /// Of the elements in the file.
    let type: ElementType
    /// `[.., block rows, block columns]`, or a single one.
    let scales: TensorView
    /// Of a block, the last of a matrix may be smaller.
    let blockRows: Int
    let blockColumns: Int

    /// Types that scales may have.
    static let types: Set<ElementType> = [
        .float32, .bfloat16, .float16, .float8E8M0, .uint8,
    ]

    /// - Parameters:
    ///   - bytes: all of the tensor's.
    ///   - elements: a part of them.
    ///   - shape: of the tensor, `[.., rows, columns]`.
    ///   - target: bfloat16.
    func decode(
        _ bytes: UnsafeRawBufferPointer, _ elements: Range<Int>, shape: [Int],
        into target: UnsafeMutableRawBufferPointer
    ) {
        let table = Float8.table(type)
        let columns = max(1, shape.last ?? 1)
        let rows = max(1, shape.dropLast().last ?? 1)
        let across = (columns + blockColumns - 1) / blockColumns
        let down = (rows + blockRows - 1) / blockRows
        var element = elements.lowerBound
        while element < elements.upperBound {
            let (line, column) = element.quotientAndRemainder(dividingBy: columns)
            let (matrix, row) = line.quotientAndRemainder(dividingBy: rows)
            let block = column / blockColumns
            let end = min(
                element - column + min((block + 1) * blockColumns, columns), elements.upperBound)
            let place = (matrix * down + row / blockRows) * across + block
            let start = 2 * (element - elements.lowerBound)
            Float8.decode(
                UnsafeRawBufferPointer(rebasing: bytes[element..<end]), table,
                scale: value(scales.count == 1 ? 0 : place),
                into: UnsafeMutableRawBufferPointer(
                    rebasing: target[start..<start + 2 * (end - element)]))
            element = end
        }
    }

    private func value(_ index: Int) -> Float {
        let size = scales.type.size
        return scales.withBytes(index * size..<(index + 1) * size) { bytes in
            switch scales.type {
            case .float8E8M0, .uint8: MXFP4.scale(bytes.unsafeLoad(as: UInt8.self))
            case .float32: Float(bitPattern: bytes.unsafeLoadUnaligned(as: UInt32.self))
            default: Tensors.decode(bytes, scales.type)[0]
            }
        }
    }
}
