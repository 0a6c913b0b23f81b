import Checkpoint
import Documents
import Manifests
import Posix
import Pruning
import Reports
import Synchronization
import Tensors
import Transformer

/// Writes one output: each block while the next is computed, then the report.
final class OutputWriter: LaneWriter {
    let plan: Plan
    let output: Plan.Output
    private let state: Mutex<OutputProgress>
    private let partial: PartialDirectory
    private let directory: OutputDirectory
    let writer: CheckpointWriter
    let statistics: StatisticsWriter?
    let writes: WriteBehind
    /// `[blocks][tensors of the block]`, of the source.
    private let blockTensors: [[TensorView]]
    private let watch: Watch

    /// Makes the partial output with every file of weights at its full size, and begins to copy
    /// what is outside the blocks.
    convenience init(
        _ plan: Plan, _ output: Plan.Output, in partial: PartialDirectory, watch: Watch
    ) throws {
        let directory = try OutputDirectory(
            output.name, number: output.number, in: partial, overwrite: output.overwrite)
        try self.init(
            plan, output, partial, directory, watch, OutputProgress(),
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
    /// - Parameters:
    ///   - begun: what that knew, and where it wrote.
    ///   - firstBlock: blocks before it are written.
    convenience init(
        resuming plan: Plan, _ output: Plan.Output, in partial: PartialDirectory,
        watch: Watch, _ begun: BegunOutput, firstBlock: Int
    ) throws {
        let directory = try OutputDirectory(
            resuming: output.name, number: output.number, begun.identity, in: partial,
            overwrite: output.overwrite)
        let tensors = plan.model.tensorsByBlock.blocks.dropFirst(firstBlock).joined().map(\.name)
        let layers = output.treatment.layers.dropFirst(firstBlock).joined().flatMap {
            [
                plan.model.weightPlace($0.key, block: $0.block).name,
                plan.model.biasPlace($0.key, block: $0.block).name,
            ]
        }
        try self.init(
            plan, output, partial, directory, watch, begun.progress,
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
        _ directory: OutputDirectory, _ watch: Watch, _ progress: OutputProgress,
        writer: CheckpointWriter, statistics: StatisticsWriter?
    ) throws {
        self.partial = partial
        self.plan = plan
        self.output = output
        self.directory = directory
        self.writer = writer
        self.statistics = statistics
        self.watch = watch
        state = Mutex(progress)
        blockTensors = plan.model.tensorsByBlock.blocks
        writes = WriteBehind(watch)
    }

    /// The new `config.json`; nil where it stays as it is.
    private static func config(_ plan: Plan, _ output: Plan.Output) -> Node? {
        let config = plan.model.checkpoint.config
        let treatment = output.treatment
        let biased = treatment.biases.edit(config, used: treatment.usedRoles)
        var edited = plan.model.edit(biased, for: treatment.widths)
        if let cut = treatment.blocks?.cut { edited = plan.model.edit(edited, for: cut) }
        return edited == plan.model.checkpoint.storedConfig ? Node?.none : edited
    }

    /// Other files that change, by name.
    private static func settings(_ output: Plan.Output) -> [String: Node] {
        let treatment = output.treatment
        guard let node = treatment.biases.tokenizerSettings(used: treatment.usedRoles) else {
            return [:]
        }
        return [TokenizerLabel.settingsFile: node]
    }

    var progress: OutputProgress { state.withLock { $0 } }

    /// As a snapshot is to know it.
    var begun: BegunOutput { BegunOutput(progress: progress, identity: identity) }

    /// Which its directory keeps where it is published.
    var identity: FileIdentity { directory.identity }

    /// Of the evaluation's pass through the dense blocks, where this output has measured it.
    var denseSeconds: Double? { state.withLock { $0.denseSeconds } }

    /// What this output adds to a trade-off curve.
    var curvePoint: ReportDocument.Point {
        let progress = progress
        var point = ReportDocument.Point()
        point.method = output.treatment.method.name
        point.sparsity = output.sparsity
        point.output = output.path
        point.zeros = progress.zeros + plan.weightsGone(from: output)
        point.multiplyAdds = plan.multiplyAddsLeft(in: output, progress)
        point.bytes = output.treatment.layout.tensorBytes
        point.note(progress.comparison)
        return point
    }

    /// Adds what a survey has cost, which is no output's own.
    func add(_ survey: Cost) { state.withLock { $0.add(survey) } }

    /// Writes what is left when all blocks are done.
    func finish(_ comparison: Comparison?) throws {
        state.withLock { $0.comparison = comparison }
        try writes.drain()
        try writer.finish { _ in try watch.checkStop() }
        try statistics?.finish()
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

    /// - Parameter submitter: see `OutputDirectory`.
    func publish(for submitter: UInt32?) throws { try directory.publish(for: submitter) }

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

    /// See `WriteBehind`.
    func hold() { writes.hold() }

    func release() { writes.release() }

    /// Makes all of it durable.
    func syncAll() throws { try directory.directory.syncTree() }

    /// Nothing more is written to it.
    func leave() { writes.end() }

    /// Copies, in the background, those of the source's tensors that were not written.
    func copy(_ tensors: [TensorView]) throws {
        try writes.add { [writer] check in try writer.copy(tensors) { _ in try check() } }
    }

    func begin(_ block: Int) throws { try copyShared(block) }

    /// Writes a layer in the background.
    func write(_ result: LayerResult) throws {
        try store(result)
        state.withLock { $0.add(result) }
    }

    func write(_ experts: ExpertsResult) { state.withLock { $0.add(experts) } }

    func settle() throws { try writes.drain() }

    func finish(_ block: BlockResult) throws {
        try plan.checkInputs()
        state.withLock { $0.add(block) }
        // The next block takes the memory of this one.
        try writes.drain()
        try copy(blockTensors[block.index])
    }

    /// A flag that gives some layers a bias gives it to all that it covers.
    private func writeZeroBiases() throws {
        let changed = Set(
            output.treatment.layers.joined().filter {
                $0.choice?.compensation.needsBias == true
            }.map(\.name))
        let treatment = output.treatment
        for added in Planner.addedBiases(
            plan.model, treatment.biases, treatment.usedRoles, treatment.shapes,
            treatment.blocks?.cut)
        where added.layer.map({ !changed.contains($0) }) ?? true {
            let zeros = [Float](repeating: 0, count: added.tensor.shape[0])
            try writer.write(added.tensor.name, weights: Matrix(row: zeros))
        }
    }
}
