import Tensors

/// A linear layer with an input and room for its output: one thread's.
final class LinearState {
    private let layer: Linear
    private let input: Matrix
    private let output: Matrix
    private var scratch = Bfloat16Scratch()

    init(_ tokens: Int, _ layer: Linear) {
        self.layer = layer
        input = randomMatrix(tokens, layer.columns, seed: tokens)
        output = Matrix(rows: tokens, columns: layer.rows)
    }

    func apply() { layer.apply(input.view, into: output.view, using: &scratch) }
}
