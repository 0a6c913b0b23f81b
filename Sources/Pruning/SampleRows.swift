/// Which calibration tokens row scales are fitted on: of all tokens in order every `stride`-th, so
/// that at most 4096 are kept.
package struct SampleRows: Sendable, Hashable {
    package let tokens: Int
    package let stride: Int

    package init(tokens: Int, limit: Int = 4096) {
        self.tokens = tokens
        stride = max(1, (tokens + limit - 1) / limit)
    }

    /// How many tokens are kept.
    package var count: Int { (tokens + stride - 1) / stride }

    /// For `length` tokens from `first` on: the kept ones, as (offset from `first`, row of the sample).
    package func rows(from first: Int, length: Int) -> [(offset: Int, row: Int)] {
        let start = (first + stride - 1) / stride
        return (start..<max(start, (first + length + stride - 1) / stride)).map {
            ($0 * stride - first, $0)
        }
    }
}
