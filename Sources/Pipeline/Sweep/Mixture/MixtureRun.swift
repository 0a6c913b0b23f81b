import Pruning
import Synchronization
import Tensors
import Transformer

/// One mixture's block on its way: the streams that go through it, and what is known of its inputs.
struct MixtureRun {
    let index: Int
    let sweep: Sweep
    /// Of the layers that all tokens go through; where they are known already, of all.
    private(set) var statistics: [Tap: Statistics] = [:]
    /// Of all tokens, as an expert's first layers would read them; nil until some expert needs it.
    var pooled: Statistics?
    /// The calibration through the dense block: what the experts are measured on; nil where they
    /// are not.
    var source: MixtureStream?
    /// The same once it is through; nil before.
    private var compared: MixtureStream?
    /// Those of the evaluation through the dense block, and of the calibration where the sweep
    /// follows it there, too.
    private(set) var dense: [MixtureStream] = []
    /// Those through the pruned block, of each lane: the calibration's, where that follows it, and
    /// the evaluation's.
    var pruned: [[MixtureStream]]
    /// That of the calibration where it goes through the block stage by stage.
    private(set) var staged: MixtureStream?
    /// That of the calibration through the dense block, and what the layers that all tokens go
    /// through read there.
    private(set) var denseCalibration: MixtureStream?
    private var rooms: [Tap: Matrix] = [:]
    /// The block's norms, which stay.
    var norms: Block
    private var costs: [LaneCost]
    private let isMeasured: Bool
    /// Rows of the calibration whose outputs are compared.
    let comparedRows: Int

    init(_ sweep: Sweep, _ index: Int, _ states: HiddenStates?) throws {
        self.sweep = sweep
        self.index = index
        pruned = sweep.lanes.map { _ in [] }
        costs = sweep.lanes.map { _ in LaneCost() }
        isMeasured =
            states != nil && sweep.known == nil
            && sweep.lanes.contains { $0.layers[index].contains { $0.choice != nil } }
        comparedRows =
            states.map { Sweep.comparedSequences($0.windows) * $0.windows.length } ?? 0
        norms = try sweep.model.norms(index, input: sweep.passes.precision.input)
    }

    private var experts: Int { sweep.model.configuration.mixture?.experts ?? 1 }

    func cost(lane: Int) -> LaneCost { costs[lane] }

    /// What tuning has taken.
    mutating func add(_ cost: Cost) { costs[0].calibration += cost }

    /// The calibration and the evaluation through the dense attention.
    mutating func measure(
        _ block: Block, _ states: HiddenStates?, denseCalibration: HiddenStates?,
        dense: [HiddenStates]
    ) throws {
        let label = sweep.lanes[0].label
        sweep.watch.progress(.pruning, block: index, label)
        if let known = sweep.known {
            statistics = known.statistics(of: index)
        } else if let states, sweep.byStages {
            if isMeasured { try compare(block, states) }
        } else if let states, isMeasured || !sweep.sequential {
            let needs = InputNeeds.of(
                sweep.lanes.flatMap { $0.layers[index].filter { $0.key.expert == nil } },
                sweep.model)
            let middle =
                sweep.sequential ? try zeros(states.matrix.rows) : states.matrix
            let rows = sweep.sequential ? comparedRows : nil
            let stream = try stream(states, middle, rows: rows, isCalibration: true)
            let (found, cost) = try sweep.passes.gather(
                needs, of: block, from: states,
                to: .middle(
                    middle, stream.routes, sums: stream.sums, beside: stream.beside,
                    observesShared: needs[Tap(.down)] != nil))
            statistics = found
            costs[0].calibration += cost
            source = stream
        }
        if let denseCalibration {
            if sweep.byStages {
                rooms = try sweep.passes.rooms(
                    InputNeeds.of(
                        sweep.lanes.flatMap { $0.layers[index].filter { $0.key.expert == nil } },
                        sweep.model),
                    tokens: denseCalibration.matrix.rows)
            }
            let (stream, cost) = try enter(
                denseCalibration, through: block, rows: nil, isCalibration: true,
                observe: sweep.passes.filling(
                    rooms, length: denseCalibration.windows.length),
                observesShared: rooms[Tap(.down)] != nil)
            self.denseCalibration = stream
            self.dense.append(stream)
            costs[0].calibration += cost
        }
        if !dense.isEmpty {
            sweep.watch.progress(.denseEvaluation, block: index, label)
            costs[0].dense = Cost()
        }
        for states in dense {
            let (stream, cost) = try enter(states, through: block, rows: nil)
            self.dense.append(stream)
            costs[0].dense? += cost
        }
    }

    /// The sequences that are compared, through the dense attention.
    private mutating func compare(_ block: Block, _ states: HiddenStates) throws {
        let middle = Matrix(rows: comparedRows, columns: states.matrix.columns)
        let stream = try stream(states, middle, rows: comparedRows, isCalibration: true)
        costs[0].calibration += try sweep.passes.run(
            block, states, sequences: comparedRows / states.windows.length,
            to: .middle(
                middle, stream.routes, sums: stream.sums, beside: stream.beside,
                observesShared: false))
        source = stream
    }

