import Manifests
import Pruning
import Transformer

extension Planner {
    /// The file of statistics that a job has in place of a calibration, with all that its methods
    /// need.
    static func statistics(
        _ path: String, _ model: Model, _ outputs: [Plan.Output], _ job: Job
    ) throws -> StatisticsFile {
        for output in outputs {
            for layer in output.treatment.layers.joined() {
                guard let choice = layer.choice else { continue }
                let isSolved = choice.metric.solver != nil
                guard isSolved || choice.compensation.fitsScale else { continue }
                throw PlanError(
                    place: job.manifest.name,
                    reason: .needsInputs(
                        layer: layer.name, method: output.treatment.method.name,
                        compensation: choice.compensation.rawValue, isSolved: isSolved))
            }
        }
        let file = try StatisticsFile(
            path, of: model, followSymlinks: job.paths.followSymlinks)
        // For an allocation by error what the halves of a block bring must be known, too.
        let needsAll = job.manifest.prune.allocation == .error
        if needsAll,
            let expert = outputs.lazy.flatMap(\.treatment.layers).joined().first(where: {
                $0.key.expert != nil
            })
        {
            throw PlanError(
                place: job.manifest.name, reason: .unknownUse(layer: expert.name))
        }
        for block in outputs.flatMap(\.treatment.layers) {
            let pruned = block.filter { $0.choice != nil }
            try file.check(needsAll && !pruned.isEmpty ? block : pruned)
        }
        return file
    }

    /// What a file of an output's statistics says of where they come from.
    static func origin(
        _ manifest: Manifest, _ model: Model, _ calibration: TokenWindows, _ output: Plan.Output
    ) -> StatisticsFile.Origin {
        let prune = manifest.prune
        let share =
            switch prune.pattern {
            case .unstructured: "sparsity \(output.sparsity)"
            case .channels, .experts: "\(prune.pattern), sparsity \(output.sparsity)"
            case .groups, .blocks: "\(prune.pattern)"
            }
        let shared =
            prune.allocation == .uniform ? "" : ", allocated by \(prune.allocation.rawValue)"
        return StatisticsFile.Origin(
            model: model.digest, tokens: calibration.tokens.count,
            pruned: prune.sequential ? "\(output.treatment.method.name) at \(share)\(shared)" : nil)
    }
}
