/// Some tokens of one window, which go through row operations together.
struct TokenChunk: Sendable {
    /// A constant: sums over chunks must not depend on the number of threads.
    static let size = 128

    /// Its place among the chunks of a group, or of an expert.
    let index: Int
    /// The window's place in the group.
    let window: Int
    let positions: Range<Int>
    /// Of the group's variables.
    let rows: Range<Int>
}

/// Some windows that are taken through a block together.
struct TuningGroup: Sendable {
    /// How many tokens one has, near enough: enough for fast products.
    private static let tokens = 2048

    let windows: Int
    /// Tokens of a window.
    let length: Int

    /// Windows of a full one.
    static func size(length: Int) -> Int { max(1, tokens / max(length, 1)) }

    var rows: Int { windows * length }

    private var chunksOfWindow: Int { (length + TokenChunk.size - 1) / TokenChunk.size }

    var chunks: Int { windows * chunksOfWindow }

    /// Some rows of which it does not matter whose they are.
    static func chunks(of rows: Range<Int>) -> [TokenChunk] {
        stride(from: rows.lowerBound, to: rows.upperBound, by: TokenChunk.size).enumerated().map {
            let end = min(rows.upperBound, $1 + TokenChunk.size)
            return TokenChunk(index: $0, window: 0, positions: 0..<(end - $1), rows: $1..<end)
        }
    }

    func chunk(_ index: Int) -> TokenChunk {
        let (window, place) = index.quotientAndRemainder(dividingBy: chunksOfWindow)
        let start = place * TokenChunk.size
        let positions = start..<min(length, start + TokenChunk.size)
        let first = window * length
        return TokenChunk(
            index: index, window: window, positions: positions,
            rows: (first + positions.lowerBound)..<(first + positions.upperBound))
    }
}
