/// softmax(scale * q kᵀ) v for some rows of queries whose keys arrive in pieces: what has been
/// seen of each row so far. The output is rescaled as larger scores turn up.
///
/// Source: arXiv 2112.05682 and 2205.14135 (FlashAttention), without the blocking of queries.
package final class OnlineSoftmax {
    /// Per row: the largest score, and the sum of the weights.
    private let largest: Buffer<Float>
    private let sums: Buffer<Float>

    package init(rows: Int) {
        largest = Buffer(count: rows)
        sums = Buffer(count: rows)
    }

    /// Forgets all rows.
    package func reset(rows: Int) {
        precondition(rows <= sums.count, "more rows than there is room for")
        largest.start.update(repeating: -.infinity, count: rows)
        sums.start.update(repeating: 0, count: rows)
    }

    /// Lets some rows that have seen nothing begin as if they had seen a key with this score, whose
    /// value is 0. It counts as `scale` has it in `absorb`, where it is the same for all pieces.
    package func begin(_ rows: Range<Int>, with score: Float) {
        precondition(rows.upperBound <= sums.count, "more rows than there is room for")
        for row in rows {
            largest.start[row] = score
            sums.start[row] = 1
        }
    }

    /// Turns a piece of scores, `[rows, keys]`, into weights, held as `input` says: in `held`, or
    /// where the scores are without one, which takes elements of 4 bytes. Row r keeps the keys of
    /// `range(r)`, the others get 0. output: `[rows, features]`, the sum so far.
    package func absorb(
        _ scores: MatrixView, scale: Float, into output: MatrixView, as input: ProductInput,
        in held: FactorBuffer? = nil, range: (_ row: Int) -> Range<Int>
    ) -> Operand {
        precondition(held.map { $0.input == input } ?? (input.size == 4), "held otherwise")
        precondition(
            scores.rows <= sums.count && output.rows == scores.rows, "rows do not fit")
        let (largest, sums) = (largest.start, sums.start)
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
        }
        return held?.store(scores) ?? Operand(roundingInPlace: scores, as: input)
    }

    /// 1 over the sum of the weights of row `index`.
    package func normalizer(_ index: Int) -> Float { 1 / sums[index] }

    /// y = x over the sum of its weights. x, y: `[rows, features]`, from row `first` on.
    package func normalize(_ x: MatrixView, from first: Int, into y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns, "shapes differ")
        for index in 0..<x.rows {
            let factor = normalizer(first + index)
            let (source, target) = (x.row(index), y.row(index))
            for j in 0..<x.columns { target[j] = source[j] * factor }
        }
    }
}

/// x = 2^((x - largest) factor); returns their sum.
@inline(__always)
func weigh(
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
