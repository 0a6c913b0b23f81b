/// scores_j = |w_j| factor_j, in double precision.
func score(
    _ weights: UnsafePointer<Float>, by factors: UnsafePointer<Double>, count: Int,
    into scores: UnsafeMutablePointer<Double>
) {
    for j in 0..<count { scores[j] = Double(weights[j].magnitude) * factors[j] }
}

/// The same of row `row` of some weights. factors, scores: `[columns]`.
package func score(
    _ weights: MatrixView, row: Int, by factors: [Double], into scores: Buffer<Double>
) {
    precondition(
        factors.count == weights.columns && scores.count == weights.columns, "columns differ")
    score(
        weights.checkedRow(row), by: factors, count: weights.columns, into: scores.start)
}

/// Sets `mask` to 1 at the `amount` smallest of all scores and to 0 elsewhere; of equal scores the
/// one further left goes first.
package func markLeast(_ amount: Int, of scores: Buffer<Double>) -> [UInt8] {
    let scratch = Buffer<Double>(count: scores.count)
    var mask = [UInt8](repeating: 0, count: scores.count)
    markLeast(
        amount, of: scores.start, count: scores.count, scratch: scratch.start, mask: &mask)
    return mask
}

/// Sets `mask` to 1 at the `amount` smallest of `count` scores and to 0 elsewhere; of equal scores
/// the one further left goes first. `scratch` has room for `count`; no score is NaN.
func markLeast(
    _ amount: Int, of scores: UnsafePointer<Double>, count: Int,
    scratch: UnsafeMutablePointer<Double>, mask: UnsafeMutablePointer<UInt8>
) {
    precondition(amount >= 0 && amount <= count, "more to mark than there is")
    mask.update(repeating: 0, count: count)
    if amount == 0 { return }
    scratch.update(from: scores, count: count)
    let threshold = select(amount - 1, of: scratch, count: count)
    markLeast(amount, atMost: threshold, of: scores, count: count, mask: mask)
}

/// The same where the score of the last to go is known already.
func markLeast(
    _ amount: Int, atMost threshold: Double, of scores: UnsafePointer<Double>, count: Int,
    mask: UnsafeMutablePointer<UInt8>
) {
    var below = 0
    for j in 0..<count {
        let isBelow: UInt8 = scores[j] < threshold ? 1 : 0
        mask[j] = isBelow
        below += Int(isBelow)
    }
    var j = 0
    while below < amount && j < count {
        if scores[j] == threshold {
            mask[j] = 1
            below += 1
        }
        j += 1
    }
}

/// In every `group` consecutive scores sets `mask` to 1 at the `group - keep` smallest, of equal
/// ones the one further left first, and to 0 elsewhere.
func markLeast(
    keep: Int, ofEvery group: Int, of scores: UnsafePointer<Double>, count: Int,
    scratch: UnsafeMutablePointer<Double>, mask: UnsafeMutablePointer<UInt8>
) {
    precondition(
        group > 0 && count % group == 0 && keep <= group, "groups do not divide the columns")
    for start in stride(from: 0, to: count, by: group) {
        let (scores, mask) = (scores + start, mask + start)
        let amount = group - keep
        switch group {
        // The usual ones by themselves, so that they are compiled for just that size.
        case 4: markByRank(amount, of: scores, count: 4, mask: mask)
        case 8: markByRank(amount, of: scores, count: 8, mask: mask)
        case 12, 16, 20, 24, 28, 32:
            markByRank(amount, of: scores, count: group, mask: mask)
        case 33...: markLeast(amount, of: scores, count: group, scratch: scratch, mask: mask)
        default:
            for j in 0..<group {
                var rank = 0
                for k in 0..<j { rank &+= scores[k] <= scores[j] ? 1 : 0 }
                for k in (j + 1)..<group { rank &+= scores[k] < scores[j] ? 1 : 0 }
                mask[j] = rank < amount ? 1 : 0
            }
        }
    }
}

