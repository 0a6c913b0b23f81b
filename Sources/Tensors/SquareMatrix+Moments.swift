extension SquareMatrix {
    /// A copy of `sum`, plus `tokens * mean meanᵀ` where there is a mean: sums about the mean become
    /// sums of squares and products.
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
}
