/// w S wᵀ of every row w of `rows`, `[rows, features]`, S symmetric. Products are float32, in
/// strips of S; their sums are double, in a fixed order.
package func quadraticForms(
    _ rows: Matrix, _ matrix: SquareMatrix, pool: WorkerPool
) throws -> [Double] {
    let features = matrix.order
    precondition(rows.columns == features, "shapes do not fit")
    let strips = (features + formStrip - 1) / formStrip
    var parts = [Double](repeating: 0, count: strips * rows.rows)
    try pool.forEachChunk(
        ofRows: strips, by: 1, writing: &parts,
        state: {
            (
                Matrix(rows: min(formStrip, features), columns: features),
                Matrix(rows: formRows, columns: min(formStrip, features))
            )
        }
    ) { index, parts, buffers in
        let start = index.lowerBound * formStrip
        let columns = start..<min(features, start + formStrip)
        let (strip, product) = buffers
        for i in columns {
            let source = matrix.row(i)
            let target = strip.view.row(i - start)
            for j in 0..<features { target[j] = Float(source[j]) }
        }
        for first in stride(from: 0, to: rows.rows, by: formRows) {
            let range = first..<min(rows.rows, first + formRows)
            let y = product.view.part(rows: 0..<range.count, columns: 0..<columns.count)
            multiply(rows.rows(range), strip.rows(0..<columns.count), transposed: true, into: y)
            for row in range {
                parts[row] = dot(
                    rows.view.row(row) + start, y.row(row - first), count: columns.count)
            }
        }
    }
    return (0..<rows.rows).map { row in
        (0..<strips).reduce(0) { $0 + parts[$1 * rows.rows + row] }
    }
}

/// Constants, for the products' shapes must not depend on the number of threads.
private let formStrip = 256
private let formRows = 64
