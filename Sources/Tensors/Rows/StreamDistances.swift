/// How far two streams are apart, token by token.
package struct StreamDistances: Sendable, Hashable {
    /// The mean of |y - x|² / |y|².
    package private(set) var squaredError = 0.0
    /// The mean of 1 less the cosine of the angle between them.
    package private(set) var turn = 0.0
    private var tokens = 0

    package init() {}

    /// x and y: `[tokens, features]`.
    package init(_ x: MatrixView, _ y: MatrixView) {
        let rows = 0..<x.rows
        for row in rows {
            let columns = 0..<x.columns
            let difference = Difference(
                x.part(rows: row..<(row + 1), columns: columns),
                y.part(rows: row..<(row + 1), columns: columns))
            squaredError +=
                difference.squaredY > 0 ? difference.squaredError / difference.squaredY : 0
            turn += 1 - difference.cosine
        }
        tokens = x.rows
    }

    package static func += (left: inout StreamDistances, right: StreamDistances) {
        left.squaredError += right.squaredError
        left.turn += right.turn
        left.tokens += right.tokens
    }

    /// Of all tokens that were added.
    package var means: StreamDistances {
        var result = self
        result.squaredError /= Double(max(1, tokens))
        result.turn /= Double(max(1, tokens))
        return result
    }
}

/// How often each token counts, so that all of a stream's errors count by their shares of its size.
package struct TokenWeights: Sendable {
    /// The reciprocal of a token's size, times what makes the mean of their squares 1; `[tokens]`.
    package let values: [Float]
    /// The mean of the reciprocals' squares.
    package let scale: Double

    /// - Parameter stream: in pieces, each `[tokens, features]`.
    package init(_ stream: [MatrixView]) {
        let squares = stream.flatMap { part in
            (0..<part.rows).map { row in
                squaredNorm(part.part(rows: row..<(row + 1), columns: 0..<part.columns))
            }
        }
        let reciprocals = squares.map { $0 > 0 ? 1 / $0 : 0 }
        let mean = reciprocals.reduce(0, +) / Double(max(1, squares.count))
        scale = mean
        values =
            mean > 0
            ? reciprocals.map { Float(($0 / mean).squareRoot()) }
            : [Float](repeating: 1, count: squares.count)
    }
}

/// x becomes y - x, element by element.
package func turnIntoLack(_ x: MatrixView, of y: MatrixView) {
    precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
    for index in 0..<x.rows {
        let (target, source) = (x.row(index), y.row(index))
        for j in 0..<x.columns { target[j] = source[j] - target[j] }
    }
}

/// weights += factor * change, rounded to what `type` can hold.
package func addRounded(
    _ change: Matrix, times factor: Float, to weights: Matrix, as type: ElementType
) {
    precondition(
        change.rows == weights.rows && change.columns == weights.columns, "shapes differ")
    let count = weights.rows * weights.columns
    for index in 0..<count { weights.start[index] += factor * change.start[index] }
    round(weights.start, count: count, to: type)
}
