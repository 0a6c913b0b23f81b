/// Applies the merges of a byte-pair encoding to one word, lowest rank first and from the left
/// among equal ranks. Keeps its working memory from word to word.
struct WordMerger {
    private var merges: [MergeTable.Merge] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []
    private var heap = MinHeap()

    /// Above this many tokens a heap is faster than looking at all neighbours for each merge.
    private static let longWord = 64

    /// Merges `tokens` in place.
    mutating func merge(_ tokens: inout [Int32], with model: BytePairModel) {
        if tokens.count < 2 { return }
        if tokens.count <= Self.longWord {
            mergeShort(&tokens, model.merges)
        } else {
            mergeLong(&tokens, model)
        }
    }

    private mutating func mergeShort(_ tokens: inout [Int32], _ table: MergeTable) {
        merges.removeAll(keepingCapacity: true)
        for index in 1..<tokens.count { merges.append(table[tokens[index - 1], tokens[index]]) }
        while true {
            var best = -1
            var rank = UInt32.max
            for index in merges.indices where merges[index].rank < rank {
                rank = merges[index].rank
                best = index
            }
            if best < 0 { return }
            tokens[best] = merges[best].token
            tokens.remove(at: best + 1)
            merges.remove(at: best)
            if best > 0 { merges[best - 1] = table[tokens[best - 1], tokens[best]] }
            if best < merges.count { merges[best] = table[tokens[best], tokens[best + 1]] }
        }
    }

    /// In time proportional to n log n: a doubly linked list of tokens, and a heap of the merges by
    /// rank and place. Entries that a merge beside them has made stale are skipped.
    private mutating func mergeLong(_ tokens: inout [Int32], _ model: BytePairModel) {
        let count = tokens.count
        previous = (0..<count).map { Int32($0 - 1) }
        next = (1...count).map { Int32($0) }
        heap.removeAll()
        for index in 1..<count {
            push(index - 1, model.merges[tokens[index - 1], tokens[index]])
        }
        while let entry = heap.pop() {
            let left = Int(entry & 0xFFFF_FFFF)
            let right = Int(next[left])
            guard tokens[left] >= 0, right < count else { continue }
            let merged = model.mergedTokens[Int(entry >> 32)]
            guard model.merges[tokens[left], tokens[right]].token == merged else { continue }
            tokens[left] = merged
            tokens[right] = -1
            next[left] = next[right]
            let after = Int(next[left])
            if after < count {
                previous[after] = Int32(left)
                push(left, model.merges[merged, tokens[after]])
            }
            let before = Int(previous[left])
            if before >= 0 { push(before, model.merges[tokens[before], merged]) }
        }
        tokens.removeAll { $0 < 0 }
    }

    private mutating func push(_ place: Int, _ merge: MergeTable.Merge) {
        if merge.rank != .max { heap.push(UInt64(merge.rank) << 32 | UInt64(place)) }
    }
}
