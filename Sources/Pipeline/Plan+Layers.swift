import Checkpoint
import Manifests
import Pruning
import Tensors
import Transformer

extension Plan {
    /// What each method comes to in the model with each sparsity.
    static func treatments(_ model: Model, _ manifest: Manifest) throws -> [[Treatment]] {
        let sparsities = manifest.prune.sparsity
        let selected = try selection(model, manifest)
        return try manifest.prune.methods.map { method in
            if manifest.prune.pattern == .channels {
                return try sparsities.map {
                    try channelTreatment(model, manifest, method, sparsity: $0, selected)
                }
            }
            let treatment = try treatment(model, manifest, method, selected)
            return sparsities.map { _ in treatment }
        }
    }

    /// What a method comes to in the model, and the checkpoint that this makes.
    private static func treatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, _ selected: [Set<Role>]
    ) throws -> Treatment {
        let (layers, biases) = try planLayers(model, manifest, method, selected)
        let used = Set(
            layers.joined().filter { $0.choice?.compensation.needsBias == true }.map(\.role))
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: used,
            shape: model.blockShape, headsKept: nil,
            layout: try layout(model, biases, used: used, shape: model.blockShape))
    }

    /// The checkpoint with biases for the layers of `used` and blocks of this shape.
    static func layout(
        _ model: Model, _ biases: BiasPlan, used: Set<Role>, shape: BlockShape
    ) throws -> CheckpointLayout {
        var edits = addedBiases(model, biases, used, shape).map { layer, tensor in
            CheckpointLayout.Edit.add(tensor, after: "\(layer).weight")
        }
        if model.storesTiedHead {
            edits.append(.remove(model.ownHeadName))
        }
        for role in model.architecture.roles {
            let (old, new) = (model.shape(role), model.shape(role, in: shape))
            if old == new { continue }
            for block in 0..<model.configuration.numHiddenLayers {
                let layer = model.layerName(role, block: block)
                edits.append(.resize("\(layer).weight", to: new))
                if old[0] != new[0], model.configuration.biases.contains(role) {
                    edits.append(.resize("\(layer).bias", to: [new[0]]))
                }
            }
        }
        return try CheckpointLayout(
            model.checkpoint, edits: edits, checked: model.usedTensors())
    }

    static func noTargets(_ model: Model, _ manifest: Manifest) -> PlanError {
        PlanError(
            place: manifest.name,
            reason: .noTargets(example: model.layerName(model.architecture.roles[0], block: 0)))
    }

    /// What is done to each layer: the method, resolved by what the family can carry.
    private static func planLayers(
        _ model: Model, _ manifest: Manifest, _ method: Method, _ selected: [Set<Role>]
    ) throws -> ([[LayerPlan]], BiasPlan) {
        let prune = manifest.prune
        var wanted: Set<Role> = []
        for role in selected.reduce(into: Set(), { $0.formUnion($1) }) {
            let layer = Method.Layer(
                inputIsNormalised: role.tap.isNormalised, carriesBias: true)
            let choice = method.choose(for: layer, compensation: prune.compensation)
            if choice.compensation.needsBias { wanted.insert(role) }
        }
        let biases = BiasPlan(
            model, wanted: wanted, allowsNative: prune.bias != .none,
            allowsRelabel: prune.bias == .auto)
        let plans = selected.enumerated().map { block, selected in
            model.architecture.roles.map { role in
                let policy = biases.policy(role)
                let traits = Method.Layer(
                    inputIsNormalised: role.tap.isNormalised, carriesBias: policy != .none)
                return LayerPlan(
                    name: model.layerName(role, block: block), block: block, role: role,
                    choice: selected.contains(role)
                        ? method.choose(for: traits, compensation: prune.compensation)
                            .because(biases.obstacle) : nil,
                    policy: policy)
            }
        }
        guard plans.joined().contains(where: { $0.choice != nil }) else {
            throw noTargets(model, manifest)
        }
        for plan in plans.joined() where plan.choice?.metric.solver == .leastSquares {
            let columns = model.shape(plan.role)[1]
            if columns > ScaledCovariance.maximumFeatures {
                throw PlanError(
                    place: manifest.name,
                    reason: .tooWide(
                        layer: plan.name, columns: columns,
                        limit: ScaledCovariance.maximumFeatures))
            }
        }
        if case .groups(_, let group) = prune.pattern {
            for plan in plans.joined() where plan.choice != nil {
                let columns = model.shape(plan.role)[1]
                if columns % group != 0 {
                    throw PlanError(
                        place: manifest.name,
                        reason: .group(layer: plan.name, columns: columns, group: group))
                }
            }
        }
        return (plans, biases)
    }

    /// The bias tensors that the output has and the source has not, each with its layer's name.
    static func addedBiases(
        _ model: Model, _ biases: BiasPlan, _ used: Set<Role>, _ shape: BlockShape
    ) -> [(layer: String, tensor: TensorInfo)] {
        let added = biases.rolesWithBias(used: used).subtracting(model.configuration.biases)
        return (0..<model.configuration.numHiddenLayers).flatMap { block in
            added.sorted().map { role in
                let layer = model.layerName(role, block: block)
                return (
                    layer,
                    TensorInfo(
                        name: "\(layer).bias", type: model.biasType(role, block: block),
                        shape: [model.shape(role, in: shape)[0]])
                )
            }
        }
    }
}
