import Checkpoint
import Manifests
import Pruning
import Transformer

extension Plan {
    /// What structured pruning by a method comes to in the model, and the checkpoint that this
    /// makes.
    static func channelTreatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, sparsity: Double,
        _ selection: [Set<Role>]
    ) throws -> Treatment {
        let prune = manifest.prune
        let selected = try selectedForChannels(model, manifest, selection)
        // The layers whose columns go; they decide which.
        let deciding = selected.intersection([.output, .down])
        func choice(_ role: Role, carriesBias: Bool) -> Method.Choice {
            let size = role == .output ? model.configuration.groupSize : 1
            return method.forChannels(size: size).choose(
                for: Method.Layer(inputIsNormalised: false, carriesBias: carriesBias),
                compensation: prune.compensation)
        }
        let biases = BiasPlan(
            model,
            wanted: deciding.filter { choice($0, carriesBias: true).compensation.needsBias },
            allowsNative: prune.bias != .none, allowsRelabel: prune.bias == .auto)
        func choice(_ role: Role) -> Method.Choice {
            choice(role, carriesBias: biases.policy(role) != .none).because(biases.obstacle)
        }
        let possible = deciding.filter { choice($0).compensation.needsBias }
        let written = biases.written(used: possible)
        let heads = selected.contains(.output) ? model.smallerHeadCounts(as: written) : []
        let shapes = ChannelShape(
            model, heads: heads, removesChannels: selected.contains(.down))
        let shape = shapes.shape(share: sparsity)
        // What rounding to whole channels may add to it.
        if sparsity > shapes.largestShare + 0.02 {
            throw PlanError(
                place: manifest.name,
                reason: .channels(share: sparsity, most: shapes.largestShare))
        }
        let changed = model.architecture.roles.filter {
            model.shape($0, in: shape) != model.shape($0)
        }
        let layers = (0..<model.configuration.numHiddenLayers).map { block in
            model.architecture.roles.map { role in
                let decided = choice(role.isInAttention ? .output : .down)
                return LayerPlan(
                    name: model.layerName(role, block: block), block: block, role: role,
                    choice: !changed.contains(role)
                        ? nil : deciding.contains(role) ? decided : decided.followed,
                    policy: biases.policy(role))
            }
        }
        let used = possible.intersection(changed)
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: used, shape: shape,
            headsKept: selected.contains(.output) && heads.isEmpty
                ? "its configuration, \(written.name), has no other number of heads of this size"
                : nil,
            layout: try layout(model, biases, used: used, shape: shape))
    }

    /// The roles of which layers change, alike in every block.
    /// - Throws: `PlanError` where `targets` and `ignore` cut through what belongs together.
    private static func selectedForChannels(
        _ model: Model, _ manifest: Manifest, _ selection: [Set<Role>]
    ) throws -> Set<Role> {
        var result: Set<Role> = []
        for isInAttention in manifest.prune.heads ? [true, false] : [false] {
            let roles = model.architecture.roles.filter { $0.isInAttention == isInAttention }
            let isSelected = selection.contains { !$0.isDisjoint(with: roles) }
            guard isSelected else { continue }
            for (block, selected) in selection.enumerated() {
                if let role = roles.first(where: { !selected.contains($0) }) {
                    throw PlanError(
                        place: manifest.name,
                        reason: .partOfChannels(
                            layer: model.layerName(role, block: block),
                            part: isInAttention ? "attention" : "feed-forward"))
                }
            }
            result.formUnion(roles)
        }
        if result.isEmpty {
            throw PlanError(
                place: manifest.name,
                reason: .noChannels(
                    example: model.layerName(.down, block: 0), heads: manifest.prune.heads))
        }
        return result
    }
}

extension ModelConfiguration {
    /// Features of the attention's output that belong to one key/value head.
    var groupSize: Int { headsPerGroup * headDim }
}
