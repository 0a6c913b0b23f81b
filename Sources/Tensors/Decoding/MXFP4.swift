/// Four-bit floats, 32 of them with one power of two.
///
/// Source: "OCP Microscaling Formats (MX) Specification" 1.0, and
/// `convert_moe_packed_tensors` in `integrations/mxfp4.py` of transformers.
package enum MXFP4 {
    /// Elements that share a scale.
    package static let blockSize = 32
    /// Bytes that hold them, the first element of each in its low half.
    package static let blockBytes = 16

    private static let values: [Float] = {
        let sizes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        return sizes + sizes.map { -$0 }
    }()

    /// 2 to the power of `exponent - 127`: E8M0, of which 255 is NaN.
    package static func scale(_ exponent: UInt8) -> Float {
        if exponent == 255 { return .nan }
        // The smallest one is subnormal.
        return exponent == 0
            ? Float(bitPattern: 0x0040_0000) : Float(bitPattern: UInt32(exponent) << 23)
    }

    /// Columns that are decoded side by side: a line of the processor's cache.
    private static let tile = 32

    /// Reads a part of the matrices `[matrices, rows, columns]` as bfloat16, which are stored
    /// column by column.
    ///
    /// - Parameters:
    ///   - blocks: `[matrices, columns, rows / 32, 16]`.
    ///   - scales: `[matrices, columns, rows / 32]`.
    ///   - elements: which, row by row.
    package static func decode(
        _ blocks: UnsafeRawBufferPointer, scales: UnsafeRawBufferPointer, _ elements: Range<Int>,
        rows: Int, columns: Int, into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(rows % blockSize == 0 && target.count == 2 * elements.count, "sizes differ")
        precondition(scales.count * blockBytes == blocks.count, "blocks and scales differ")
        precondition(elements.upperBound <= 2 * blocks.count, "elements beyond the blocks")
        guard let blocks = blocks.baseAddress, let scales = scales.baseAddress,
            let target = target.baseAddress
        else { return }
        values.withUnsafeBufferPointer { values in
            var element = elements.lowerBound
            while element < elements.upperBound {
                let (line, column) = element.quotientAndRemainder(dividingBy: columns)
                let (matrix, row) = line.quotientAndRemainder(dividingBy: rows)
                // A part of a row, or as many whole rows of the matrix as there are.
                let left = elements.upperBound - element
                let isWhole = column == 0 && left >= columns
                let lines = isWhole ? min(left / columns, rows - row) : 1
                let width = isWhole ? columns : min(left, columns - column)
                let first = matrix * columns * rows / blockSize
                decode(
                    blocks + first * blockBytes, scales + first, values, row..<row + lines,
                    column..<column + width, rows: rows,
                    into: target + 2 * (element - elements.lowerBound))
                element += lines * width
            }
        }
    }

    /// A rectangle of one matrix, stored row by row.
    private static func decode(
        _ blocks: UnsafeRawPointer, _ scales: UnsafeRawPointer,
        _ values: UnsafeBufferPointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>,
        rows height: Int, into target: UnsafeMutableRawPointer
    ) {
        let blocksInColumn = height / blockSize
        for left in stride(from: columns.lowerBound, to: columns.upperBound, by: tile) {
            for column in left..<min(left + tile, columns.upperBound) {
                var row = rows.lowerBound
                while row < rows.upperBound {
                    let block = column * blocksInColumn + row / blockSize
                    let scale = scale(scales.load(fromByteOffset: block, as: UInt8.self))
                    let end = min((row / blockSize + 1) * blockSize, rows.upperBound)
                    while row < end {
                        let byte = blocks.load(
                            fromByteOffset: block * blockBytes + row % blockSize / 2,
                            as: UInt8.self)
                        let value = values[Int(row % 2 == 0 ? byte & 15 : byte >> 4)] * scale
                        let place =
                            (row - rows.lowerBound) * columns.count + column - columns.lowerBound
                        target.storeBytes(
                            of: value.isNaN ? 0x7FC0 : bfloat16Bits(value),
                            toByteOffset: 2 * place, as: UInt16.self)
                        row += 1
                    }
                }
            }
        }
    }
}
