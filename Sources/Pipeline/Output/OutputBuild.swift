import Checkpoint
import Documents
import Manifests
import Posix
import Pruning
import Reports
import Synchronization
import Tensors
import Transformer

/// One output on its way: runs the sweep, writes each block while the next is computed, then the
/// report.
final class OutputBuild: Sendable {
    let plan: Plan
    let output: Plan.Output
    let state: Mutex<State>
    private let partial: PartialDirectory
    private let directory: OutputDirectory
    private let writer: CheckpointWriter
    private let statistics: StatisticsWriter?
    private let writes: WriteBehind
    /// `[blocks][tensors of the block]`, of the source.
    private let blockTensors: [[TensorView]]

    /// Makes the partial output with every file of weights at its full size, and begins to copy
    /// what is outside the blocks.
    convenience init(
        _ plan: Plan, _ output: Plan.Output, in partial: PartialDirectory, stop: StopCheck,
        checkpoint: JobCheckpoint?
    ) throws {
        let directory = try OutputDirectory(
            output.name, number: output.number, in: partial, overwrite: output.overwrite)
        try self.init(
            plan, output, partial, directory, stop, checkpoint, State(),
            writer: CheckpointWriter(
                output.treatment.layout, into: directory.directory,
                config: Self.config(plan, output), others: Self.settings(output)),
            statistics: plan.manifest.statistics
                ? StatisticsWriter(in: directory.directory, plan, output) : nil)
        do {
            try writeZeroBiases()
            try copy(plan.model.tensorsByBlock.outside)
        } catch {
            writes.end()
            throw error
        }
    }

    /// Goes on with what an earlier process left.
    ///
    /// - Parameter firstBlock: blocks before it are written.
    convenience init(
        resuming plan: Plan, _ output: Plan.Output, in partial: PartialDirectory,
        stop: StopCheck, checkpoint: JobCheckpoint, _ saved: SavedJob.Output, firstBlock: Int
    ) throws {
        let directory = try OutputDirectory(
            resuming: output.name, number: output.number, saved.identity, in: partial,
            overwrite: output.overwrite)
        let tensors = plan.model.tensorsByBlock.blocks.dropFirst(firstBlock).joined().map(\.name)
        let layers = output.treatment.layers.dropFirst(firstBlock).joined().flatMap {
            ["\($0.name).weight", "\($0.name).bias"]
        }
        try self.init(
            plan, output, partial, directory, stop, checkpoint, saved.state,
            writer: CheckpointWriter(
                resuming: output.treatment.layout, in: directory.directory,
                config: Self.config(plan, output), others: Self.settings(output),
                unwritten: Set(tensors + layers)),
            statistics: plan.manifest.statistics
                ? StatisticsWriter(
                    resuming: directory.directory, plan, output, firstBlock: firstBlock) : nil)
        try writeZeroBiases()
    }

    private init(
        _ plan: Plan, _ output: Plan.Output, _ partial: PartialDirectory,
        _ directory: OutputDirectory, _ stop: StopCheck, _ checkpoint: JobCheckpoint?,
        _ state: State, writer: CheckpointWriter, statistics: StatisticsWriter?
    ) throws {
        self.partial = partial
        self.plan = plan
        self.output = output
        self.directory = directory
        self.writer = writer
        self.statistics = statistics
        self.state = Mutex(state)
        blockTensors = plan.model.tensorsByBlock.blocks
        writes = WriteBehind { if checkpoint?.isUnderWay != true { try stop.check() } }
    }

    /// The new `config.json`; nil where it stays as it is.
    private static func config(_ plan: Plan, _ output: Plan.Output) -> Node? {
        let config = plan.model.checkpoint.config
        let treatment = output.treatment
        let biased = treatment.biases.edit(config, used: treatment.usedRoles)
        // Of shapes that differ only the model's own can be said.
        let edited =
            treatment.uniformShape.map { plan.model.edit(biased, for: $0) } ?? biased
        return edited == config ? Node?.none : edited
    }

