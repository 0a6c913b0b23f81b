import Synchronization
import Tensors

/// Runs blocks on sequences, in tiles of some rows: first the keys and values of a group of
/// sequences, then all the rest of their tiles. So the threads have much to share out even where
/// there is one sequence, and what a tile needs stays in the cache.
package final class Forward: Sendable {
    /// What a pass leaves behind.
    package enum Destination: Sendable {
        /// The block's output, where its input was.
        case inPlace
        /// The output of the first sequences, in a matrix that holds just these; the others end at
        /// the last layer's input, and the block's input stays as it is.
        case first(Matrix)
    }

    /// Sees the input of some layers of a block, `[rows of the tile, features]`, before they run.
    package typealias Observer =
        @Sendable (_ tap: Tap, _ input: MatrixView, _ tile: Tile) throws -> Void

    let model: Model
    /// How products hold their factors; the same as of the blocks.
    let input: ProductInput
    private let pool: WorkerPool
    private let free = Mutex<[TileBuffers]>([])
    private let keyValues = Mutex<KeyValues?>(nil)
    /// Rows of the buffers.
    private let rows: Int

    /// - Parameter length: of the longest sequence.
    package init(_ model: Model, length: Int, input: ProductInput, pool: WorkerPool) {
        self.model = model
        self.input = input
        self.pool = pool
        rows = min(length, Tile.size)
    }

    /// Runs `block` on every sequence. hidden: `[sequences * length, hidden_size]`, sequence after
    /// sequence.
    ///
    /// - Parameter finished: called after each tile, from any thread; what it throws ends the pass.
    package func run(
        _ block: Block, _ hidden: Matrix, length: Int, sequences: Int,
        destination: Destination = .inPlace, observe: Observer? = nil,
        finished: @Sendable (Tile) throws -> Void = { _ in }
    ) throws {
        precondition(hidden.rows >= sequences * length, "shapes differ")
        let tiles = Tile.count(length: length)
        let group = Self.sequencesAtOnce(length: length, threads: pool.width)
        for first in stride(from: 0, to: sequences, by: group) {
            let count = min(group, sequences - first)
            let cache = cache(length: length, group: min(group, sequences))
            @Sendable func tile(_ index: Int) -> Tile {
                let start = index % tiles * Tile.size
                return Tile(
                    sequence: first + index / tiles,
                    rows: start..<min(length, start + Tile.size), index: first * tiles + index)
            }
            for pass in [Part.keysAndValues, .rest] {
                try pool.forEach(count * tiles, state: { borrow() }) { index, loan in
                    let tile = tile(index)
                    let run = TileForward(
                        block: block, model: model, tile: tile, cache: cache,
                        slot: tile.sequence - first, buffers: loan.buffers, observe: observe)
                    let input = hidden.rows(Self.place(tile, length))
                    defer { hidden.release(Self.place(tile, length)) }
                    switch pass {
                    case .keysAndValues: try run.keysAndValues(input)
                    case .rest:
                        try run.rest(
                            input, into: Self.target(destination, hidden, tile, length))
                        try finished(tile)
                    }
                }
            }
        }
    }

    private enum Part { case keysAndValues, rest }

    private static func place(_ tile: Tile, _ length: Int) -> Range<Int> {
        (tile.sequence * length + tile.rows.lowerBound)..<(tile.sequence * length
            + tile.rows.upperBound)
    }

    private static func target(
        _ destination: Destination, _ hidden: Matrix, _ tile: Tile, _ length: Int
    ) -> MatrixView? {
        let place = place(tile, length)
        return switch destination {
        case .inPlace: hidden.rows(place)
        case .first(let matrix): place.upperBound <= matrix.rows ? matrix.rows(place) : nil
        }
    }

    /// Enough for each thread to have 16 tiles to choose from, so that none waits long for the
    /// last.
    private static func sequencesAtOnce(length: Int, threads: Int) -> Int {
        // A job without calibration has sequences of no tokens.
        let tiles = max(1, Tile.count(length: length))
        return max(1, (16 * threads + tiles - 1) / tiles)
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
            KeyValues.bytes(
                model,
                sequences: min(sequences, sequencesAtOnce(length: length, threads: threads)),
                length: length, input: input)
        }
        let longest = sets.map(\.length).max() ?? 0
        return threads * TileBuffers.bytes(model, rows: min(longest, Tile.size))
            + (caches.max() ?? 0)
    }

    /// Buffers on loan to a thread, which go back when the loan is over.
    private final class Loan {
        let buffers: TileBuffers
        private let owner: Forward

        init(_ buffers: TileBuffers, from owner: Forward) {
            self.buffers = buffers
            self.owner = owner
        }

        deinit { owner.free.withLock { $0.append(buffers) } }
    }

    private func borrow() -> Loan {
        Loan(
            free.withLock { $0.popLast() } ?? TileBuffers(model, rows: rows, input: input),
            from: self)
    }
}
