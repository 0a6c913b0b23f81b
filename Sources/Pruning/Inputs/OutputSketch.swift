import Synchronization
import Tensors

/// What a dense layer makes of its inputs' sketch, kept to see how far from it the pruned one is.
package struct OutputSketch {
    private let input: InputSketch
    /// W x, `[rows, rows of the sketch]`.
    private let dense: Matrix

    /// nil where no inputs were seen.
    init?(_ layer: Linear, _ statistics: Statistics?, pool: WorkerPool) throws {
        guard let input = statistics?.sketch else { return nil }
        self.input = input
        dense = Matrix(rows: layer.rows, columns: input.rows.rows)
        try Self.forEachChunk(of: layer, pool: pool) { [dense] _, range in
            multiply(
                layer.weights.rows(range), input.rows.view, transposed: true,
                into: dense.rows(range))
        }
    }

    /// What it takes, with the threads' buffers, in bytes.
    package static func bytes(rows: Int, groups: Int, threads: Int) -> Int {
        4 * (groups + 1) * (rows + threads * LayerPruning.chunk)
    }

    /// The squared error of the output over its square, of the same things as `expectedError`:
    /// `sum |W x - W' x - c|² / sum |W x|²` over the inputs, c the change of the bias. A bias that
    /// the dense layer has is in neither.
    ///
    /// - Parameter layer: the same one, pruned and rounded.
    func error(
        of layer: Linear, biasChange: [Float]?, pool: WorkerPool
    ) throws -> Double {
        let total = Mutex(Difference())
        let reduction = OrderedReduction<Difference> { part in total.withLock { $0 += part } }
        try Self.forEachChunk(of: layer, pool: pool) { [dense, input] index, range in
            let pruned = Matrix(rows: range.count, columns: input.rows.rows)
            if let biasChange {
                for (target, row) in range.enumerated() {
                    let output = pruned.view.row(target)
                    for (place, shift) in input.shifts.enumerated() {
                        output[place] = shift * biasChange[row]
                    }
                }
            }
            multiply(
                layer.weights.rows(range), input.rows.view, transposed: true, into: pruned.view,
                accumulates: biasChange != nil)
            reduction.add(Difference(dense.rows(range), pruned.view), at: index)
        }
        let sums = total.withLock { $0 }
        return sums.squaredX > 0 ? sums.squaredError / sums.squaredX : 0
    }

    private static func forEachChunk(
        of layer: Linear, pool: WorkerPool,
        _ body: @Sendable (_ index: Int, _ rows: Range<Int>) -> Void
    ) throws {
        let chunk = LayerPruning.chunk
        try pool.forEach((layer.rows + chunk - 1) / chunk) { index in
            body(index, (index * chunk)..<min(layer.rows, (index + 1) * chunk))
        }
    }
}
