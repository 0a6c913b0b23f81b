import Synchronization
import Tensors

extension LayerPruning {
    /// The score of the last weight to go where the whole layer competes: found digit by digit, 16
    /// bits at a time, so that the scores are never all in memory. Below every score where none
    /// goes.
    func layerThreshold(
        _ layer: Linear, scores: Scores, pool: WorkerPool
    ) throws -> Double {
        var rank = Self.budget(layer.rows * layer.columns, sparsity) - 1
        if rank < 0 { return -1 }
        var prefix: UInt64 = 0
        for shift in [48, 32, 16, 0] as [UInt64] {
            let counts = try digitCounts(layer, prefix: prefix, shift: shift, pool: pool) {
                scores.fill($0, weights: layer.weights.view, row: $1)
            }
            var digit = 0
            while rank >= counts[digit] {
                rank -= counts[digit]
                digit += 1
            }
            prefix = prefix << 16 | UInt64(digit)
        }
        return Double(bitPattern: prefix)
    }

    /// Marks as many weights of exactly the threshold's score as the budget still has, the first
    /// rows first, then from the left.
    func markTies(
        _ layer: Linear, scores: Scores, threshold: Double, mask: inout [UInt8]
    ) throws {
        let columns = layer.columns
        var left = Self.budget(mask.count, sparsity) - mask.reduce(0) { $0 + Int($1) }
        let row = Buffer<Double>(count: columns)
        for r in 0..<layer.rows where left > 0 {
            scores.fill(row, weights: layer.weights.view, row: r)
            left -= markEqual(
                threshold, of: row, atMost: left, in: &mask, from: r * columns)
        }
    }
}

/// How many of a layer's scores have each value of the 16 bits above `shift`, of those whose bits
/// above are `prefix`; see `countDigits`.
///
/// - Parameter fill: writes a row's scores, `[columns]`.
func digitCounts(
    _ layer: Linear, prefix: UInt64 = 0, shift: UInt64 = 48, pool: WorkerPool,
    fill: @Sendable (_ scores: Buffer<Double>, _ row: Int) -> Void
) throws -> [Int] {
    let totals = Mutex([Int](repeating: 0, count: 65536))
    try pool.forEachChunk(
        ofRows: layer.rows, by: 256, state: { Buffer<Double>(count: layer.columns) }
    ) { rows, scores in
        var bins = [Int](repeating: 0, count: 65536)
        for row in rows {
            fill(scores, row)
            countDigits(scores, prefix: prefix, shift: shift, bins: &bins)
        }
        totals.withLock { totals in
            for digit in bins.indices where bins[digit] != 0 { totals[digit] += bins[digit] }
        }
    }
    return totals.withLock { $0 }
}
