import Synchronization
import Tensors

/// Runs blocks on sequences, in tiles of some rows: first the keys and values of a group of
/// sequences (or what a recurrence has in their place), then all the rest of their tiles. So the
/// threads have much to share out even where there is one sequence, and what a tile needs stays in
/// the cache.
package final class Forward: Sendable {
    /// What a pass leaves behind.
    package enum Destination: Sendable {
        /// The block's output, where its input was.
        case inPlace
        /// The output of the first sequences, in a matrix that holds just these; the others end at
        /// the last layer's input, and the block's input stays as it is.
        case first(Matrix)
        /// Of a mixture: what stands before its feed-forward, in a matrix that may be the input's;
        /// where its tokens go; and what the shared expert makes of the first ones, to which the
        /// other experts' outputs are then added, or, where there is such a matrix, what stands
        /// beside them.
        case middle(
            Matrix, Routes, sums: Matrix, beside: Matrix? = nil, observesShared: Bool)
        /// What one step of the block makes, where its input was and in a matrix between the steps,
        /// `[tokens, BlockStep.width]`; of a mixture, as `middle`.
        case step(
            BlockStep, between: Matrix, Routes? = nil, sums: Matrix? = nil, beside: Matrix? = nil)
    }

    /// Sees the input of some layers of a block, `[rows of the tile, features]`, before they run.
    package typealias Observer =
        @Sendable (_ tap: Tap, _ input: MatrixView, _ tile: Tile) throws -> Void

    let model: Model
    /// How products hold their factors; the same as of the blocks.
    let input: ProductInput
    let pool: WorkerPool
    let tileBuffers: Lending<TileBuffers>
    let expertBuffers: Lending<ExpertBuffers>
    private let keyValues = Mutex<KeyValues?>(nil)
    let recurrentInputs = Mutex<RecurrentInputs?>(nil)

    /// - Parameter length: of the longest sequence.
    package init(_ model: Model, length: Int, input: ProductInput, pool: WorkerPool) {
        self.model = model
        self.input = input
        self.pool = pool
        let rows = min(length, Tile.size)
        tileBuffers = Lending { TileBuffers(model, rows: rows, input: input) }
        expertBuffers = Lending { ExpertBuffers(model) }
    }

    /// Runs `block` on every sequence. hidden: `[sequences * length, hidden_size]`, sequence after
    /// sequence.
    ///
    /// - Parameters:
    ///   - tokens: of all sequences; needed where the model has a second embedding.
    ///   - kept: keys and values that blocks leave for later ones, a row for each of `hidden`;
    ///     needed where the model keeps any. They change where the hidden states do.
    ///   - finished: called after each tile, from any thread; what it throws ends the pass.
    package func run(
        _ block: Block, _ hidden: Matrix, length: Int, sequences: Int, tokens: [Int32] = [],
        kept: Matrix? = nil, destination: Destination = .inPlace, observe: Observer? = nil,
        finished: @Sendable (Tile) throws -> Void = { _ in }
    ) throws {
        precondition(hidden.rows >= sequences * length, "shapes differ")
        switch destination {
        case .middle: precondition(block.isMixture, "no mixture")
        case .step(_, _, let routes, _, _):
            precondition(block.isMixture == (routes != nil), "a mixture has routes")
        default: precondition(!block.isMixture, "a mixture's experts are run apart")
        }
        precondition(
            block.end?.perLayer == nil || tokens.count >= sequences * length, "tokens are missing")
        precondition(kept != nil || model.configuration.kept.width == 0, "nothing is kept")
        defer { block.end?.perLayer?.release() }
        let isWritten =
            switch destination {
            case .inPlace: true
            case .first: false
            case .middle(let matrix, _, _, _, _): matrix === hidden
            case .step: true
            }
        let (parts, between): ([Part], Matrix?) =
            if case .step(let step, let matrix, _, _, _) = destination {
                (step == .mix ? [.first, .rest] : [.rest], matrix)
            } else {
                ([.first, .rest], nil)
            }
        let tiles = Tile.count(length: length)
        let group = Self.sequencesAtOnce(model, length: length, threads: pool.width)
        for first in stride(from: 0, to: sequences, by: group) {
            let count = min(group, sequences - first)
            let cache = cache(length: length, group: min(group, sequences))
            let recurrent = recurrentInputs(length: length, group: min(group, sequences))
            @Sendable func tile(_ index: Int) -> Tile {
                let start = index % tiles * Tile.size
                return Tile(
                    sequence: first + index / tiles,
                    rows: start..<min(length, start + Tile.size), index: first * tiles + index)
            }
            for pass in parts {
                if pass == .rest, parts.count > 1 {
                    try recur(block, recurrent, sequences: count)
                }
                try pool.forEach(count * tiles, state: { tileBuffers.borrow() }) { index, loan in
                    let tile = tile(index)
                    let place = Self.place(tile, length)
                    let run = TileForward(
                        block: block, model: model, tile: tile, cache: cache,
                        recurrent: recurrent, slot: tile.sequence - first,
                        buffers: loan.buffers, observe: observe,
                        tokens: tokens.isEmpty ? [] : tokens[place],
                        kept: kept.map { KeptRows(rows: $0.rows(place), isWritten: isWritten) },
                        between: between?.rows(place))
                    let input = hidden.rows(place)
                    defer {
                        hidden.release(place)
                        kept?.release(place)
                        between?.release(place)
                    }
                    switch pass {
                    case .first: try run.first(input)
                    case .rest:
                        try Self.rest(run, input, at: place, destination)
                        try finished(tile)
                    }
                }
            }
        }
    }

    private enum Part { case first, rest }

    static func place(_ tile: Tile, _ length: Int) -> Range<Int> {
        (tile.sequence * length + tile.rows.lowerBound)..<(tile.sequence * length
            + tile.rows.upperBound)
    }

    /// The second half of a block, or a step of it, on the tile at some places. x:
    /// `[rows, hidden_size]`.
    private static func rest(
        _ run: TileForward, _ x: MatrixView, at place: Range<Int>, _ destination: Destination
    ) throws {
        /// As far as they are wanted.
        func rows(_ matrix: Matrix?) -> MatrixView? {
            matrix.flatMap { place.upperBound <= $0.rows ? $0.rows(place) : nil }
        }
        switch destination {
        case .inPlace: try run.rest(x, into: x)
        case .first(let matrix): try run.rest(x, into: rows(matrix))
        case .middle(let matrix, let routes, let sums, let beside, let observesShared):
            try run.middle(
                x, into: matrix.rows(place), routes, first: place.lowerBound, sum: rows(sums),
                beside: rows(beside), observesShared: observesShared)
        case .step(let step, _, let routes, let sums, let beside):
            guard let routes else { return try run.run(step, x) }
            try run.run(
                step, x, routes, first: place.lowerBound, sum: rows(sums), beside: rows(beside))
        }
    }

    /// Enough for each thread to have 16 tiles to choose from, so that none waits long for the
    /// last.
    ///
    /// The delta rule's inputs are wide: there 4 have to do.
    private static func sequencesAtOnce(_ model: Model, length: Int, threads: Int) -> Int {
        let each = model.configuration.recurrence?.heads == nil ? 16 : 4
        // A job without calibration has sequences of no tokens.
        let tiles = max(1, Tile.count(length: length))
        return max(1, (each * threads + tiles - 1) / tiles)
    }

    private func cache(length: Int, group: Int) -> KeyValues {
        keyValues.withLock { cache in
            if let cache, cache.length == length, cache.sequences >= group { return cache }
            // The old one goes first.
            cache = nil
            let made = KeyValues(
                model, sequences: group, length: length, input: input)
            cache = made
            return made
        }
    }

    /// What runs take at most beside the hidden states and the block, in bytes, with any of these
    /// numbers of sequences of a length.
    package static func bytes(
        _ model: Model, _ sets: [(length: Int, sequences: Int)], input: ProductInput, threads: Int
    ) -> Int {
        let caches = sets.map { length, sequences in
            let count = min(
                sequences, sequencesAtOnce(model, length: length, threads: threads))
            return KeyValues.bytes(model, sequences: count, length: length, input: input)
                + RecurrentInputs.bytes(model, sequences: count, length: length)
        }
        let longest = sets.map(\.length).max() ?? 0
        let experts = model.configuration.mixture == nil ? 0 : ExpertBuffers.bytes(model)
        let state = model.configuration.recurrence?.heads.map { DeltaRule.bytes($0.shape) } ?? 0
        return threads
            * (TileBuffers.bytes(model, rows: min(longest, Tile.size)) + experts + state)
            + (caches.max() ?? 0)
    }
}
