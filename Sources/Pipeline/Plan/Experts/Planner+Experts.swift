import Checkpoint
import Manifests
import Pruning
import Transformer

extension Planner {
    /// What it comes to in the model that a method takes out experts, and the checkpoint that this
    /// makes.
    ///
    /// The checkpoint has one number of experts for all blocks, so each loses as many; which ones
    /// is known only when the block is there.
    static func expertTreatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, sparsity: Double
    ) throws -> Treatment {
        let plan = try expertPlan(model, manifest, method, sparsity: sparsity)
        let biases = BiasPlan(model, wanted: [], allowsNative: false, allowsRelabel: false)
        let layers = model.blocks.map { block in
            model.layers(block: block).map { key in
                LayerPlan(
                    name: model.layerName(key, block: block), block: block, key: key,
                    choice: key.expert == nil ? nil : method.expertChoice, policy: .none)
            }
        }
        var widths = model.widths
        widths.experts = plan.kept
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: [],
            shapes: model.blockShapes, widths: widths, headsKept: nil, experts: plan,
            layout: try layout(
                model, biases, used: [], shapes: model.blockShapes, experts: plan.kept))
    }

    /// - Throws: `PlanError` where no experts can go, or not as many.
    private static func expertPlan(
        _ model: Model, _ manifest: Manifest, _ method: Method, sparsity: Double
    ) throws -> ExpertPlan {
        func error(_ text: String) -> PlanError {
            PlanError(place: manifest.name, reason: .experts(text))
        }
        guard let mixture = model.configuration.mixture, model.hasExperts,
            let score = method.experts
        else {
            throw error("this model, \(model.architecture.name), has no experts")
        }
        let groups = mixture.groups?.count ?? 1
        let size = mixture.experts / groups
        let gone = Int((sparsity * Double(size)).rounded())
        // Routers that judge groups by two experts need them.
        let usable = mixture.groups?.kept ?? 1
        let least = max(
            mixture.groups == nil ? 1 : 2, (mixture.expertsPerToken + usable - 1) / usable)
        let unit = groups > 1 ? "each of the \(groups) groups of \(size)" : "the \(size) of a block"
        if gone > size - least {
            throw error(
                "sparsity \(sparsity) would leave \(size - gone) experts of \(unit), and a token "
                    + "needs \(least)"
                    + (groups > 1 ? " of each" : "")
                    + ": ask for at most \(Double(size - least) / Double(size))")
        }
        if gone == 0, sparsity > 0 {
            throw error(
                "sparsity \(sparsity) is less than half an expert of \(unit): ask for "
                    + "\(1 / Double(size)) at least")
        }
        if let block = model.blocks.first(where: { model.isMixture($0) }),
            let name = model.unknownExpertTensor(block: block, used: try model.usedTensors())
        {
            throw error("nobody knows what tensor '\(name)' of an expert is for")
        }
        return ExpertPlan(
            score: score, experts: mixture.experts, kept: groups * (size - gone), groups: groups)
    }
}