    /// The calibration through the attention and the shared expert, stage by stage.
    ///
    /// - Parameters:
    ///   - between: `[tokens, BlockStep.width]`.
    ///   - prune: prunes the layers that read some inputs, and packs them.
    mutating func stage(
        _ block: Block, _ states: HiddenStates, between: Matrix, _ needs: [Tap: InputNeeds],
        prune: (_ taps: [Tap], _ statistics: [Tap: Statistics]) throws -> Void
    ) throws {
        let isLast = sweep.isLast(index)
        let stream = try stream(
            states, states.matrix, rows: isLast ? comparedRows : nil, isCalibration: true)
        for step in BlockStep.all(of: sweep.model) {
            let destination = Forward.Destination.step(
                step, between: between, stream.routes, sums: stream.sums, beside: stream.beside)
            if step == .end {
                costs[0].calibration += try sweep.passes.run(
                    block, states, sequences: stream.sums.rows / states.windows.length,
                    to: destination)
                break
            }
            let taps = step.taps(of: sweep.model)
            let (statistics, cost) = try sweep.passes.gather(
                needs.filter { taps.contains($0.key) }, of: block, from: states, to: destination,
                beside: rooms)
            for tap in taps { rooms[tap] = nil }
            costs[0].calibration += cost
            try prune(taps, statistics)
        }
        staged = stream
    }

    /// The calibration and the evaluation of a lane through the pruned attention.
    mutating func move(
        _ block: Block, _ states: HiddenStates?, pruned: [HiddenStates], lane: Int
    ) throws {
        if let states, sweep.sequential, isMeasured || !sweep.isLast(index) {
            let (stream, cost) = try enter(
                states, through: block, rows: sweep.isLast(index) ? comparedRows : nil,
                isCalibration: true)
            self.pruned[lane].append(stream)
            costs[lane].calibration += cost
        }
        if !pruned.isEmpty {
            sweep.watch.progress(.prunedEvaluation, block: index, sweep.lanes[lane].label)
            costs[lane].pruned = Cost()
        }
        for states in pruned {
            let (stream, cost) = try enter(states, through: block, rows: nil)
            self.pruned[lane].append(stream)
            costs[lane].pruned? += cost
        }
    }

    private func routes(_ states: HiddenStates) -> Routes {
        Routes(
            tokens: states.matrix.rows,
            perToken: sweep.model.configuration.mixture?.expertsPerToken ?? 1)
    }

    /// - Parameter rows: of which the output is wanted; nil: of all.
    func enter(
        _ states: HiddenStates, through block: Block, rows: Int?, isCalibration: Bool = false,
        observe: Forward.Observer? = nil, observesShared: Bool = false
    ) throws -> (MixtureStream, Cost) {
        let stream = try stream(
            states, states.matrix, rows: rows, isCalibration: isCalibration)
        let cost = try sweep.passes.run(
            block, states,
            sequences: rows.map { $0 / states.windows.length } ?? states.windows.count,
            to: .middle(
                states.matrix, stream.routes, sums: stream.sums, beside: stream.beside,
                observesShared: observesShared), observe: observe)
        return (stream, cost)
    }

    func zeros(_ rows: Int) throws -> Matrix { try sweep.passes.zeros(rows) }

    /// - Parameter rows: of which the output is wanted; nil: of all.
    private func stream(
        _ states: HiddenStates, _ middle: Matrix, rows: Int?, isCalibration: Bool
    ) throws -> MixtureStream {
        func sums() throws -> Matrix {
            try rows.map { Matrix(rows: $0, columns: middle.columns) } ?? zeros(middle.rows)
        }
        return MixtureStream(
            middle: middle, routes: routes(states), sums: try sums(),
            beside: norms.isBesideFeedForward ? try sums() : nil,
            tokens: states.windows.tokens, isCalibration: isCalibration)
    }

    /// Streams through some experts.
    func advance(
        _ streams: [MixtureStream], through group: ExpertGroup, _ phase: Progress.Phase,
        _ label: OutputLabel?
    ) throws {
        let watch = sweep.watch
        for stream in streams {
            watch.progress(stream.isCalibration ? .pruning : phase, block: index, label)
            try sweep.passes.forward.run(
                group, of: norms, stream.middle, stream.routes.tokens(of: group.experts),
                addingTo: stream.sums, finished: { _ in try watch.checkStop() })
            did(group.experts, stream)
        }
    }

    /// For progress: as large a share of the stream's tokens as these experts are of all.
    func did(_ group: Range<Int>, _ stream: MixtureStream) {
        let tokens = stream.routes.tokens
        sweep.watch.did(
            tokens * group.upperBound / experts - tokens * group.lowerBound / experts)
    }

    /// Forgets all streams but those of the calibration's tokens whose outputs are compared, which
    /// are through: the pruned block is to run once more.
    mutating func restart() {
        compared = compared ?? source
        (source, staged, dense) = (nil, nil, [])
        pruned = pruned.map { _ in [] }
    }

    /// Adds what the experts have made, once all have run.
    func finish() throws {
        let forward = sweep.passes.forward
        for stream in dense + pruned.joined() + [source, staged].compactMap(\.self) {
            try forward.finish(
                norms, stream.sums, beside: stream.beside, addingTo: stream.middle,
                tokens: stream.tokens, rows: stream.sums.rows)
        }
    }

    /// How far the pruned block's output is from the dense one's; nil where that was not measured.
    func difference(_ states: HiddenStates?) throws -> Difference? {
        guard let source = compared ?? source, sweep.sequential, let states else { return nil }
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
