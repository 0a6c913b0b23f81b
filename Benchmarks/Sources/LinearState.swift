import Tensors

/// A linear layer with an input and room for its output: one thread's.
final class LinearState {
    private let layer: Linear
    private let input: Matrix
    private let output: Matrix
    private let rows: Int
    private let products = Products()

    /// - Parameter rows: of the input that are multiplied at a time.
    init(_ layer: Linear, tokens: Int, rows: Int) {
        self.layer = layer
        self.rows = rows
        input = randomMatrix(tokens, layer.columns, seed: tokens)
        output = Matrix(rows: tokens, columns: layer.rows)
    }

    func apply() {
        for start in stride(from: 0, to: input.rows, by: rows) {
            let part = start..<min(input.rows, start + rows)
            layer.apply(
                products.left(input.rows(part), as: layer.input), into: output.rows(part),
                using: products)
        }
    }
}
