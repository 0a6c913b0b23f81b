/// What is to be added to a layer's weights for its output to make up for what is missing: the
/// change V with the least `sum |r - V x|² + λ |V|²`, x the layer's input, r what is missing of
/// the output, λ a share of the mean of the diagonal of `sum x xᵀ`.
package final class ResidualFit: Sendable {
    /// Rows of the sums that a thread takes at a time: a constant, for the products' shapes must
    /// not depend on the number of threads.
    private static let strip = 64

    private let features: Int
    private let outputs: Int
    /// `sum x xᵀ`.
    private let gram: SquareMatrix
    /// `sum r xᵀ`, `[outputs, features]`.
    private let crossed: Buffer<Double>

    package init(features: Int, outputs: Int) {
        self.features = features
        self.outputs = outputs
        gram = SquareMatrix(order: features)
        crossed = Buffer<Double>(count: outputs * features)
        for index in 0..<(outputs * features) { crossed.start[index] = 0 }
    }

    /// What one takes with its change, in bytes.
    package static func bytes(features: Int, outputs: Int, threads: Int) -> Int {
        8 * features * (features + outputs) + 4 * features * (outputs + threads * strip)
    }

    /// Adds some tokens. inputs: `[at least all, features]`, of which the tokens' rows count;
    /// missing: `[tokens, outputs]`.
    package func add(
        _ inputs: Matrix, rows tokens: Range<Int>, _ missing: Matrix, pool: WorkerPool
    ) throws {
        precondition(
            inputs.columns == features && missing.columns == outputs
                && tokens.count == missing.rows, "shapes differ")
        let strips = (features + Self.strip - 1) / Self.strip
        let others = (outputs + Self.strip - 1) / Self.strip
        let width = features
        try pool.forEach(
            strips + others, state: { Matrix(rows: Self.strip, columns: width) }
        ) { index, product in
            let isGram = index < strips
            let first = (isGram ? index : index - strips) * Self.strip
            let rows = first..<min(isGram ? features : outputs, first + Self.strip)
            let x = inputs.rows(tokens)
            let left = isGram ? x : missing.view
            let target = product.view.part(rows: 0..<rows.count, columns: 0..<features)
            multiplyTransposed(left.part(rows: 0..<left.rows, columns: rows), x, into: target)
            let sums = isGram ? gram.start : crossed.start
            for row in rows {
                let (sum, values) = (sums + row * features, target.row(row - first))
                for j in 0..<features { sum[j] += Double(values[j]) }
            }
        }
    }

    /// The change, `[outputs, features]`; nil where there is nothing to go by. Call it once.
    /// - Parameter ridge: λ as a share.
    package func solve(ridge: Double, pool: WorkerPool) throws -> Matrix? {
        let mean = gram.diagonal.reduce(0, +) / Double(max(1, features))
        guard mean.isFinite, mean > 0 else { return nil }
        for index in 0..<features { gram.row(index)[index] += ridge * mean }
        guard LAPACK.factor(gram) else { return nil }
        let change = Matrix(rows: outputs, columns: features)
        try pool.forEachChunk(ofRows: outputs) { range in
            let start = crossed.start + range.lowerBound * features
            LAPACK.solve(factored: gram, start, rows: range.count)
            let target = change.rows(range)
            for row in 0..<range.count {
                let values = target.row(row)
                for j in 0..<features { values[j] = Float(start[row * features + j]) }
            }
        }
        return change
    }
}
