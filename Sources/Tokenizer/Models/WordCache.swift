/// The tokens of words that were encoded before.
struct WordCache {
    private var table = ByteTable(capacity: 512)
    private var tokens: [Int32] = []
    /// Where the tokens of word n begin; one more at the end.
    private var starts: [Int] = [0]

    /// Words to remember; after that many it starts afresh, so that memory stays bounded whatever
    /// the text.
    private static let capacity = 1 << 17
    /// Bytes of a word that are worth remembering.
    private static let longestWord = 128

    /// Appends the tokens of `word` to `output` if they are known.
    @inline(__always)
    func append(_ word: Span<UInt8>, to output: inout [Int32]) -> Bool {
        guard word.count <= Self.longestWord, let index = table.value(of: word) else {
            return false
        }
        let start = starts[Int(index)]
        let end = starts[Int(index) + 1]
        for place in start..<end { output.append(tokens[place]) }
        return true
    }

    mutating func remember(_ word: Span<UInt8>, _ wordTokens: [Int32]) {
        if word.count > Self.longestWord { return }
        if table.count >= Self.capacity {
            table.removeAll()
            tokens.removeAll(keepingCapacity: true)
            starts = [0]
        }
        table.set(word, to: Int32(starts.count - 1))
        tokens += wordTokens
        starts.append(tokens.count)
    }
}
