/// How much of a mixture of experts is in memory at once.
package struct ExpertLimit: Sendable, Hashable {
    /// At most so many experts.
    let count: Int
    /// At most so much is gathered of their inputs, in bytes. One expert's inputs always fit.
    let inputBytes: Int

    /// Where there is no mixture.
    static let none = ExpertLimit(count: 1, inputBytes: 0)

    /// The experts that come next.
    ///
    /// - Parameters:
    ///   - first: the first of them.
    ///   - experts: how many the block has.
    ///   - bytes: what is gathered of an expert's inputs takes.
    func group(
        from first: Int, of experts: Int, bytes: (_ expert: Int) -> Int
    ) -> Range<Int> {
        var end = min(first + 1, experts)
        var sum = bytes(first)
        while end < experts, end - first < count {
            sum += bytes(end)
            if sum > inputBytes { break }
            end += 1
        }
        return first..<end
    }
}
