import Tensors

/// What a block reads, and what it should make of it.
package struct TuningStreams: Sendable {
    /// Both `[windows * length, hidden_size]`, window after window.
    package let input: Matrix
    package let target: Matrix
    /// Of all windows; needed where the model has a second embedding.
    package let tokens: [Int32]
    /// Keys and values of earlier blocks, a row for each of `input`; needed where the model keeps
    /// any.
    package let kept: Matrix?

    package init(input: Matrix, target: Matrix, tokens: [Int32] = [], kept: Matrix? = nil) {
        precondition(
            input.rows == target.rows && input.columns == target.columns, "shapes differ")
        self.input = input
        self.target = target
        self.tokens = tokens
        self.kept = kept
    }
}