/// Marks by counting, for four scores at a time, how many go before them: no branch depends on a
/// score. `count` is a multiple of 4; no score is negative or NaN.
@inline(__always)
private func markByRank(
    _ amount: Int, of scores: UnsafePointer<Double>, count: Int,
    mask: UnsafeMutablePointer<UInt8>
) {
    let source = UnsafeRawPointer(scores)
    let limit = SIMD4<Int64>(repeating: Int64(amount))
    let place = SIMD4<Int64>(0, 1, 2, 3)
    for start in stride(from: 0, to: count, by: 4) {
        // The order of the bits is that of the numbers, as none is negative.
        let four = source.loadUnaligned(fromByteOffset: start &* 8, as: SIMD4<Int64>.self)
        var rank = SIMD4<Int64>()
        for k in 0..<count {
            let bits = source.loadUnaligned(fromByteOffset: k &* 8, as: Int64.self)
            let isLeft = place .> SIMD4(repeating: Int64(k &- start))
            // Less one where an equal score goes first, too.
            let other = SIMD4(repeating: bits) &+ unsafeBitCast(isLeft, to: SIMD4<Int64>.self)
            rank &-= unsafeBitCast(other .< four, to: SIMD4<Int64>.self)
        }
        let isMarked = unsafeBitCast(rank .< limit, to: SIMD4<Int64>.self)
        for lane in 0..<4 { mask[start &+ lane] = UInt8(truncatingIfNeeded: isMarked[lane] & 1) }
    }
}

/// The element of rank `rank` (from 0) in ascending order; reorders `x`. Hoare's quickselect with
/// the median of three as the pivot: linear on average.
func select(_ rank: Int, of x: UnsafeMutablePointer<Double>, count: Int) -> Double {
    var low = 0
    var high = count - 1
    while low < high {
        let middle = (low + high) / 2
        let a = min(x[low], x[high])
        let b = max(x[low], x[high])
        let pivot = max(a, min(b, x[middle]))
        var i = low - 1
        var j = high + 1
        while true {
            repeat { i += 1 } while x[i] < pivot
            repeat { j -= 1 } while x[j] > pivot
            if i >= j { break }
            swap(&x[i], &x[j])
        }
        // The split must leave both sides smaller: with the pivot last and largest, j is high.
        if j == high { j -= 1 }
        if rank <= j { high = j } else { low = j + 1 }
    }
    return x[rank]
}

/// Sets `mask` to 1 where a score is `value`, from the left, at most `limit` times. The mask of the
/// first score is `mask[start]`.
/// - Returns: how many it marked.
package func markEqual(
    _ value: Double, of scores: Buffer<Double>, atMost limit: Int, in mask: inout [UInt8],
    from start: Int
) -> Int {
    precondition(start >= 0 && start + scores.count <= mask.count, "a mask for each score")
    var marked = 0
    for j in 0..<scores.count where marked < limit && scores.start[j] == value {
        mask[start + j] = 1
        marked += 1
    }
    return marked
}

/// Counts scores whose bits above `shift + 16` equal `prefix` by their 16 bits above `shift`. For
/// non-negative doubles the order of the bits is the order of the numbers, so that four such passes
/// find any rank without sorting or keeping the scores. `bins` has 65536 elements.
func countDigits(
    _ scores: UnsafePointer<Double>, count: Int, prefix: UInt64, shift: UInt64,
    bins: UnsafeMutablePointer<Int>
) {
    for j in 0..<count {
        let bits = scores[j].bitPattern
        let above = shift + 16 >= 64 ? 0 : bits >> (shift + 16)
        if above == prefix { bins[Int((bits >> shift) & 0xffff)] += 1 }
    }
}

/// The same of all scores of a buffer.
package func countDigits(
    _ scores: Buffer<Double>, prefix: UInt64, shift: UInt64, bins: inout [Int]
) {
    precondition(bins.count == 1 << 16, "bins for 16 bits")
    countDigits(
        scores.start, count: scores.count, prefix: prefix, shift: shift, bins: &bins)
}
