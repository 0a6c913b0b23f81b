import Manifests
import Posix
import Reports
import Transformer

/// What a report is made of, once an output is complete.
struct Report: Sendable {
    let plan: Plan
    let output: Plan.Output
    let state: OutputProgress
    let seconds: Double
    let denseSeconds: Double?
    let curve: [ReportDocument.Point]

    init(
        _ writer: OutputWriter, seconds: Double, denseSeconds: Double?,
        curve: [ReportDocument.Point]
    ) {
        plan = writer.plan
        output = writer.output
        state = writer.progress
        self.seconds = seconds
        self.denseSeconds = denseSeconds
        self.curve = curve
    }

    var document: ReportDocument {
        var document = ReportDocument()
        document.job.id = plan.id
        document.job.name = manifest.name
        document.model.path = plan.model.checkpoint.directory
        document.model.family = plan.model.architecture.name
        document.model.parameters = plan.model.parameters
        document.prune = prune
        document.calibration = calibration
        document.layers = state.layers
        document.blocks = state.blocks
        document.comparison = comparison
        document.cost = cost
        document.speed = speed
        document.resources = resources
        document.warnings = plan.warnings + expertWarnings
        document.experts = experts
        document.channels = channels
        document.cut = cut
        document.curve = curve
        document.leftOut = output.treatment.layout.companions.skipped.map {
            .init(path: $0.path, reason: $0.reason)
        }
        return document
    }

    private var manifest: Manifest { plan.manifest }

    private var prune: ReportDocument.Prune {
        var prune = ReportDocument.Prune()
        prune.method = output.treatment.method.name
        prune.pattern = manifest.prune.pattern.description
        prune.allocation = manifest.prune.allocation.rawValue
        prune.scope = manifest.prune.scope.rawValue
        prune.sparsity = output.sparsity
        prune.compensation = manifest.prune.compensation?.rawValue ?? "auto"
        prune.sequential = manifest.prune.sequential
        if manifest.prune.order == .stages { prune.stages = true }
        if manifest.prune.target == .dense { prune.target = manifest.prune.target.rawValue }
        if let tuning = plan.tuning {
            prune.tune = .init(
                passes: tuning.settings.passes, rate: tuning.settings.rate,
                heldOut: tuning.split.heldOut.count)
        }
        if manifest.prune.allocation != .uniform {
            let bounds = Survey.bounds(manifest.prune, output.sparsity)
            prune.bounds = [bounds.lowerBound, bounds.upperBound]
        }
        return prune
    }

    private var calibration: ReportDocument.Calibration? {
        var calibration = ReportDocument.Calibration()
        if let known = plan.known, let path = manifest.knownStatistics {
            calibration.source = path
            calibration.tokens = known.origin.tokens
            calibration.pruned = .some(known.origin.pruned)
            return calibration
        }
        guard let windows = plan.calibration, let wanted = manifest.calibration else { return nil }
        calibration.source = wanted.source.path
        calibration.samples = windows.count
        calibration.length = windows.length
        calibration.tokens = windows.tokens.count
        calibration.seed = Int(clamping: wanted.seed)
        return calibration
    }

    /// With what was evaluated.
    private var comparison: Comparison {
        guard let evaluation = plan.evaluation, var comparison = state.comparison else {
            return Comparison()
        }
        if let windows = evaluation.windows {
            comparison.perplexity?.source = manifest.evaluation?.source?.path ?? ""
            comparison.perplexity?.tokens = evaluation.windowTokens
            comparison.perplexity?.length = windows.length
        }
        comparison.fidelity?.tokens = evaluation.windowTokens
        comparison.choices?.source = manifest.evaluation?.choices ?? ""
        comparison.choices?.questions = evaluation.questions?.count
        return comparison
    }

    private var cost: ReportDocument.Cost {
        let layout = output.treatment.layout
        var cost = ReportDocument.Cost()
        cost.weights = plan.weights
        cost.zeros = state.zeros + plan.weightsGone(from: output)
        cost.parametersPruned = layout.parameters
        cost.bytesDense = plan.model.checkpoint.bytes
        cost.bytesPruned = layout.tensorBytes
        // If zeros were not stored, and nothing else were in their place. What went with whole
        // channels is not stored.
        cost.bytesNonzero = state.layers.reduce(layout.tensorBytes) { sum, layer in
            if layer.kept != nil { return sum }
            let type = plan.model.checkpoint.tensor(named: "\(layer.name).weight")?.type
            return sum - layer.zeros * (type?.size ?? 0)
        }
        cost.multiplyAddsDense = plan.multiplyAdds
        cost.multiplyAddsPruned = plan.multiplyAddsLeft(in: output, state)
        return cost
    }

