/// Turns rows of scores into weights, each over some of its columns; the others get 0.
///
/// - Parameters:
///   - scores: `[rows, keys]`.
///   - scale: what scores are multiplied by.
///   - sink: the score, scaled already, of one more key, whose weight is left out; nil: there is
///     none.
///   - range: the columns of a row.
package func softmax(
    _ scores: MatrixView, scale: Float, sink: Float?, range: (_ row: Int) -> Range<Int>
) {
    let factor = scale * 1.442_695_04
    for index in 0..<scores.rows {
        let row = scores.row(index)
        let kept = range(index)
        precondition(
            kept.lowerBound >= 0 && kept.upperBound <= scores.columns, "columns out of range")
        row.update(repeating: 0, count: kept.lowerBound)
        (row + kept.upperBound).update(repeating: 0, count: scores.columns - kept.upperBound)
        if kept.isEmpty { continue }
        let start = row + kept.lowerBound
        var largest = maximum(start, kept.count)
        var sum: Float = 0
        if let sink {
            largest = max(largest, sink / scale)
            sum = powerOfTwo(SIMD8(repeating: (sink / scale - largest) * factor))[0]
        }
        sum += weigh(start, kept.count, factor: factor, minus: largest)
        let normalizer = 1 / sum
        for j in 0..<kept.count { start[j] *= normalizer }
    }
}

/// The gradient by the scores, made in place of that by the weights: p (d - sum(p d)) scale, row by
/// row. p, d: `[rows, keys]`, p as `softmax` has left it.
package func softmaxGradient(_ p: MatrixView, _ d: MatrixView, scale: Float) {
    precondition(p.rows == d.rows && p.columns == d.columns, "shapes differ")
    for index in 0..<p.rows {
        let (weights, changes) = (p.row(index), d.row(index))
        let mean = product(weights, changes, p.columns)
        for j in 0..<p.columns { changes[j] = weights[j] * (changes[j] - mean) * scale }
    }
}

/// The gradient by x, made in place of that by cap tanh(scale x / cap). capped: what `softcap` has
/// left; both `[rows, keys]`.
package func softcapGradient(_ d: MatrixView, _ capped: MatrixView, scale: Float, at cap: Float) {
    precondition(capped.rows == d.rows && capped.columns == d.columns, "shapes differ")
    for index in 0..<d.rows {
        let (changes, values) = (d.row(index), capped.row(index))
        for j in 0..<d.columns {
            let share = values[j] / cap
            changes[j] *= scale * (1 - share * share)
        }
    }
}
