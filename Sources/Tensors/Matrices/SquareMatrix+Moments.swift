extension SquareMatrix {
    /// A copy of `sum`, plus `tokens * mean meanᵀ` where there is a mean: sums about the mean
    /// become sums of squares and products.
    convenience init(_ sum: SquareMatrix, tokens: Int, mean: [Double]?) {
        self.init(order: sum.order)
        for i in 0..<order {
            let target = row(i)
            target.update(from: sum.row(i), count: order)
            guard let mean else { continue }
            let factor = Double(tokens) * mean[i]
            mean.withUnsafeBufferPointer { mean in
                for j in 0..<order { target[j] += factor * mean[j] }
            }
        }
    }

    /// Makes sums of squares and products fit to be factorised: adds `damping` times the mean of
    /// the diagonal to it, after a diagonal element that is not positive has become 1.
    /// - Returns: the places of those.
    func damp(_ damping: Double) -> [Int] {
        let dead = diagonal.indices.filter { diagonal[$0] <= 0 }
        for j in dead { row(j)[j] = 1 }
        let level = damping * diagonal.reduce(0, +) / Double(max(1, order))
        // A diagonal large enough is always definite, unless there are numbers that are none.
        precondition(level.isFinite, "sums are not finite")
        for j in 0..<order { row(j)[j] += level }
        return dead
    }
}
