/// The columns of an inverse's factor that go with some neighbouring columns of a layer, laid out
/// for pruning them one after the other.
package final class ColumnGroup: Sendable {
    package let columns: Range<Int>
    /// U of these columns, `[width, width]`.
    private let square: [Double]
    /// U of these rows right of the group, `[width, columns to the right]`.
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

    /// w² / U_jj² of every weight of the group in some rows, from row `first` on: what the output
    /// loses with it. weights: those whole rows; scores: `[all rows, width]`.
    package func score(_ weights: MatrixView, from first: Int, into scores: Buffer<Double>) {
        let width = columns.count
        precondition((first + weights.rows) * width <= scores.count, "rows out of range")
        square.withUnsafeBufferPointer { square in
            for index in 0..<weights.rows {
                let row = weights.row(index) + columns.lowerBound
                let target = scores.start + (first + index) * width
                for j in 0..<width {
                    let ratio = Double(row[j]) / square[j * (width + 1)]
                    target[j] = ratio * ratio
                }
            }
        }
    }

    /// Prunes some rows in place, from row `first` on. weights: those whole rows; mask: of the same
    /// rows, whole, of which its columns are set.
    /// - Parameters:
    ///   - chosen: 1 where a weight goes, `[all rows, width]`; nil where `group` says it, of the
    ///     weights as they are when the sweep comes to them.
    ///   - updates: whether the errors are moved onto the columns right of them.
    package func prune(
        _ weights: MatrixView, from first: Int, chosen: [UInt8]?,
        group: (keep: Int, size: Int)?, updates: Bool, mask: inout MutableSpan<UInt8>,
        scratch: Scratch
    ) {
        let width = columns.count
        precondition(
            weights.rows <= scratch.errors.rows && width == scratch.errors.columns
                && columns.upperBound <= weights.columns, "shapes do not fit")
        for index in 0..<weights.rows {
            mask.withRow(index, columns: weights.columns) {
                let mask = $0 + columns.lowerBound
                chosen?.span.withRow(first + index, columns: width) {
                    mask.update(from: $0, count: width)
                }
                sweep(
                    weights.row(index), mask: mask, errors: scratch.errors.view.row(index),
                    group: group, updates: updates, scratch)
            }
        }
        if updates {
            carry(scratch.errors.rows(0..<weights.rows), to: weights)
        }
    }

    /// One thread's buffers for `rows` rows of a group of `width` columns.
    package final class Scratch {
        fileprivate let errors: Matrix
        fileprivate let work: Buffer<Double>
        fileprivate let scores: Buffer<Double>
        fileprivate let search: Buffer<Double>

        package init(rows: Int, width: Int) {
            errors = Matrix(rows: rows, columns: width)
            work = Buffer(count: width)
            scores = Buffer(count: width)
            search = Buffer(count: width)
        }
    }

    /// Zeroes what `mask`, `[width]`, marks in one row, column by column, and moves the error of
    /// each onto its columns right of it. errors: `[width]`, for `carry`.
    private func sweep(
        _ weights: UnsafeMutablePointer<Float>, mask: UnsafeMutablePointer<UInt8>,
        errors: UnsafeMutablePointer<Float>, group: (keep: Int, size: Int)?, updates: Bool,
        _ scratch: Scratch
    ) {
        let width = columns.count
        let weights = weights + columns.lowerBound
        let (work, scores) = (scratch.work.start, scratch.scores.start)
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
                        scratch: scratch.search.start, mask: mask + i)
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

    /// Moves the errors of some rows, `[rows, width]`, onto what is right of the group. weights:
    /// those whole rows.
    private func carry(_ errors: MatrixView, to weights: MatrixView) {
        let rest = weights.part(
            rows: 0..<weights.rows, columns: columns.upperBound..<weights.columns)
        multiply(errors, right.view, transposed: false, into: rest, scale: -1, accumulates: true)
    }

    /// Bytes of the largest one with `width` columns of so many.
    package static func bytes(features: Int, width: Int) -> Int {
        width * (8 * width + 4 * features)
    }
}
