/// Rows and columns of a layer's weights: `[out, in]`.
package struct Shape: Sendable, Hashable {
    package var rows: Int
    package var columns: Int

    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
    }

    /// How many weights there are.
    package var count: Int { rows * columns }

    /// As the shape of a tensor.
    package var dimensions: [Int] { [rows, columns] }
}
