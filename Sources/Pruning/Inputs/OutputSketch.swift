import Tensors

/// What a dense layer makes of the sketch of its inputs, or of the dense model's where it is solved
/// towards those, kept to see how far from it the pruned one is.
package struct OutputSketch {
    private let input: InputSketch
    /// W x, `[rows, rows of the sketch]`.
    private let dense: Matrix

    /// nil where no inputs were seen.
    init?(_ layer: Linear, _ statistics: Statistics?, pool: WorkerPool) throws {
        guard let input = statistics?.sketch else { return nil }
        self.input = input
        let source = statistics?.dense?.sketch ?? input
        dense = Matrix(rows: layer.rows, columns: input.rows.rows)
        try pool.forEachChunk(ofRows: layer.rows) { [dense] range in
            multiply(
                layer.weights.rows(range), source.rows.view, transposed: true,
                into: dense.rows(range))
        }
    }

    /// What it takes, with the threads' buffers, in bytes.
    package static func bytes(rows: Int, groups: Int, threads: Int) -> Int {
        4 * (groups + 1) * (rows + threads * WorkerPool.chunk)
    }

    /// The squared error of the output over its square, of the same things as `expectedError`:
    /// `sum |W x - W' x - c|² / sum |W x|²` over the inputs, c the change of the bias. A bias
    /// that the dense layer has is in neither.
    ///
    /// - Parameter layer: the same one, pruned and rounded.
    func error(
        of layer: Linear, biasChange: [Float]?, pool: WorkerPool
    ) throws -> Double {
        let sums = try pool.sum(ofRows: layer.rows, from: Difference(), add: +=) { range in
            let pruned = Matrix(rows: range.count, columns: input.rows.rows)
            if let biasChange {
                let output = pruned.view
                for (target, row) in range.enumerated() {
                    for (place, shift) in input.shifts.enumerated() {
                        output[target, place] = shift * biasChange[row]
                    }
                }
            }
            multiply(
                layer.weights.rows(range), input.rows.view, transposed: true, into: pruned.view,
                accumulates: biasChange != nil)
            return Difference(dense.rows(range), pruned.view)
        }
        return sums.squaredX > 0 ? sums.squaredError / sums.squaredX : 0
    }
}
