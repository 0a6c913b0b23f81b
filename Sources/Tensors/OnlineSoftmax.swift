import Glibc

/// softmax(scale * q kᵀ) v for some rows of queries whose keys arrive in pieces: what has been seen
/// of each row so far. The output is rescaled as larger scores turn up.
///
/// Source: arXiv 2112.05682 and 2205.14135 (FlashAttention), without the blocking of queries.
package final class OnlineSoftmax {
    /// Per row: the largest score, and the sum of the weights.
    private let largest: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Float>

    package init(rows: Int) {
        largest = allocateAligned(rows)
        sums = allocateAligned(rows)
    }

    deinit {
        free(largest)
        free(sums)
    }

    /// Forgets all rows.
    package func reset(rows: Int) {
        largest.update(repeating: -.infinity, count: rows)
        sums.update(repeating: 0, count: rows)
    }

    /// Turns a piece of scores, `[rows, keys]`, into weights, held as `input` says at `target`, row
    /// after row, which may be the scores themselves where an element takes 4 bytes. Row r keeps
    /// the keys of `range(r)`, the others get 0. output: `[rows, features]`, the sum so far.
    package func absorb(
        _ scores: MatrixView, scale: Float, into output: MatrixView, as input: ProductInput,
        at target: UnsafeMutableRawPointer, range: (_ row: Int) -> Range<Int>
    ) -> Operand {
        let factor = scale * 1.442_695_04
        for index in 0..<scores.rows {
            let row = scores.row(index)
            let kept = range(index)
            row.update(repeating: 0, count: kept.lowerBound)
            (row + kept.upperBound).update(repeating: 0, count: scores.columns - kept.upperBound)
            if !kept.isEmpty {
                let start = row + kept.lowerBound
                let before = largest[index]
                let now = max(before, maximum(start, kept.count))
                if now > before {
                    largest[index] = now
                    if sums[index] > 0 {
                        let shrink = powerOfTwo(SIMD8(repeating: (before - now) * factor))[0]
                        sums[index] *= shrink
                        mapLanes(output.row(index), output.columns) { $0 * shrink }
                    }
                }
                sums[index] += weigh(start, kept.count, factor: factor, minus: now)
            }
            hold(
                row, count: scores.columns, as: input,
                at: target + index * scores.columns * input.size)
        }
        return Operand(
            start: target, rows: scores.rows, columns: scores.columns,
            isBfloat16: input == .bfloat16)
    }

    /// 1 over the sum of the weights of row `index`.
    package func normalizer(_ index: Int) -> Float { 1 / sums[index] }
}

/// x = 2^((x - largest) factor); returns their sum.
@inline(__always)
private func weigh(
    _ x: UnsafeMutablePointer<Float>, _ count: Int, factor: Float, minus largest: Float
) -> Float {
    let scale = SIMD8<Float>(repeating: factor)
    let shift = SIMD8<Float>(repeating: largest)
    var a = SIMD8<Float>()
    var b = SIMD8<Float>()
    var i = 0
    while i + 16 <= count {
        let first = powerOfTwo((load8(x + i) - shift) * scale)
        let second = powerOfTwo((load8(x + i + 8) - shift) * scale)
        store8(first, x + i)
        store8(second, x + i + 8)
        a += first
        b += second
        i += 16
    }
    var total = (a + b).sum()
    while i < count {
        x[i] = powerOfTwo((SIMD8(repeating: x[i]) - shift) * scale)[0]
        total += x[i]
        i += 1
    }
    return total
}
