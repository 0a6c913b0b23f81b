/// Pairs of characters that merges join: the last one of a merge's first token, and the first one
/// of its second. Between two others nothing is ever merged.
struct PairSet: Sendable {
    /// Of ASCII and SentencePiece's space, which stands for U+0000.
    private var common = [Bool](repeating: false, count: 128 * 128)
    private var others: Set<UInt64> = []

    private static let space: UInt32 = 0x2581

    mutating func insert(_ first: UInt32, _ second: UInt32) {
        if let place = Self.place(first, second) {
            common[place] = true
        } else {
            others.insert(Self.pair(first, second))
        }
    }

    @inline(__always)
    func contains(_ first: UInt32, _ second: UInt32) -> Bool {
        if let place = Self.place(first, second) { return common[place] }
        return others.contains(Self.pair(first, second))
    }

    @inline(__always)
    private static func place(_ first: UInt32, _ second: UInt32) -> Int? {
        let left = first == space ? 0 : first
        let right = second == space ? 0 : second
        return left | right < 128 && first != 0 && second != 0 ? Int(left << 7 | right) : nil
    }

    private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first) << 32 | UInt64(second)
    }
}