    /// Other files that change, by name.
    private static func settings(_ output: Plan.Output) -> [String: Node] {
        let treatment = output.treatment
        guard let node = treatment.biases.tokenizerSettings(used: treatment.usedRoles) else {
            return [:]
        }
        return [TokenizerLabel.settingsFile: node]
    }

    /// Which its directory keeps where it is published.
    var identity: FileIdentity { directory.identity }

    /// Of the evaluation's pass through the dense blocks, where this output has measured it.
    var denseSeconds: Double? { state.withLock { $0.denseSeconds } }

    /// What this output adds to a trade-off curve.
    var curvePoint: ReportDocument.Point {
        let (zeros, comparison) = state.withLock { ($0.zeros, $0.comparison) }
        var point = ReportDocument.Point()
        point.method = output.treatment.method.name
        point.sparsity = output.sparsity
        point.output = output.path
        point.zeros = zeros
        point.multiplyAdds = plan.multiplyAdds - zeros
        point.bytes = output.treatment.layout.tensorBytes
        point.note(comparison)
        return point
    }

    /// Runs one sweep for several outputs: a single one where it is sequential.
    ///
    /// - Parameters:
    ///   - shares: what the layers of each output lose; empty where that is the same for all.
    ///   - measuresDense: nil `dense` notwithstanding: see `Sweep`.
    ///   - dense: what an earlier sweep of the same job returned.
    ///   - continuation: where it begins, and how it is kept; nil: with the first block, and not.
    /// - Returns: what the dense model leaves of the evaluation's sequences.
    static func compute(
        _ builds: [OutputBuild], shares: [Survey.Shares], meter: ProgressMeter, stop: StopCheck,
        measuresDense: Bool, dense: [HiddenStates]?, continuation: SweepContinuation?
    ) throws -> [HiddenStates] {
        guard let first = builds.first else { return [] }
        let plan = first.plan
        let prune = plan.manifest.prune
        let sweep = Sweep(
            model: plan.model,
            lanes: builds.enumerated().map { index, build in
                Lane(
                    layers: build.output.treatment.layers, sparsity: build.output.sparsity,
                    allocated: shares.isEmpty ? [:] : shares[index],
                    shapes: build.output.treatment.shapes)
            },
            pattern: prune.pattern, scope: prune.scope,
            seed: plan.manifest.calibration?.seed ?? 0, sequential: prune.sequential,
            calibration: plan.calibration, known: plan.known, evaluation: plan.evaluation,
            measuresDense: measuresDense, precision: plan.precision,
            pool: WorkerPool(width: plan.memory.threads),
            scratchDirectory: plan.memory.usesScratchFile ? first.partial.directory : nil)
        let (dense, comparisons) = try sweep.run(
            builds.map { $0.observer(meter: meter, stop: stop) }, dense: dense,
            continuation: continuation)
        for (build, comparison) in zip(builds, comparisons) {
            build.state.withLock { $0.comparison = comparison }
            meter.advance(0, phase: .writing, block: nil, output: build.label)
            try build.writes.drain()
            try build.writer.finish { _ in try stop.check() }
            try build.statistics?.finish()
        }
        return dense
    }

    /// For progress: what tells the output from the others.
    private var label: (method: String?, sparsity: Double?) {
        let prune = plan.manifest.prune
        return (
            prune.methods.count > 1 ? output.treatment.method.name : nil,
            prune.sparsity.count > 1 ? output.sparsity : nil
        )
    }

    /// For a survey, which is no output's own.
    func surveyObserver(meter: ProgressMeter, stop: StopCheck) -> SweepObserver {
        let observer = observer(meter: meter, stop: stop)
        return SweepObserver(advance: { try observer.advance($0, $1, .survey, $3) })
    }

