import Checkpoint
import Manifests
import Pruning
import Tensors
import Transformer

extension Planner {
    /// What each method comes to in the model with each sparsity.
    static func treatments(_ model: Model, _ manifest: Manifest) throws -> [[Treatment]] {
        let sparsities = manifest.prune.sparsity
        let selected = try selection(model, manifest)
        return try manifest.prune.methods.map { method in
            if manifest.prune.pattern == .blocks {
                return try sparsities.map {
                    try blockTreatment(model, manifest, method, sparsity: $0)
                }
            }
            if manifest.prune.pattern == .channels {
                return try sparsities.map {
                    try channelTreatment(model, manifest, method, sparsity: $0, selected)
                }
            }
            if manifest.prune.pattern == .experts {
                return try sparsities.map {
                    try expertTreatment(model, manifest, method, sparsity: $0)
                }
            }
            let treatment = try treatment(model, manifest, method, selected.layers)
            return sparsities.map { _ in treatment }
        }
    }

    /// What a method comes to in the model, and the checkpoint that this makes.
    private static func treatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, _ selected: [Set<LayerKey>]
    ) throws -> Treatment {
        let (layers, biases) = try planLayers(model, manifest, method, selected)
        let used = Set(
            layers.joined().filter { layer in
                // Experts that can take a bias have one.
                layer.key.expert == nil && layer.choice?.compensation.needsBias == true
            }.map(\.key.role))
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: used,
            shapes: model.blockShapes, widths: model.widths, headsKept: nil,
            layout: try layout(model, biases, used: used, shapes: model.blockShapes))
    }

    /// The checkpoint with biases for the layers of `used` and blocks of these shapes.
    /// - Parameters:
    ///   - cut: blocks that go; nil: none.
    ///   - experts: how many stay in each mixture; nil: all.
    static func layout(
        _ model: Model, _ biases: BiasPlan, used: Set<Role>, shapes: [BlockShape],
        cut: BlockCut? = nil, experts: Int? = nil
    ) throws -> CheckpointLayout {
        var edits = addedBiases(model, biases, used, shapes, cut).map { added in
            CheckpointLayout.Edit.add(added.tensor, after: added.weights)
        }
        if model.storesTiedHead {
            edits.append(.remove(model.ownHeadName))
        }
        for block in model.blocks {
            edits += resized(model, block, to: shapes[block])
            if let experts { edits += try model.keepingExperts(experts, block: block) }
        }
        guard let cut else {
            return try CheckpointLayout(
                model.checkpoint, edits: edits, checked: model.usedTensors())
        }
        let tensors = model.tensorsByBlock.blocks
        edits += cut.removed.flatMap { tensors[$0] }.map { CheckpointLayout.Edit.remove($0.name) }
        return try CheckpointLayout(
            model.checkpoint, edits: edits, checked: model.usedTensors(),
            rename: { model.name($0, without: cut) })
    }

    /// The tensors of a block whose shapes change with the block's; where experts are one tensor,
    /// that once.
    private static func resized(
        _ model: Model, _ block: Int, to shape: BlockShape
    ) -> [CheckpointLayout.Edit] {
        var edits: [CheckpointLayout.Edit] = []
        var names: Set<String> = []
        for key in model.layers(block: block) {
            let old = model.shape(key, block: block)
            let new = model.shape(key, block: block, in: shape)
            if old == new { continue }
            let weights = model.weightPlace(key, block: block)
            if names.insert(weights.name).inserted {
                edits.append(.resize(weights.name, to: model.stored(new, at: weights)))
            }
            guard old.rows != new.rows, model.hasBias(key, block: block) else { continue }
            let bias = model.biasPlace(key, block: block)
            if names.insert(bias.name).inserted {
                edits.append(.resize(bias.name, to: model.experts(bias) + [new.rows]))
            }
        }
        return edits
    }

    static func noTargets(_ model: Model, _ manifest: Manifest) -> PlanError {
        PlanError(
            place: manifest.name,
            reason: .noTargets(
                example: model.layers(block: 0).first.map { model.layerName($0, block: 0) } ?? ""))
    }

    /// What is done to each layer: the method, resolved by what the family can carry.
    private static func planLayers(
        _ model: Model, _ manifest: Manifest, _ method: Method, _ selected: [Set<LayerKey>]
    ) throws -> ([[LayerPlan]], BiasPlan) {
        let prune = manifest.prune
        var wanted: Set<Role> = []
        for key in selected.reduce(into: Set(), { $0.formUnion($1) }) {
            let layer = Method.Layer(
                inputIsNormalised: model.isNormalised(key.stage), carriesBias: true)
            let choice = method.choose(for: layer, compensation: prune.compensation)
            if choice.compensation.needsBias { wanted.insert(key.role) }
        }
        let biases = BiasPlan(
            model, wanted: wanted, allowsNative: prune.bias != .none,
            allowsRelabel: prune.bias == .auto)
        let plans = selected.enumerated().map { block, selected in
            model.layers(block: block).map { key in
                let policy = biases.policy(key)
                let traits = Method.Layer(
                    inputIsNormalised: model.isNormalised(key.stage), carriesBias: policy != .none)
                return LayerPlan(
                    name: model.layerName(key, block: block), block: block, key: key,
                    choice: selected.contains(key)
                        ? method.choose(for: traits, compensation: prune.compensation)
                            .because(biases.obstacle).towards(prune.target) : nil,
                    policy: policy)
            }
        }
        guard plans.joined().contains(where: { $0.choice != nil }) else {
            throw noTargets(model, manifest)
        }
        for plan in plans.joined() where plan.choice?.metric.solver == .leastSquares {
            let columns = model.shape(plan.key, block: plan.block).columns
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
                let columns = model.shape(plan.key, block: plan.block).columns
                if columns % group != 0 {
                    throw PlanError(
                        place: manifest.name,
                        reason: .group(layer: plan.name, columns: columns, group: group))
                }
            }
        }
        return (plans, biases)
    }

    /// A bias tensor that the output has and the source has not.
    struct AddedBias {
        let tensor: TensorInfo
        /// The tensor of the layer's weights.
        let weights: String
        /// The layer's name; nil: the head's, which is not pruned.
        let layer: String?
    }

    static func addedBiases(
        _ model: Model, _ biases: BiasPlan, _ used: Set<Role>, _ shapes: [BlockShape],
        _ cut: BlockCut?
    ) -> [AddedBias] {
        let biased = biases.rolesWithBias(used: used)
        let ofLayers = (cut?.kept ?? Array(model.blocks)).flatMap { block in
            model.layers(block: block).filter { key in
                key.expert == nil && biased.contains(key.role) && !model.hasBias(key, block: block)
            }.map { key in
                let layer = model.layerName(key, block: block)
                return AddedBias(
                    tensor: TensorInfo(
                        name: "\(layer).bias", type: model.biasType(key, block: block),
                        shape: [model.shape(key, block: block, in: shapes[block]).rows]),
                    weights: "\(layer).weight", layer: layer)
            }
        }
        guard biases.addsHeadBias(used: used) else { return ofLayers }
        let head = TensorInfo(
            name: model.headBiasName, type: .float32, shape: [model.configuration.vocabSize])
        return ofLayers + [AddedBias(tensor: head, weights: model.headName, layer: nil)]
    }
}
