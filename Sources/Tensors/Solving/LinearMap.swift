/// e = D x + b.
package struct LinearMap: Sendable {
    /// D: `[outputs, inputs]`
    package let weights: Matrix
    /// b: `[outputs]`; nil: none.
    package let bias: [Double]?
}

/// What is known of pairs of x and e: sums of products less the means, and the means.
///
/// Unchecked: nothing changes it.
package final class LinearMapStatistics: @unchecked Sendable {
    private let inputs: Int
    private let outputs: Int
    /// `[inputs + outputs, inputs + outputs]`, x first.
    private let products: SquareMatrix
    private let mean: [Double]
    package let tokens: Int

    init(inputs: Int, outputs: Int, products: SquareMatrix, _ moments: Moments) {
        self.inputs = inputs
        self.outputs = outputs
        self.products = products
        tokens = moments.count
        mean = moments.sum.map { $0 / Double(max(1, moments.count)) }
    }

    /// Whether all sums are numbers.
    package var isFinite: Bool {
        mean.allSatisfy(\.isFinite) && products.diagonal.allSatisfy(\.isFinite)
    }

    private var inputMean: ArraySlice<Double> { mean[..<inputs] }
    private var outputMean: ArraySlice<Double> { mean[inputs...] }

    /// The map with the least `sum |e - D x - b|² + ridge m |D|²`, m being the mean of the
    /// diagonal of the sums over x.
    ///
    /// - Parameter hasBias: whether there is a b.
    package func solve(ridge: Double, hasBias: Bool, pool: WorkerPool) throws -> LinearMap {
        let (factor, dead) = factor(ridge: ridge, hasBias: hasBias)
        let weights = Matrix(rows: outputs, columns: inputs)
        let (inputs, n) = (inputs, Double(tokens))
        let xMean = Array(inputMean)
        try pool.forEachChunk(
            ofRows: outputs, state: { Buffer<Double>(count: WorkerPool.chunk * inputs) }
        ) { range, buffer in
            let rows = buffer.start
            for (place, output) in range.enumerated() {
                let row = rows + place * inputs
                row.update(from: products.row(inputs + output), count: inputs)
                let shift = hasBias ? 0 : n * mean[inputs + output]
                for j in 0..<inputs where shift != 0 { row[j] += shift * xMean[j] }
                for j in dead { row[j] = 0 }
            }
            LAPACK.solve(factored: factor, rows, rows: range.count)
            for (place, output) in range.enumerated() {
                let (row, target) = (rows + place * inputs, weights.view.row(output))
                for j in 0..<inputs { target[j] = Float(row[j]) }
            }
            withExtendedLifetime(buffer) {}
        }
        guard hasBias else { return LinearMap(weights: weights, bias: nil) }
        return LinearMap(
            weights: weights,
            bias: (0..<outputs).map { output in
                let row = weights.view.row(output)
                return mean[inputs + output]
                    - (0..<inputs).reduce(0) { $0 + Double(row[$1]) * xMean[$1] }
            })
    }

    /// The Cholesky factor of the damped sums over x, and features that never are there.
    private func factor(ridge: Double, hasBias: Bool) -> (SquareMatrix, dead: [Int]) {
        var level = ridge
        while true {
            let sums = SquareMatrix(order: inputs)
            for i in 0..<inputs {
                let (row, mean) = (sums.row(i), mean)
                row.update(from: products.row(i), count: inputs)
                if hasBias { continue }
                let factor = Double(tokens) * mean[i]
                for j in 0..<inputs { row[j] += factor * mean[j] }
            }
            let dead = sums.damp(level)
            if LAPACK.factor(sums) { return (sums, dead) }
            level *= 10
        }
    }

    /// The mean over the tokens of |e|².
    package var power: Double {
        error(
            own: (0..<outputs).map { products.row(inputs + $0)[inputs + $0] },
            offset: Array(outputMean))
    }

    /// The mean over the tokens of |e - D x - b|², D and b being any.
    package func error(of map: LinearMap, pool: WorkerPool) throws -> Double {
        let (inputs, features) = (inputs, inputs + outputs)
        var own = [Double](repeating: 0, count: outputs)
        try pool.forEachChunk(
            ofRows: outputs, writing: &own,
            state: {
                (
                    Buffer<Double>(count: WorkerPool.chunk * features),
                    Buffer<Double>(count: WorkerPool.chunk * features)
                )
            }
        ) { range, own, buffers in
            // e - D x = v [x, e], and the sum of its square is v P v.
            let (v, moved) = (buffers.0.start, buffers.1.start)
            v.update(repeating: 0, count: range.count * features)
            moved.update(repeating: 0, count: range.count * features)
            for (place, output) in range.enumerated() {
                let (row, target) = (map.weights.view.row(output), v + place * features)
                for j in 0..<inputs { target[j] = -Double(row[j]) }
                target[inputs + output] = 1
            }
            LAPACK.subtractProduct(
                v, products.start, from: moved, m: range.count, n: features, k: features)
            for place in range.indices.map({ $0 - range.lowerBound }) {
                let (row, target) = (v + place * features, moved + place * features)
                own[place] = -(0..<features).reduce(0) { $0 + row[$1] * target[$1] }
            }
            withExtendedLifetime(buffers) {}
        }
        let means = Array(inputMean)
        return error(
            own: own,
            offset: (0..<outputs).map { output in
                let row = map.weights.view.row(output)
                return mean[inputs + output] - (map.bias?[output] ?? 0)
                    - (0..<inputs).reduce(0) { $0 + Double(row[$1]) * means[$1] }
            })
    }

    /// - Parameters:
    ///   - own: the sum of each output's error about its mean.
    ///   - offset: that mean.
    private func error(own: [Double], offset: [Double]) -> Double {
        let n = Double(max(1, tokens))
        return zip(own, offset).reduce(0) { $0 + $1.0 / n + $1.1 * $1.1 }
    }
}
