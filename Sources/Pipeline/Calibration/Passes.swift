import Checkpoint
import Dispatch
import Posix
import Pruning
import Synchronization
import Tensors
import Transformer

/// Takes hidden states through a model, one block after the other: only a block's weights and the
/// states are in memory.
package struct Passes: Sendable {
    let model: Model
    let precision: Precision
    package let pool: WorkerPool
    let watch: Watch
    package let forward: Forward
    /// Where hidden states go that are too large for memory; nil: they are kept in memory.
    private let scratchDirectory: Directory?
    /// `[blocks][tensors of the block]`.
    private let tensors: [[TensorView]]
    /// Where the next block is read while the current one computes. Only hints are given here: the
    /// kernel reads into the page cache, and decoding stays with the pool, which is busy anyway.
    private let reading = DispatchQueue(label: "stade.read")

    /// - Parameter length: of the longest window.
    package init(
        _ model: Model, length: Int, precision: Precision, pool: WorkerPool, watch: Watch,
        scratchDirectory: Directory?
    ) {
        self.model = model
        self.precision = precision
        self.pool = pool
        self.watch = watch
        self.scratchDirectory = scratchDirectory
        tensors = model.tensorsByBlock.blocks
        forward = Forward(model, length: length, input: precision.input, pool: pool)
    }

    /// Reads a block's weights into memory.
    func load(_ index: Int) throws -> Block {
        try model.loadBlock(index, input: precision.input, pool: pool)
    }

    /// Has the disk read a block; nothing where there is no such block.
    func readAhead(_ index: Int) {
        guard tensors.indices.contains(index) else { return }
        reading.async { for tensor in tensors[index] { tensor.readAhead() } }
    }

    /// Has the disk read some experts, where they have tensors of their own.
    func readAhead(_ experts: Range<Int>, of block: Int) {
        let names = model.expertTensors(block: block)
        let group = experts.clamped(to: 0..<names.count)
        reading.async {
            for name in names[group].joined() { model.checkpoint.tensor(named: name)?.readAhead() }
        }
    }

    /// Hidden states that are yet to be restored.
    func zeroed(_ windows: TokenWindows) throws -> HiddenStates {
        try HiddenStates(
            windows: windows, width: model.configuration.hiddenSize,
            keptWidth: model.configuration.kept.width, scratchDirectory: scratchDirectory)
    }

    /// Zeros, `[tokens, columns]`, where hidden states are.
    /// - Parameter columns: nil: `hidden_size`.
    func zeros(_ tokens: Int, columns: Int? = nil) throws -> Matrix {
        try HiddenStates.matrix(
            tokens, columns ?? model.configuration.hiddenSize, scratchDirectory)
    }

    /// The first hidden states of every window.
    package func embedded(_ windows: TokenWindows) throws -> HiddenStates {
        let states = try zeroed(windows)
        let embedding = try model.embedding(input: precision.input)
        try pool.forEach(windows.count) { index in
            try embedding.embed(windows[index], into: states[index])
            states.release(index)
        }
        embedding.release()
        return states
    }

    /// Moves all hidden states one block on, in place.
    @discardableResult
    func advance(_ states: HiddenStates, through block: Block) throws -> Cost {
        try run(block, states, sequences: states.windows.count, to: .inPlace)
    }

    /// Runs a block on the calibration's windows and gathers what is needed of its inputs.
    ///
    /// - Parameters:
    ///   - destination: what becomes of the block's output.
    ///   - dense: what the dense model's layers read of the same tokens.
    func gather(
        _ needs: [Tap: InputNeeds], of block: Block, from states: HiddenStates,
        to destination: Forward.Destination, beside dense: [Tap: Matrix] = [:]
    ) throws -> (statistics: [Tap: Statistics], cost: Cost) {
        let gatherer = InputGatherer(needs, states.windows, dense: dense)
        let cost = try run(
            block, states, sequences: states.windows.count, to: destination,
            observe: { gatherer.add($0, $1, $2) })
        return (gatherer.finish(), cost)
    }

    /// Rooms for what the dense model's layers read of all tokens of a stream.
    func rooms(_ needs: [Tap: InputNeeds], tokens: Int) throws -> [Tap: Matrix] {
        try needs.filter { $0.value.hasDense }.mapValues {
            try zeros(tokens, columns: $0.features)
        }
    }

    /// Fills these rooms as the stream goes by; nil where there are none.
    func filling(_ rooms: [Tap: Matrix], length: Int) -> Forward.Observer? {
        if rooms.isEmpty { return nil }
        return { tap, input, tile in
            guard let room = rooms[tap] else { return }
            let start = tile.sequence * length + tile.rows.lowerBound
            let rows = start..<(start + tile.rows.count)
            room.rows(rows).copy(from: input)
            room.release(rows)
        }
    }

    /// Runs a block on the first sequences.
    ///
    /// - Parameter finished: called after each tile, from any thread.
    func run(
        _ block: Block, _ states: HiddenStates, sequences: Int,
        to destination: Forward.Destination, observe: Forward.Observer? = nil,
        finished: @escaping @Sendable (Tile) -> Void = { _ in }
    ) throws -> Cost {
        let length = states.windows.length
        // Sequences that go to the end of the block, and those that do not.
        var (whole, others) = (sequences, 0)
        var isCounted = !block.isMixture
        switch destination {
        case .inPlace: states.awaitReaders()
        case .middle(let matrix, _, _, _, _):
            if matrix === states.matrix { states.awaitReaders() }
        case .first(let matrix):
            whole = min(sequences, matrix.rows / max(1, length))
            others = sequences - whole
        case .step(let step, _, _, _, _):
            if step != .enter { states.awaitReaders() }
            // All steps together are one pass.
            if step == .end { others = states.windows.count - sequences } else { whole = 0 }
            isCounted = isCounted && step == .mix
        }
        let counts = isCounted
        let start = ContinuousClock.now
        try forward.run(
            block, states.matrix, length: length, sequences: sequences,
            tokens: states.windows.tokens, kept: states.kept, destination: destination,
            observe: observe,
            finished: { tile in
                finished(tile)
                try watch.checkStop()
                // The experts are most of a mixture.
                if counts { watch.did(tile.rows.count) }
            })
        return Cost(
            seconds: (ContinuousClock.now - start) / .seconds(1),
            flops: model.flops(sequences: whole, length, through: block)
                + model.flops(
                    sequences: others, length, through: block, endsBeforeLast: true))
    }
}
