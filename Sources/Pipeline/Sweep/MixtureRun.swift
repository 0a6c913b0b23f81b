import Pruning
import Synchronization
import Tensors
import Transformer

/// One mixture's block on its way: the streams that go through it, and what is known of its inputs.
struct MixtureRun {
    let index: Int
    private let sweep: Sweep
    /// Of the layers that all tokens go through.
    var statistics: [Tap: Statistics] = [:]
    /// Of all tokens, as an expert's first layers would read them; nil until some expert needs it.
    var pooled: Statistics?
    /// The calibration through the dense block: what the experts are measured on; nil where they
    /// are not.
    private(set) var source: MixtureStream?
    /// Those of the evaluation through the dense block.
    private(set) var dense: [MixtureStream] = []
    /// Those through the pruned block, of each lane: the calibration's, where that follows it, and
    /// the evaluation's.
    private(set) var pruned: [[MixtureStream]]
    /// The block's norms, which stay.
    var norms: Block
    private(set) var seconds: [Progress.Phase: Double] = [:]
    private let isMeasured: Bool
    /// Rows of the calibration whose outputs are compared.
    private let comparedRows: Int

    init(_ sweep: Sweep, _ index: Int, states: HiddenStates?) throws {
        self.sweep = sweep
        self.index = index
        pruned = sweep.lanes.map { _ in [] }
        isMeasured =
            states != nil && sweep.known == nil
            && sweep.lanes.contains { $0.layers[index].contains { $0.choice != nil } }
        comparedRows =
            states.map { Sweep.comparedSequences($0.windows) * $0.windows.length } ?? 0
        norms = try sweep.model.norms(index, input: sweep.precision.input)
    }

    private var experts: Int { sweep.model.configuration.mixture?.experts ?? 1 }

    /// The calibration and the evaluation through the dense attention.
    mutating func measure(
        _ block: Block, _ states: HiddenStates?, dense: [HiddenStates], _ observer: SweepObserver
    ) throws {
        if sweep.known != nil {
            statistics =
                try sweep.measure(block, states: nil, observer: observer)?.statistics ?? [:]
        } else if let states, isMeasured || !sweep.sequential {
            if !sweep.sequential { states.awaitReaders() }
            let plans = sweep.lanes.flatMap { lane in
                lane.layers[index].filter { $0.key.expert == nil && $0.choice != nil }
            }
            let middle =
                sweep.sequential ? try sweep.zeroed(states.windows).matrix : states.matrix
            let sums =
                sweep.sequential
                ? Matrix(rows: comparedRows, columns: middle.columns)
                : try sweep.zeroed(states.windows).matrix
            let stream = MixtureStream(
                middle: middle, routes: routes(states), sums: sums, phase: .pruning)
            statistics = try sweep.gather(
                plans, block, states,
                destination: .middle(
                    middle, stream.routes, sums: sums,
                    observesShared: plans.contains { $0.key.stage == .down }),
                compared: 0, observer: observer)
            source = stream
        }
        for states in dense {
            self.dense.append(
                try enter(states, through: block, .denseEvaluation, observer, rows: nil))
        }
    }

    /// The calibration and the evaluation of a lane through the pruned attention.
    mutating func move(
        _ block: Block, _ states: HiddenStates?, pruned: [HiddenStates], lane: Int,
        _ observer: SweepObserver
    ) throws {
        if let states, sweep.sequential, isMeasured || !sweep.isLast(index) {
            self.pruned[lane].append(
                try enter(
                    states, through: block, .pruning, observer,
                    rows: sweep.isLast(index) ? comparedRows : nil))
        }
        for states in pruned {
            self.pruned[lane].append(
                try enter(states, through: block, .prunedEvaluation, observer, rows: nil))
        }
    }

    private func routes(_ states: HiddenStates) -> Routes {
        Routes(
            tokens: states.matrix.rows,
            perToken: sweep.model.configuration.mixture?.expertsPerToken ?? 1)
    }

    /// - Parameter rows: of which the output is wanted; nil: of all.
    private mutating func enter(
        _ states: HiddenStates, through block: Block, _ phase: Progress.Phase,
        _ observer: SweepObserver, rows: Int?
    ) throws -> MixtureStream {
        states.awaitReaders()
        let start = ContinuousClock.now
        defer { seconds[phase, default: 0] += (ContinuousClock.now - start) / .seconds(1) }
        let sums =
            try rows.map { Matrix(rows: $0, columns: states.matrix.columns) }
            ?? sweep.zeroed(states.windows).matrix
        let stream = MixtureStream(
            middle: states.matrix, routes: routes(states), sums: sums, phase: phase)
        let (length, model) = (states.windows.length, sweep.model)
        try sweep.forward.run(
            block, states.matrix, length: length,
            sequences: rows.map { $0 / length } ?? states.windows.count,
            destination: .middle(
                states.matrix, stream.routes, sums: sums, observesShared: false),
            finished: { tile in
                try observer.advance(
                    0, model.flops(tile, length, through: block), phase, block.index)
            })
        return stream
    }

    /// Streams through some experts.
    mutating func advance(
        _ streams: [MixtureStream], through group: ExpertGroup, _ observer: SweepObserver
    ) throws {
        for stream in streams {
            let start = ContinuousClock.now
            try sweep.forward.run(
                group, of: norms, stream.middle, stream.routes.tokens(of: group.experts),
                addingTo: stream.sums,
                finished: { _ in try observer.advance(0, 0, stream.phase, group.block) })
            try count(group.experts, stream, observer)
            seconds[stream.phase, default: 0] += (ContinuousClock.now - start) / .seconds(1)
        }
    }

    /// For progress: as large a share of the stream's tokens as these experts are of all.
    func count(
        _ group: Range<Int>, _ stream: MixtureStream, _ observer: SweepObserver
    ) throws {
        let tokens = stream.routes.tokens
        let done = tokens * group.upperBound / experts - tokens * group.lowerBound / experts
        try observer.advance(done, 0, stream.phase, index)
    }

    /// Adds what the experts have made, once all have run.
    /// - Returns: how far the pruned block's output is from the dense one's, where that was
    ///   measured.
    func finish(
        _ states: HiddenStates?, dense: [HiddenStates], pruned: [[HiddenStates]],
        _ observers: [SweepObserver]
    ) throws -> Difference? {
        let forward = sweep.forward
        for stream in self.dense + self.pruned.joined() {
            try forward.add(stream.sums, to: stream.middle, rows: stream.sums.rows)
        }
        guard let source else { return nil }
        try forward.add(source.sums, to: source.middle, rows: source.sums.rows)
        guard sweep.sequential, let states else { return nil }
        let total = Mutex(Difference())
        let reduction = OrderedReduction<Difference> { part in total.withLock { $0 += part } }
        let size = Tile.size
        try sweep.pool.forEach((comparedRows + size - 1) / size) { piece in
            let rows = (piece * size)..<min(comparedRows, (piece + 1) * size)
            reduction.add(
                Difference(source.middle.rows(rows), states.matrix.rows(rows)), at: piece)
        }
        return total.withLock { $0 }
    }
}
