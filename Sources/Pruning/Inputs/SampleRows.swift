/// Which calibration tokens row scales are fitted on: of all tokens in order every `stride`-th, so
/// that at most 4096 are kept.
package struct SampleRows: Sendable, Hashable {
    package let tokens: Int
    package let stride: Int

    package static let most = 4096

    /// - Parameter length: of a window. The stride has no divisor in common with it, so that all
    ///   places in a window come up alike: its first tokens are unlike the others.
    package init(tokens: Int, limit: Int = most, length: Int = 1) {
        self.tokens = tokens
        var stride = max(1, (tokens + limit - 1) / limit)
        while Self.divisor(stride, length) > 1 { stride += 1 }
        self.stride = stride
    }

    /// The greatest that both have in common.
    private static func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }

    /// How many tokens are kept.
    package var count: Int { (tokens + stride - 1) / stride }

    /// For `length` tokens from `first` on: the kept ones, as (offset from `first`, row of the
    /// sample).
    package func rows(from first: Int, length: Int) -> [(offset: Int, row: Int)] {
        let start = (first + stride - 1) / stride
        return (start..<max(start, (first + length + stride - 1) / stride)).map {
            ($0 * stride - first, $0)
        }
    }
}