    private func observer(meter: ProgressMeter, stop: StopCheck) -> SweepObserver {
        SweepObserver(
            layer: { [self] result in
                try write(result)
                state.withLock {
                    $0.layers.append(ReportDocument.Layer(result))
                    $0.zeros += result.outcome.zeros
                }
            },
            block: { [self] result in
                try plan.checkInputs()
                state.withLock { $0.add(result) }
                // The next block takes the memory of this one.
                try writes.drain()
                try copy(blockTensors[result.index])
            },
            advance: { [self] tokens, flops, phase, block in
                try stop.check()
                meter.advance(
                    tokens, phase: phase, block: block,
                    output: phase == .survey ? (nil, nil) : label)
                state.withLock { $0.flops += flops }
            })
    }

    /// - Parameter denseSeconds: as of the job's first output, which has measured it.
    /// - Returns: what others should know of it.
    func writeReport(
        seconds: Double, denseSeconds: Double?, curve: [ReportDocument.Point]
    ) throws -> OutputRecord {
        let document = Report(
            self, seconds: seconds, denseSeconds: denseSeconds, curve: curve
        ).document
        // An earlier attempt may have come so far.
        let target = directory.directory
        let bytes = JSON.encode(document.node)
        try target.replace(Layout.Output.report, bytes + [UInt8(ascii: "\n")])
        // The page is made of what the file says, where numbers that are not finite are null.
        let stored = try JSON.parse(bytes, file: Layout.Output.report)
        if let document = ReportDocument(stored) {
            try target.replace(Layout.Output.page, Array(ReportPage(document).html.utf8))
        }
        let card = ModelCard(document, methodSummary: output.treatment.method.summary)
        try target.replace(Layout.Output.card, Array(card.text.utf8))
        return OutputRecord(path: output.path, identity: identity, report: document)
    }

    func publish() throws {
        try directory.publish(for: plan.job.paths.submitterID)
    }

    /// Writes what waits to be written, and makes durable what was written so far.
    ///
    /// - Parameter withNames: every file and directory, not only the tensors.
    /// - Throws: and ends the job with what it throws: what fsync(2) refuses once must not be tried
    ///   again.
    func sync(withNames: Bool) throws {
        try writes.add { [writer, statistics, directory, partial] _ in
            try writer.sync()
            try statistics?.sync()
            if withNames {
                try directory.directory.syncTree()
                try partial.directory.sync()
                try partial.parent.sync()
            }
        }
        try writes.drain()
    }

    /// Makes all of it durable.
    func syncAll() throws { try directory.directory.syncTree() }

    /// Nothing more is written to it.
    func leave() { writes.end() }

    /// Copies, in the background, those of the source's tensors that were not written.
    private func copy(_ tensors: [TensorView]) throws {
        try writes.add { [writer] check in try writer.copy(tensors) { _ in try check() } }
    }

    /// Writes a layer in the background: its weights stay as they are until the block is done.
    private func write(_ result: LayerResult) throws {
        let name = result.plan.name
        let weights = result.layer.weights
        let isChanged =
            result.outcome.biasChange != nil || result.layer.rows != result.shape.rows
        let bias = isChanged ? result.layer.bias : nil
        try writes.add { [writer] check in
            try writer.write("\(name).weight", weights: weights) { _ in try check() }
            if let bias { try writer.write("\(name).bias", weights: Matrix(row: bias)) }
        }
        // Only here: masks are large.
        if let statistics {
            try writes.add { check in try statistics.write(result) { _ in try check() } }
        }
    }

    /// A flag that gives some layers a bias gives it to all that it covers.
    private func writeZeroBiases() throws {
        let changed = Set(
            output.treatment.layers.joined().filter {
                $0.choice?.compensation.needsBias == true
            }.map(\.name))
        let treatment = output.treatment
        for (layer, tensor) in Plan.addedBiases(
            plan.model, treatment.biases, treatment.usedRoles, treatment.shapes)
        where !changed.contains(layer) {
            let zeros = [Float](repeating: 0, count: tensor.shape[0])
            try writer.write(tensor.name, weights: Matrix(row: zeros))
        }
    }
}
