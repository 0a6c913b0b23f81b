/// Part of a matrix: `rows` rows of `columns` float32, `stride` elements apart. It keeps the
/// matrix that it was taken from.
package struct MatrixView {
    private let matrix: Matrix
    package let start: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    package let stride: Int

    /// Precondition: all of it is inside of `matrix`.
    init(
        _ matrix: Matrix, start: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int
    ) {
        self.matrix = matrix
        self.start = start
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// What keeps its memory.
    var owner: AnyObject { matrix }

    /// The first element of row `index`.
    package func row(_ index: Int) -> UnsafeMutablePointer<Float> { start + index * stride }

    /// The same, of a row that there is.
    func checkedRow(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(index >= 0 && index < rows, "row out of range")
        return row(index)
    }

    package subscript(row: Int, column: Int) -> Float {
        get { start[place(row, column)] }
        nonmutating set { start[place(row, column)] = newValue }
    }

    private func place(_ row: Int, _ column: Int) -> Int {
        precondition(
            row >= 0 && row < rows && column >= 0 && column < columns, "element out of range")
        return row * stride + column
    }

    /// Rows `rows` of columns `columns`, without a copy.
    package func part(rows: Range<Int>, columns: Range<Int>) -> MatrixView {
        precondition(
            rows.lowerBound >= 0 && rows.upperBound <= self.rows && columns.lowerBound >= 0
                && columns.upperBound <= self.columns, "part out of range")
        return MatrixView(
            matrix, start: start + rows.lowerBound * stride + columns.lowerBound,
            rows: rows.count, columns: columns.count, stride: stride)
    }

    /// The first `count` rows.
    package func prefix(_ count: Int) -> MatrixView { part(rows: 0..<count, columns: 0..<columns) }

    /// Whether both begin at the same element.
    package func isSame(as other: MatrixView) -> Bool { start == other.start }

    /// Copies `other`, which must have the same shape.
    package func copy(from other: MatrixView) {
        precondition(rows == other.rows && columns == other.columns, "shapes differ")
        for index in 0..<rows { row(index).update(from: other.row(index), count: columns) }
    }

    /// Copies the rows of `other` as columns, in squares that stay in the cache.
    package func copyTransposed(from other: MatrixView) {
        precondition(rows == other.columns && columns == other.rows, "shapes differ")
        let side = 32
        for top in Swift.stride(from: 0, to: rows, by: side) {
            for left in Swift.stride(from: 0, to: columns, by: side) {
                for i in top..<min(rows, top + side) {
                    for j in left..<min(columns, left + side) { row(i)[j] = other.row(j)[i] }
                }
            }
        }
    }
}
