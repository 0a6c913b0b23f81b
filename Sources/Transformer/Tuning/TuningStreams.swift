import Tensors

/// What a block reads, and what it should make of it.
package struct TuningStreams: Sendable {
    /// Both `[windows * length, hidden_size]`, window after window.
    package let input: Matrix
    package let target: Matrix

    package init(input: Matrix, target: Matrix) {
        precondition(
            input.rows == target.rows && input.columns == target.columns, "shapes differ")
        self.input = input
        self.target = target
    }
}
