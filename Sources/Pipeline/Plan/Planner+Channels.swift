import Checkpoint
import Manifests
import Pruning
import Transformer

extension Planner {
    /// What structured pruning by a method comes to in the model, and the checkpoint that this
    /// makes.
    static func channelTreatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, sparsity: Double,
        _ selection: [Set<LayerKey>]
    ) throws -> Treatment {
        let prune = manifest.prune
        guard let dense = model.uniformShape else {
            throw PlanError(
                place: model.checkpoint.directory,
                reason: model.configuration.mixture == nil
                    ? .blocksDiffer(family: model.architecture.name)
                    : .mixtureChannels(family: model.architecture.name))
        }
        let selected = try selectedForChannels(model, manifest, selection)
        // The layers whose columns go; they decide which.
        let deciding = selected.intersection([.output, .down])
        func choice(_ role: Role, carriesBias: Bool) -> Method.Choice {
            let size = role == .output ? model.configuration.heads[0].groupSize : 1
            return method.forChannels(size: size).choose(
                for: Method.Layer(inputIsNormalised: false, carriesBias: carriesBias),
                compensation: prune.compensation)
        }
        let biases = BiasPlan(
            model,
            wanted: deciding.filter { choice($0, carriesBias: true).compensation.needsBias },
            allowsNative: prune.bias != .none, allowsRelabel: prune.bias == .auto)
        func choice(_ role: Role) -> Method.Choice {
            choice(role, carriesBias: biases.policy(LayerKey(role)) != .none).because(
                biases.obstacle)
        }
        let possible = deciding.filter { choice($0).compensation.needsBias }
        let written = biases.written(used: possible)
        let heads = selected.contains(.output) ? model.smallerHeadCounts(as: written) : []
        let candidates = ChannelShape(
            model, dense, heads: heads,
            removesChannels: selected.contains(.down) && model.storesIntermediateSize)
        let shape = candidates.shape(sparsity: sparsity)
        // What rounding to whole channels may add to it.
        if sparsity > candidates.largestSparsity + 0.02 {
            throw PlanError(
                place: manifest.name,
                reason: .channels(sparsity: sparsity, most: candidates.largestSparsity))
        }
        let changed = Set(
            model.layers(block: 0).filter {
                model.shape($0, block: 0, in: shape) != model.shape($0, block: 0)
            }.map(\.role))
        let layers = model.blocks.map { block in
            model.layers(block: block).map { key in
                let decided = choice(key.role.isInAttention ? .output : .down)
                return LayerPlan(
                    name: model.layerName(key, block: block), block: block, key: key,
                    choice: !changed.contains(key.role)
                        ? nil : deciding.contains(key.role) ? decided : decided.followed,
                    policy: biases.policy(key))
            }
        }
        let used = possible.intersection(changed)
        let shapes = model.blocks.map { _ in shape }
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: used, shapes: shapes,
            headsKept: selected.contains(.output) && heads.isEmpty
                ? "its configuration, \(written.name), has no other number of heads of this size"
                : nil,
            layout: try layout(model, biases, used: used, shapes: shapes))
    }

    /// The roles of which layers change, alike in every block.
    /// - Throws: `PlanError` where `targets` and `ignore` cut through what belongs together.
    private static func selectedForChannels(
        _ model: Model, _ manifest: Manifest, _ selection: [Set<LayerKey>]
    ) throws -> Set<Role> {
        var result: Set<Role> = []
        for isInAttention in manifest.prune.heads ? [true, false] : [false] {
            let keys = model.blocks.map { block in
                model.layers(block: block).filter { $0.role.isInAttention == isInAttention }
            }
            let isSelected = zip(selection, keys).contains { !$0.isDisjoint(with: $1) }
            guard isSelected else { continue }
            for (block, selected) in selection.enumerated() {
                if let key = keys[block].first(where: { !selected.contains($0) }) {
                    throw PlanError(
                        place: manifest.name,
                        reason: .partOfChannels(
                            layer: model.layerName(key, block: block),
                            part: isInAttention ? "attention" : "feed-forward"))
                }
            }
            result.formUnion(keys.joined().map(\.role))
        }
        if result.isEmpty {
            throw PlanError(
                place: manifest.name,
                reason: .noChannels(
                    example: model.layerName(LayerKey(.down), block: 0), heads: manifest.prune.heads
                ))
        }
        return result
    }
}
