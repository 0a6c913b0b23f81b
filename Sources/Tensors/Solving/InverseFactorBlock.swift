/// The columns of an inverse's factor that go with some neighbouring columns of a layer, laid out
/// for pruning them one after the other.
package final class InverseFactorBlock: Sendable {
    package let columns: Range<Int>
    /// U of these columns, `[width, width]`.
    private let square: [Double]
    /// U of these rows right of the block, `[width, columns to the right]`.
    private let right: Matrix

    package init(_ factor: InverseFactor, columns: Range<Int>) {
        let upper = factor.upper
        let width = columns.count
        self.columns = columns
        var square = [Double](repeating: 0, count: width * width)
        right = Matrix(rows: width, columns: upper.order - columns.upperBound)
        for i in 0..<width {
            let source = upper.row(columns.lowerBound + i)
            for j in i..<width { square[i * width + j] = source[columns.lowerBound + j] }
            let target = right.start + i * right.columns
            let rest = source + columns.upperBound
            for j in 0..<right.columns { target[j] = Float(rest[j]) }
        }
        self.square = square
    }

    /// w² / U_jj² of every weight of the block in one row: what the output loses with it. weights:
    /// the whole row; scores: `[width]`.
    package func score(
        _ weights: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Double>
    ) {
        let width = columns.count
        let weights = weights + columns.lowerBound
        square.withUnsafeBufferPointer { square in
            for j in 0..<width {
                let ratio = Double(weights[j]) / square[j * (width + 1)]
                scores[j] = ratio * ratio
            }
        }
    }

    /// Zeroes what `mask`, `[width]`, marks in one row, column by column, and moves the error of
    /// each onto the block's columns right of it. With a `group` the mask is made here, group by
    /// group, of the weights as they are when the sweep comes to them.
    /// - Parameters:
    ///   - errors: `[width]`, for `carry`.
    ///   - updates: whether errors are moved at all.
    ///   - work, scores, scratch: room for `[width]` each.
    package func sweep(
        _ weights: UnsafeMutablePointer<Float>, mask: UnsafeMutablePointer<UInt8>,
        errors: UnsafeMutablePointer<Float>, work: UnsafeMutablePointer<Double>,
        group: (keep: Int, size: Int)?, updates: Bool,
        scores: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Double>
    ) {
        let width = columns.count
        let weights = weights + columns.lowerBound
        for j in 0..<width { work[j] = Double(weights[j]) }
        square.withUnsafeBufferPointer { square in
            for i in 0..<width {
                if let group, i % group.size == 0 {
                    for j in i..<(i + group.size) {
                        let ratio = work[j] / square[j * (width + 1)]
                        scores[j - i] = ratio * ratio
                    }
                    markLeast(
                        keep: group.keep, ofEvery: group.size, of: scores, count: group.size,
                        scratch: scratch, mask: mask + i)
                }
                errors[i] = 0
                guard mask[i] == 1 else { continue }
                let row = square.baseAddress! + i * width
                if updates {
                    let error = work[i] / row[i]
                    for j in i..<width { work[j] -= error * row[j] }
                    errors[i] = Float(error)
                }
                work[i] = 0
            }
        }
        for j in 0..<width { weights[j] = Float(work[j]) }
    }

    /// Moves the errors of some rows, `[rows, width]`, onto what is right of the block. weights:
    /// those whole rows.
    package func carry(_ errors: MatrixView, to weights: MatrixView) {
        let rest = weights.part(
            rows: 0..<weights.rows, columns: columns.upperBound..<weights.columns)
        multiply(errors, right.view, transposed: false, into: rest, scale: -1, accumulates: true)
    }

    /// Bytes of the largest one with `width` columns of so many.
    package static func bytes(features: Int, width: Int) -> Int {
        width * (8 * width + 4 * features)
    }
}
