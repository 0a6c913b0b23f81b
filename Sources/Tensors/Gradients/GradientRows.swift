/// y = factor x, or y += where `accumulates`. Both `[rows, columns]`.
package func pass(
    _ x: MatrixView, times factor: Float = 1, to y: MatrixView, accumulates: Bool
) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    for index in 0..<x.rows {
        let (source, target) = (x.row(index), y.row(index))
        if accumulates {
            for j in 0..<x.columns { target[j] += factor * source[j] }
        } else {
            for j in 0..<x.columns { target[j] = factor * source[j] }
        }
    }
}

/// z = x + factor y. All `[rows, columns]`.
package func sum(_ x: MatrixView, _ y: MatrixView, times factor: Float, into z: MatrixView) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    precondition(x.rows == z.rows && x.columns == z.columns, "shapes differ")
    for index in 0..<x.rows {
        let (a, b, target) = (x.row(index), y.row(index), z.row(index))
        for j in 0..<x.columns { target[j] = a[j] + factor * b[j] }
    }
}

/// z = x y, element by element. All `[rows, columns]`.
package func product(_ x: MatrixView, _ y: MatrixView, into z: MatrixView) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    precondition(x.rows == z.rows && x.columns == z.columns, "shapes differ")
    for index in 0..<x.rows {
        let (a, b, target) = (x.row(index), y.row(index), z.row(index))
        for j in 0..<x.columns { target[j] = a[j] * b[j] }
    }
}

/// x becomes 0 where `clamp` would keep y at its limit. Both `[rows, columns]`.
package func clampGradient(_ x: MatrixView, _ y: MatrixView, to limit: Float) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    for index in 0..<x.rows {
        let (changes, values) = (x.row(index), y.row(index))
        for j in 0..<x.columns { changes[j] = values[j].magnitude < limit ? changes[j] : 0 }
    }
}

/// Each row of x becomes `row`, `[columns]`.
package func fillRows(_ x: MatrixView, with row: [Float]) {
    precondition(row.count == x.columns, "columns differ")
    row.withUnsafeBufferPointer { row in
        guard let source = row.baseAddress else { return }
        for index in 0..<x.rows { x.row(index).update(from: source, count: x.columns) }
    }
}

/// The root of the mean of the squares of those elements that are not 0; 0 where all are. x:
/// `[rows, columns]`.
package func sizeOfKept(_ x: MatrixView) -> Double {
    var (sum, count) = (0.0, 0)
    for index in 0..<x.rows {
        let row = x.row(index)
        for j in 0..<x.columns {
            sum += Double(row[j]) * Double(row[j])
            count += row[j] == 0 ? 0 : 1
        }
    }
    return count == 0 ? 0 : (sum / Double(count)).squareRoot()
}

/// The sum of each column, in order of the rows, in double precision. x: `[rows, columns]`.
package func columnSums(_ x: MatrixView) -> [Double] {
    var sums = [Double](repeating: 0, count: x.columns)
    sums.withUnsafeMutableBufferPointer { sums in
        guard let sums = sums.baseAddress else { return }
        for index in 0..<x.rows {
            let row = x.row(index)
            for j in 0..<x.columns { sums[j] += Double(row[j]) }
        }
    }
    return sums
}

/// Some columns of y, in this order, become those of x, whose
/// columns stand one after the other.
package func scatterColumns(
    _ x: MatrixView, to y: MatrixView, _ ranges: [Range<Int>]
) {
    forEachColumns(x, y, ranges) { $1.copy(from: $0) }
}

/// x's columns become some of y, in this order.
package func gatherColumns(_ x: MatrixView, of y: MatrixView, _ ranges: [Range<Int>]) {
    forEachColumns(x, y, ranges) { $0.copy(from: $1) }
}

private func forEachColumns(
    _ x: MatrixView, _ y: MatrixView, _ ranges: [Range<Int>],
    _ body: (_ x: MatrixView, _ y: MatrixView) -> Void
) {
    precondition(x.rows == y.rows, "rows differ")
    let all = 0..<x.rows
    var start = 0
    for range in ranges {
        body(
            x.part(rows: all, columns: start..<(start + range.count)),
            y.part(rows: all, columns: range))
        start += range.count
    }
    precondition(start == x.columns, "columns differ")
}

/// The sum of the products of all elements, in double precision. Both `[rows, columns]`.
package func rowProduct(_ x: MatrixView, _ y: MatrixView) -> Double {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    return (0..<x.rows).reduce(0) { $0 + dot(x.row($1), y.row($1), count: x.columns) }
}
