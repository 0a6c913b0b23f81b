/// Sequences of equal length, as they go through the model.
package struct TokenWindows: Sendable {
    /// `[count * length]`, one sequence after the other.
    package let tokens: [Int32]
    package let length: Int
    package var count: Int { length == 0 ? 0 : tokens.count / length }

    package init(tokens: [Int32], length: Int) {
        precondition(length > 0 && tokens.count % length == 0, "tokens do not divide into windows")
        self.tokens = tokens
        self.length = length
    }

    /// The tokens of sequence `index`, `[length]`.
    package subscript(index: Int) -> ArraySlice<Int32> {
        tokens[(index * length)..<((index + 1) * length)]
    }

    /// `samples` windows that start at positions drawn one after the other, each uniform over
    /// 0...(tokens - length): they may overlap, as in the published code of SparseGPT and Wanda.
    /// - Returns: nil where there are fewer than `length` tokens.
    package init?(drawing samples: Int, length: Int, from tokens: [Int32], seed: UInt64) {
        guard length > 0, tokens.count >= length else { return nil }
        var drawn: [Int32] = []
        drawn.reserveCapacity(samples * length)
        for start in Self.starts(samples, length: length, of: tokens.count, seed: seed) {
            drawn += tokens[start..<(start + length)]
        }
        self.init(tokens: drawn, length: length)
    }

    /// Where the windows begin, each in at least `length` of `count` tokens.
    static func starts(_ samples: Int, length: Int, of count: Int, seed: UInt64) -> [Int] {
        var generator = SplitMix64(seed: seed)
        return (0..<samples).map { _ in Int(generator.below(UInt64(count - length + 1))) }
    }

    /// The first `limit` whole windows of `tokens`, all where nil.
    package init?(cutting tokens: consuming [Int32], length: Int, limit: Int?) {
        guard length > 0 else { return nil }
        let count = min(tokens.count / length, limit ?? .max)
        guard count > 0 else { return nil }
        tokens.removeSubrange((count * length)...)
        self.init(tokens: tokens, length: length)
    }
}
