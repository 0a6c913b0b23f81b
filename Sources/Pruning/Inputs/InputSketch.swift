import Tensors

/// A few rows that stand for all inputs of a layer: for a linear map A and a vector c, the squares
/// of A row_r - shift_r c, summed over the rows, are expected to be those of A x_t - c, summed over
/// the tokens.
///
/// The mean stands in a row of its own, which is exact. What is left of the tokens is summed in
/// groups with a random sign each, so that no token is missed, however much larger it is than all
/// others: some are a hundred times as large. The products of a group's tokens are what makes it
/// wrong, by some percent.
///
/// Source: the count sketch (Charikar, Chen and Farach-Colton 2002), with groups of neighbours.
package struct InputSketch: Sendable {
    /// `[groups + 1, features]`, the mean last.
    let rows: Matrix
    /// `[groups + 1]`.
    let shifts: [Float]

    /// - Parameters:
    ///   - sums: of each group's inputs with their signs, `[groups, features]`.
    ///   - mean: of the inputs, `[features]`.
    package init(_ sums: Matrix, _ groups: SignedGroups, mean: [Double]) {
        let rows = Matrix(rows: sums.rows + 1, columns: sums.columns)
        let weight = Double(groups.tokens).squareRoot()
        rows.rows(0..<sums.rows).copy(from: sums.view)
        for (row, sign) in groups.signSums.enumerated() {
            add(mean, times: -Double(sign), to: rows.view, row: row)
        }
        add(mean, times: weight, to: rows.view, row: sums.rows)
        self.rows = rows
        shifts = [Float](repeating: 0, count: sums.rows) + [Float(weight)]
    }

    /// Of the sums of inputs that are `features` wide and of what becomes of them, in bytes.
    package static func bytes(groups: Int, features: Int) -> Int { 4 * (2 * groups + 1) * features }
}
