import Checkpoint
import Documents
import Manifests
import Posix
import Pruning
import Synchronization
import Tensors
import Transformer

/// One output on its way: runs the sweep, writes each layer as it is done, then the report.
final class OutputBuild: Sendable {
    struct State: Sendable {
        var layers: [ReportLayer] = []
        var blocks: [BlockResult] = []
        var zeros = 0
        var flops = 0.0
        var dense: Double?
        var pruned: Double?
    }

    let plan: Plan
    let output: Plan.Output
    let state = Mutex(State())
    private let directory: OutputDirectory
    private let writer: CheckpointWriter
    private let statistics: StatisticsWriter?

    /// Makes the partial output with every file of weights at its full size.
    init(_ plan: Plan, _ output: Plan.Output) throws {
        self.plan = plan
        self.output = output
        directory = try OutputDirectory(
            output: output.path, id: output.partialID, overwrite: output.overwrite,
            followSymlinks: plan.job.paths.followSymlinks)
        do {
            let config = plan.model.checkpoint.config
            let edited = plan.biases.edit(config, used: plan.usedRoles)
            writer = try CheckpointWriter(
                plan.layout, into: directory.partial, config: edited == config ? nil : edited)
            statistics =
                plan.manifest.statistics
                ? try StatisticsWriter(
                    "\(directory.partial)/\(StatisticsWriter.fileName)", plan) : nil
        } catch {
            try? directory.discard()
            throw error
        }
    }

    var densePerplexity: Double? { state.withLock { $0.dense } }

    /// What this output adds to a trade-off curve.
    var curvePoint: Report.CurvePoint {
        let (zeros, pruned) = state.withLock { ($0.zeros, $0.pruned) }
        return Report.CurvePoint(
            sparsity: output.sparsity, output: output.path, zeros: zeros, perplexity: pruned)
    }

    /// Runs one sweep for several outputs: a single one where it is sequential.
    ///
    /// - Parameter densePerplexity: where an earlier sweep of the same job has it already.
    static func compute(
        _ builds: [OutputBuild], meter: ProgressMeter, stop: StopCheck, densePerplexity: Double?
    ) throws {
        guard let first = builds.first else { return }
        let plan = first.plan
        let prune = plan.manifest.prune
        let sweep = Sweep(
            model: plan.model, layers: plan.layers, pattern: prune.pattern,
            sparsities: builds.map(\.output.sparsity), scope: prune.scope,
            seed: plan.manifest.calibration?.seed ?? 0, sequential: prune.sequential,
            calibration: plan.calibration, evaluation: plan.evaluation,
            measuresDense: densePerplexity == nil, precision: plan.precision,
            pool: WorkerPool(width: plan.memory.threads),
            scratchDirectory: plan.memory.usesScratchFile ? first.directory.partial : nil)
        for build in builds { try build.writeZeroBiases() }
        let (dense, pruned) = try sweep.run(
            builds.map { $0.observer(meter: meter, stop: stop) })
        for (build, perplexity) in zip(builds, pruned) {
            build.state.withLock {
                $0.dense = dense ?? densePerplexity
                $0.pruned = perplexity
            }
            try build.writer.finish { _ in
                try stop.check()
                meter.advance(0, phase: .writing, block: nil, sparsity: build.shownSparsity)
            }
            try build.statistics?.finish()
        }
    }

    /// For progress: nil where there is only one output.
    private var shownSparsity: Double? { plan.outputs.count > 1 ? output.sparsity : nil }

    private func observer(meter: ProgressMeter, stop: StopCheck) -> SweepObserver {
        SweepObserver(
            layer: { [self] result in
                try write(result)
                state.withLock {
                    $0.layers.append(ReportLayer(result))
                    $0.zeros += result.outcome.zeros
                }
            },
            block: { [self] result in state.withLock { $0.blocks.append(result) } },
            advance: { [self] tokens, phase, block in
                try stop.check()
                meter.advance(tokens, phase: phase, block: block, sparsity: shownSparsity)
                let length =
                    phase == .pruning ? plan.calibration?.length : plan.evaluation?.length
                state.withLock {
                    $0.flops += plan.model.flops(tokens: tokens, length: length ?? 0)
                }
            })
    }

    func writeReport(seconds: Double, curve: [Report.CurvePoint]) throws {
        let report = Report(self, seconds: seconds, curve: curve)
        try writeFile(
            "\(directory.partial)/\(Report.fileName)",
            JSON.encode(report.node) + [UInt8(ascii: "\n")])
        try writeFile(
            "\(directory.partial)/README.md", Array(ModelCard(report).text.utf8))
    }

    func publish() throws { try directory.publish() }

    /// Removes what is left of the partial output; what cannot be removed is found by the next
    /// attempt of the same job.
    func discard() { try? directory.discard() }

    private func write(_ result: LayerResult) throws {
        let name = result.plan.name
        let layer = result.layer
        let type = try plan.model.weightType(result.plan.role, block: result.plan.block)
        try writer.write(
            "\(name).weight", layer.weights.start, count: layer.rows * layer.columns, type)
        if result.outcome.biasChange != nil, let bias = layer.bias {
            let type = plan.model.biasType(result.plan.role, block: result.plan.block)
            try writer.write("\(name).bias", bias, count: bias.count, type)
        }
        try statistics?.write(result)
    }

    /// A flag that gives some layers a bias gives it to all that it covers.
    private func writeZeroBiases() throws {
        let changed = Set(
            plan.layers.joined().filter { $0.choice?.compensation.needsBias == true }
                .map(\.name))
        for (layer, tensor) in Plan.addedBiases(plan.model, plan.biases, plan.usedRoles)
        where !changed.contains(layer) {
            let zeros = [Float](repeating: 0, count: tensor.shape[0])
            try writer.write(tensor.name, zeros, count: zeros.count, tensor.type)
        }
    }
}

extension CheckpointWriter {
    /// Writes float32 values as `type`, to which they have been rounded already.
    fileprivate func write(
        _ name: String, _ values: UnsafePointer<Float>, count: Int, _ type: ElementType
    ) throws {
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: count * type.size, alignment: 64)
        defer { bytes.deallocate() }
        encode(values, count: count, type, into: bytes)
        try write(name, UnsafeRawBufferPointer(bytes))
    }
}