    /// nil except where whole blocks go.
    private var cut: ReportDocument.Cut? {
        guard let blocks = output.treatment.blocks else { return nil }
        let unmapped = blocks.unmapped(plan.model).map { run, reason in
            ReportDocument.Seam(first: run.first, count: run.count, reason: reason)
        }
        return .init(
            removed: blocks.cut.removed, blocks: plan.blocks,
            seams: (state.seams + unmapped).sorted { $0.first < $1.first },
            choice: plan.choices.isEmpty ? nil : plan.choices[output.number - 1],
            cacheBytesDense: plan.model.keyValueBytes(plan.model.blocks),
            cacheBytesPruned: plan.model.keyValueBytes(blocks.cut.kept))
    }

    /// nil without an evaluation.
    private var speed: ReportDocument.Speed? {
        guard let tokens = plan.evaluation?.tokens, let dense = denseSeconds,
            let pruned = state.prunedSeconds, dense > 0, pruned > 0
        else { return nil }
        return .init(dense: Double(tokens) / dense, pruned: Double(tokens) / pruned)
    }

    /// nil except where whole channels go.
    private var channels: ReportDocument.Channels? {
        let treatment = output.treatment
        guard manifest.prune.pattern == .channels else { return nil }
        return .init(
            dense: widths(plan.model.widths), pruned: widths(treatment.widths),
            headsKept: treatment.headsKept)
    }

    private func widths(_ widths: ModelWidths) -> ReportDocument.Widths {
        let configuration = plan.model.configuration
        let group = configuration.numAttentionHeads / configuration.numKeyValueHeads
        return .init(
            intermediate: widths.feedForward, expert: widths.expert,
            shared: plan.model.sharedWidth(in: widths), heads: widths.keyValueHeads * group,
            keyValueHeads: widths.keyValueHeads)
    }

    private var resources: ReportDocument.Resources {
        var resources = ReportDocument.Resources()
        resources.seconds = seconds
        resources.peakMemory = peakResidentMemory()
        resources.plannedMemory = plan.memory.bytes
        resources.threads = plan.memory.threads
        resources.precision = plan.precision.rawValue
        resources.modelFlops = state.flops
        resources.flopsPerSecond = seconds > 0 ? state.flops / seconds : 0
        return resources
    }
}

extension Manifest.Source {
    /// As written in the manifest.
    var path: String {
        switch self {
        case .text(let path), .tokens(let path): path
        }
    }
}

extension Plan {
    /// Weights of the blocks' linear layers, pruned or not.
    fileprivate var weights: Int { model.weights }

    /// Of the dense model per token: all linear layers and the head.
    var multiplyAdds: Int {
        model.multiplyAdds + model.configuration.vocabSize * model.configuration.embeddingSize
    }
}

extension Plan {
    /// Weights of the linear layers of whole blocks that an output is without.
    func weightsGone(from output: Output) -> Int {
        let removed = output.treatment.blocks?.cut.removed ?? []
        return removed.reduce(0) { $0 + model.weights(block: $1, in: model.blockShape($1)) }
    }

    /// Multiply-adds of an output for one token, where zeros in such layers are skipped.
    func multiplyAddsLeft(in output: Output, _ progress: OutputProgress) -> Int {
        let removed = output.treatment.blocks?.cut.removed ?? []
        return removed.reduce(multiplyAdds - spared(by: progress)) {
            $0 - model.multiplyAdds(block: $1, in: model.blockShape($1))
        }
    }

    /// Multiply-adds for one token that the zeros of these layers are: of an expert's as many as
    /// its share of the block's tokens is where all are used alike. An expert that went is a row of
    /// the router less.
    private func spared(by progress: OutputProgress) -> Int {
        let rows = progress.experts.reduce(0) { $0 + $1.gone.count }
        return spared(by: progress.layers) + rows * model.configuration.hiddenSize
    }

    private func spared(by layers: [ReportDocument.Layer]) -> Int {
        guard let mixture = model.configuration.mixture else {
            return layers.reduce(0) { $0 + $1.zeros }
        }
        let (inExperts, others) = layers.reduce(into: (0, 0)) { sums, layer in
            if layer.expert != nil { sums.0 += layer.zeros } else { sums.1 += layer.zeros }
        }
        return others + inExperts * mixture.expertsPerToken / mixture.experts
    }
}
