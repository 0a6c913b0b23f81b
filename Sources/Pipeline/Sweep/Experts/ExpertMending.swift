import Tensors
import Transformer

/// Moves what a block's output loses with its experts into the down projections of those that
/// stay, by least squares, one expert after the other: each makes up for what those before it have
/// left of the loss, on the tokens that it serves now.
struct ExpertMending {
    /// The ridge, as a share of the mean square of what a down projection reads.
    private static let ridge = 0.01
    /// Wider down projections stay as they are: their sums would take too much memory and time.
    private static let widest = 4096
    /// Tokens that are summed at a time.
    private static let tokens = 1024

    private let sweep: Sweep
    private let norms: Block
    /// The calibration, whose sums have what all experts that stay make.
    let stream: MixtureStream
    /// What is missing of the dense sums, `[tokens, hidden_size]`.
    private let missing: Matrix

    /// Whether the experts of a model are mended.
    static func isPossible(_ model: Model) -> Bool {
        (model.configuration.mixture?.expertSize ?? 0) <= widest
    }

    /// What it takes, in bytes, but for what the experts' down projections read.
    static func bytes(_ model: Model, threads: Int) -> Int {
        guard let mixture = model.configuration.mixture, isPossible(model) else { return 0 }
        let hidden = model.configuration.hiddenSize
        return ResidualFit.bytes(features: mixture.expertSize, outputs: hidden, threads: threads)
            + 4 * hidden * (mixture.expertSize + (threads + 1) * tokens)
    }

    /// - Parameter dense: what the dense experts make, which becomes what is missing.
    init(
        _ sweep: Sweep, _ norms: Block, _ stream: MixtureStream, dense: Matrix
    ) throws {
        self.sweep = sweep
        self.norms = norms
        self.stream = stream
        missing = dense
        try sweep.pool.forEach((dense.rows + Tile.size - 1) / Tile.size) { piece in
            let rows = (piece * Tile.size)..<min(dense.rows, (piece + 1) * Tile.size)
            subtract(stream.sums.rows(rows), from: dense.rows(rows))
            for matrix in [dense, stream.sums] { matrix.release(rows) }
        }
    }

    /// Mends the down projections of some experts that stay, and makes them ready to run.
    func mend(_ group: ExpertGroup) throws {
        let lists = stream.routes.tokens(of: group.experts)
        let fed = try sweep.passes.zeros(
            lists.reduce(0) { $0 + $1.count },
            columns: sweep.model.configuration.mixture?.expertSize)
        let watch = sweep.watch
        try sweep.passes.forward.run(
            group, of: norms, stream.middle, lists, addingTo: nil, step: .feed(fed),
            finished: { _ in try watch.checkStop() })
        var first = 0
        for (expert, tokens) in zip(group.experts, lists) {
            let key = LayerKey(.down, expert: expert)
            if let layer = group.layers[key], tokens.count > 0 {
                try watch.checkStop()
                try mend(layer, key, reading: fed, from: first, tokens)
            }
            first += tokens.count
        }
        try group.pack(pool: sweep.pool)
    }

    /// - Parameter fed: what the layer reads, from row `first` on.
    private func mend(
        _ layer: Linear, _ key: LayerKey, reading fed: Matrix, from first: Int,
        _ tokens: ExpertTokens
    ) throws {
        let pool = sweep.pool
        let fit = ResidualFit(features: layer.columns, outputs: layer.rows)
        for start in stride(from: 0, to: tokens.count, by: Self.tokens) {
            let places = start..<min(tokens.count, start + Self.tokens)
            let rows = (first + places.lowerBound)..<(first + places.upperBound)
            // Times its weight, as the output counts.
            scaleRows(fed.rows(rows), by: tokens.weights[places])
            let lacking = Matrix(rows: places.count, columns: missing.columns)
            gather(tokens.rows[places], of: missing, into: lacking.view)
            try fit.add(fed, rows: rows, lacking, pool: pool)
            fed.release(rows)
        }
        guard let change = try fit.solve(ridge: Self.ridge, pool: pool) else { return }
        let type = try sweep.model.weightType(key, block: norms.index)
        try pool.forEachChunk(ofRows: layer.rows) { range in
            let (weights, moved) = (layer.weights.rows(range), change.rows(range))
            add(weights, to: moved)
            copy(moved, roundedTo: type, into: moved)
            // The change as it is written, and then the weights.
            let old = Matrix(rows: range.count, columns: layer.columns)
            old.view.copy(from: weights)
            weights.copy(from: moved)
            subtract(old.view, from: moved)
        }
        layer.update(bias: layer.bias)
        try pool.forEachChunk(ofRows: tokens.count, by: 256) { places in
            let rows = (first + places.lowerBound)..<(first + places.upperBound)
            let made = Matrix(rows: places.count, columns: layer.rows)
            multiply(fed.rows(rows), change.view, transposed: true, into: made.view)
            let plus = [Float](repeating: 1, count: places.count)
            let minus = [Float](repeating: -1, count: places.count)
            scatterAdd(made.view, times: plus[...], to: stream.sums, tokens.rows[places])
            scatterAdd(made.view, times: minus[...], to: missing, tokens.rows[places])
            fed.release(rows)
        }
    }
}
