import Checkpoint
import Manifests
import Pruning
import Tensors
import Transformer

extension Plan {
    /// What a method comes to in the model, and the checkpoint that this makes.
    static func treatment(
        _ model: Model, _ manifest: Manifest, _ method: Method
    ) throws -> Treatment {
        let (layers, biases) = try planLayers(model, manifest, method)
        let used = Set(
            layers.joined().filter { $0.choice?.compensation.needsBias == true }.map(\.role))
        var edits = addedBiases(model, biases, used).map { layer, tensor in
            CheckpointLayout.Edit.add(tensor, after: "\(layer).weight")
        }
        if model.storesTiedHead {
            edits.append(.remove("\(model.architecture.names.head).weight"))
        }
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: used,
            layout: try CheckpointLayout(model.checkpoint, edits: edits))
    }

    /// What is done to each layer: the method, resolved by what the family can carry.
    private static func planLayers(
        _ model: Model, _ manifest: Manifest, _ method: Method
    ) throws -> ([[LayerPlan]], BiasPlan) {
        let prune = manifest.prune
        let targets = try prune.targets.map { try Regex($0) }
        let ignored = try prune.ignore.map { try Regex($0) }
        func isSelected(_ name: String) -> Bool {
            targets.contains { name.firstMatch(of: $0) != nil }
                && !ignored.contains { name.firstMatch(of: $0) != nil }
        }
        var selected: [[(name: String, role: Role)?]] = []
        var wanted: Set<Role> = []
        for block in 0..<model.configuration.numHiddenLayers {
            selected.append(
                model.architecture.roles.map { role in
                    let name = model.layerName(role, block: block)
                    return isSelected(name) ? (name, role) : nil
                })
        }
        for (_, role) in selected.joined().compactMap({ $0 }) where !wanted.contains(role) {
            let layer = Method.Layer(
                inputIsNormalised: role.tap.isNormalised, carriesBias: true)
            let choice = method.choose(for: layer, compensation: prune.compensation)
            if choice.compensation.needsBias { wanted.insert(role) }
        }
        let biases = BiasPlan(
            model, wanted: wanted, allowsNative: prune.bias != .none,
            allowsRelabel: prune.bias == .auto)
        let plans = selected.enumerated().map { block, layers in
            zip(model.architecture.roles, layers).map { role, layer in
                let policy = biases.policy(role)
                let traits = Method.Layer(
                    inputIsNormalised: role.tap.isNormalised, carriesBias: policy != .none)
                return LayerPlan(
                    name: model.layerName(role, block: block), block: block, role: role,
                    choice: layer.map { _ in
                        method.choose(for: traits, compensation: prune.compensation)
                    },
                    policy: policy)
            }
        }
        guard plans.joined().contains(where: { $0.choice != nil }) else {
            throw PlanError(
                place: manifest.name,
                reason: .noTargets(
                    example: model.layerName(model.architecture.roles[0], block: 0)))
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
        _ model: Model, _ biases: BiasPlan, _ used: Set<Role>
    ) -> [(layer: String, tensor: TensorInfo)] {
        let added = biases.rolesWithBias(used: used).subtracting(model.configuration.biases)
        return (0..<model.configuration.numHiddenLayers).flatMap { block in
            added.sorted().map { role in
                let layer = model.layerName(role, block: block)
                return (
                    layer,
                    TensorInfo(
                        name: "\(layer).bias", type: model.biasType(role, block: block),
                        shape: [model.shape(role)[0]])
                )
            }
        }
    }
}
