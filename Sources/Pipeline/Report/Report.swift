import Documents
import Manifests
import Posix
import Pruning
import Tensors
import Transformer

/// What was gained and what it cost: `stade-report.json`, whose keys are in docs/report.md.
struct Report: Sendable {
    static let fileName = "stade-report.json"
    /// The same for people: `ReportPage`.
    static let pageName = "stade-report.html"

    /// One output of a job with several.
    struct CurvePoint: Sendable {
        let method: String
        let sparsity: Double
        let output: String
        let zeros: Int
        let multiplyAdds: Int
        let bytes: Int
        /// How the output does beside the dense model; nil without an evaluation.
        let comparison: Comparison?

        var node: Node {
            let node: Node = .object([
                "method": Node(method), "sparsity": Node(sparsity), "output": Node(output),
                "zeros": Node(zeros), "multiply_adds_per_token": Node(multiplyAdds),
                "bytes": Node(bytes),
            ])
            // As they stand in the report of the output itself.
            let perplexity = comparison?.perplexity?.node
            let fidelity = comparison?.fidelity?.node
            let parts: [(String, Node?)] = [
                ("perplexity", perplexity?["pruned"]), ("loss", perplexity?["pruned_loss"]),
                ("ratio_standard_error", perplexity?["ratio_standard_error"]),
                ("next_token_agreement", fidelity?["next_token_agreement"]),
                ("agreement_standard_error", fidelity?["agreement_standard_error"]),
                ("kl_divergence", fidelity?["kl_divergence"]),
                ("kl_standard_error", fidelity?["kl_standard_error"]),
                ("choices_change", comparison?.choices?.change.node),
            ]
            let full = parts.reduce(node) { $0.setting($1.0, to: $1.1 ?? .null) }
            guard let text = perplexity?["pruned_text"] else { return full }
            return full.setting("perplexity_text", to: text)
        }
    }

    let plan: Plan
    let output: Plan.Output
    let state: OutputBuild.State
    let seconds: Double
    let denseSeconds: Double?
    let curve: [CurvePoint]

    init(
        _ build: OutputBuild, seconds: Double, denseSeconds: Double?, curve: [CurvePoint]
    ) {
        plan = build.plan
        output = build.output
        state = build.state.withLock { $0 }
        self.seconds = seconds
        self.denseSeconds = denseSeconds
        self.curve = curve
    }

    var manifest: Manifest { plan.manifest }

    /// Weights of the blocks' linear layers, pruned or not.
    var weights: Int { plan.weights }

    /// Bytes of all tensors of the output, as stored.
    var bytes: Int { output.treatment.layout.tensorBytes }

    /// What they would be if zeros were not stored (and nothing else were in their place).
    var bytesNonzero: Int {
        state.layers.reduce(bytes) { sum, layer in
            // What went with whole channels is not stored.
            if layer.kept != nil { return sum }
            let type = plan.model.checkpoint.tensor(named: "\(layer.name).weight")?.type
            return sum - layer.zeros * (type?.size ?? 0)
        }
    }

    var node: Node {
        var node: Node = .object([
            "version": 1,
            "job": .object(["id": Node(plan.job.id), "name": Node(manifest.name)]),
            "model": .object([
                "path": Node(plan.model.checkpoint.directory),
                "family": Node(plan.model.architecture.name),
                "parameters": Node(plan.model.parameters),
            ]),
            "prune": .object([
                "method": Node(output.treatment.method.name),
                "pattern": Node(manifest.prune.pattern.description),
                "allocation": Node(manifest.prune.allocation.rawValue),
                "scope": Node(manifest.prune.scope.rawValue), "sparsity": Node(output.sparsity),
                "compensation": Node(manifest.prune.compensation?.rawValue ?? "auto"),
                "sequential": Node(manifest.prune.sequential),
            ]),
            "calibration": calibration,
            "layers": Node(state.layers.map(\.node)),
            "blocks": Node(state.blocks.map(Self.block)),
            "perplexity": perplexity, "fidelity": fidelity, "choices": choices,
            "cost": .object([
                "weights": Node(weights), "zeros": Node(state.zeros),
                "parameters_pruned": Node(output.treatment.layout.parameters),
                "bytes_dense": Node(plan.model.checkpoint.bytes), "bytes_pruned": Node(bytes),
                "bytes_nonzero": Node(bytesNonzero),
                "multiply_adds_per_token_dense": Node(plan.multiplyAdds),
                "multiply_adds_per_token_pruned": Node(plan.multiplyAdds - state.zeros),
            ]),
            "speed": speed,
            "resources": resources,
        ])
        if !plan.warnings.isEmpty {
            node = node.setting("warnings", to: Node(plan.warnings.map { Node($0) }))
        }
        if let channels { node = node.setting("channels", to: channels) }
        if manifest.prune.allocation != .uniform {
            let bounds = Survey.bounds(manifest.prune, output.sparsity)
            let prune = (node["prune"] ?? .object([:])).setting(
                "bounds", to: Node([Node(bounds.lowerBound), Node(bounds.upperBound)]))
            node = node.setting("prune", to: prune)
        }
        if !curve.isEmpty { node = node.setting("curve", to: Node(curve.map(\.node))) }
        let skipped = output.treatment.layout.companions.skipped
        if !skipped.isEmpty {
            node = node.setting(
                "files_left_out",
                to: Node(
                    skipped.map {
                        .object(["path": Node($0.path), "reason": Node($0.reason)])
                    }))
        }
        return node
    }

    private var calibration: Node {
        if let known = plan.known, let path = manifest.knownStatistics {
            return .object([
                "source": Node(path), "tokens": Node(known.origin.tokens),
                "pruned": known.origin.pruned.map { Node($0) } ?? .null,
            ])
        }
        guard let windows = plan.calibration, let wanted = manifest.calibration else {
            return .null
        }
        return .object([
            "source": Node(wanted.source.path), "samples": Node(windows.count),
            "length": Node(windows.length), "tokens": Node(windows.tokens.count),
            "seed": Node(Int(clamping: wanted.seed)),
        ])
    }

    private var perplexity: Node {
        guard let windows = plan.evaluation?.windows, let measured = state.comparison?.perplexity
        else { return .null }
        return measured.node
            .setting("source", to: Node(manifest.evaluation?.source?.path ?? ""))
            .setting("tokens", to: Node(plan.evaluation?.windowTokens ?? 0))
            .setting("length", to: Node(windows.length))
    }

    private var fidelity: Node {
        guard let evaluation = plan.evaluation, let measured = state.comparison?.fidelity else {
            return .null
        }
        return measured.node.setting("tokens", to: Node(evaluation.windowTokens))
    }

    private var choices: Node {
        guard let questions = plan.evaluation?.questions, let measured = state.comparison?.choices
        else { return .null }
        return measured.node
            .setting("source", to: Node(manifest.evaluation?.choices ?? ""))
            .setting("questions", to: Node(questions.count))
    }

    private var resources: Node {
        .object([
            "seconds": Node(seconds),
            "peak_memory_bytes": Node(peakResidentMemory()),
            "planned_memory_bytes": Node(plan.memory.bytes),
            "threads": Node(plan.memory.threads), "precision": Node(plan.precision.rawValue),
            "model_flops": Node(state.flops),
            "flops_per_second": Node(seconds > 0 ? state.flops / seconds : 0),
        ])
    }

    private static func block(_ result: BlockResult) -> Node {
        .object([
            "index": Node(result.index),
            "mse": result.meanSquaredError.map { Node($0) } ?? .null,
            "cosine": result.difference.map { Node($0.cosine) } ?? .null,
            "seconds": Node(result.seconds),
        ])
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
