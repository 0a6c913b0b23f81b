/// Finds what somebody meant to write.
package enum Spelling {
    /// The candidate with the least edit distance, where that is at most a third of the letters.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let letters = Array(word.unicodeScalars.prefix(64))
        let ranked = candidates.map { ($0, distance(letters, Array($0.unicodeScalars))) }
        guard let best = ranked.min(by: { $0.1 < $1.1 }),
            best.1 <= max(1, max(letters.count, best.0.unicodeScalars.count) / 3)
        else { return nil }
        return best.0
    }

    /// `a, b or c`.
    package static func alternatives(_ words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.first ?? "nothing" }
        return words.dropLast().joined(separator: ", ") + " or " + last
    }

    /// How many letters must be inserted, left out, replaced, or swapped with their neighbour: the
    /// optimal string alignment distance.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var before: [Int] = []
        var previous = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(
                    row[j] + 1, previous[j + 1] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, before[j - 1] + 1)
                }
                row.append(best)
            }
            (before, previous) = (previous, row)
        }
        return previous[b.count]
    }
}
