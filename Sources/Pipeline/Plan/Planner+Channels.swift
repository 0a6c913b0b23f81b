import Checkpoint
import Manifests
import Pruning
import Transformer

extension Planner {
    /// What structured pruning by a method comes to in the model, and the checkpoint that this
    /// makes.
    static func channelTreatment(
        _ model: Model, _ manifest: Manifest, _ method: Method, sparsity: Double,
        _ selection: Selection
    ) throws -> Treatment {
        let prune = manifest.prune
        let groups = try selectedForChannels(model, manifest, selection)
        func choice(_ group: ChannelGroup, carriesBias: Bool) -> Method.Choice {
            let size = group == .attention ? model.configuration.heads[0].groupSize : 1
            return method.forChannels(size: size).choose(
                for: Method.Layer(inputIsNormalised: false, carriesBias: carriesBias),
                compensation: prune.compensation)
        }
        // Experts that can take a bias have one.
        let common = groups.subtracting([.experts])
        let biases = BiasPlan(
            model,
            wanted: Set(
                common.filter { choice($0, carriesBias: true).compensation.needsBias }
                    .map(\.deciding.role)),
            allowsNative: prune.bias != .none, allowsRelabel: prune.bias == .auto)
        func choice(_ group: ChannelGroup) -> Method.Choice {
            choice(group, carriesBias: biases.policy(group.deciding) != .none)
                .because(biases.obstacle).towards(prune.target)
        }
        let possible = common.filter { choice($0).compensation.needsBias }
        let written = biases.written(used: Set(possible.map(\.deciding.role)))
        let heads = groups.contains(.attention) ? model.smallerHeadCounts(as: written) : []
        let candidates = ChannelShape(
            model, heads: heads, groups: groups.filter { model.widthKey($0) != nil })
        let widths = candidates.widths(sparsity: sparsity)
        // What rounding to whole channels may add to it.
        if sparsity > candidates.largestSparsity + 0.02 {
            throw PlanError(
                place: manifest.name,
                reason: .channels(sparsity: sparsity, most: candidates.largestSparsity))
        }
        let shapes = model.blocks.map { model.blockShape($0, in: widths) }
        let layers = model.blocks.map { block in
            model.layers(block: block).map { key in
                let isChanged =
                    model.shape(key, block: block, in: shapes[block])
                    != model.shape(key, block: block)
                let decided = model.channelGroup(key, block: block).map { choice($0) }
                return LayerPlan(
                    name: model.layerName(key, block: block), block: block, key: key,
                    choice: !isChanged ? nil : key.isDeciding ? decided : decided?.followed,
                    policy: biases.policy(key))
            }
        }
        let changed = Set(
            layers.joined().filter {
                $0.key.expert == nil && $0.choice?.compensation.needsBias == true
            }.map(\.key.role))
        return Treatment(
            method: method, layers: layers, biases: biases, usedRoles: changed, shapes: shapes,
            widths: widths,
            headsKept: groups.contains(.attention) && heads.isEmpty
                ? obstacle(model, written) : nil,
            layout: try layout(model, biases, used: changed, shapes: shapes))
    }

    /// Why no head may go.
    private static func obstacle(_ model: Model, _ written: Architecture) -> String {
        model.hasUniformHeads
            ? "its configuration, \(written.name), has no other number of heads of this size"
            : "its blocks have heads of different numbers or sizes"
    }

    /// Of which channels are to go, alike in every block.
    /// - Throws: `PlanError` where `targets` and `ignore` cut through what belongs together.
    private static func selectedForChannels(
        _ model: Model, _ manifest: Manifest, _ selection: Selection
    ) throws -> Set<ChannelGroup> {
        var result: Set<ChannelGroup> = []
        for group in ChannelGroup.allCases where group != .attention || manifest.prune.heads {
            let keys = model.blocks.map { block in
                model.layers(block: block).filter {
                    model.channelGroup($0, block: block) == group
                }
            }
            let isSelected = zip(selection.layers, keys).contains { !$0.isDisjoint(with: $1) }
            guard isSelected else { continue }
            for (block, selected) in selection.layers.enumerated() {
                if let key = keys[block].first(where: { !selected.contains($0) }) {
                    throw PlanError(
                        place: manifest.name,
                        reason: .partOfChannels(
                            layer: model.layerName(key, block: block),
                            part: group.words))
                }
            }
            result.insert(group)
        }
        if model.isSharedTied { try tieShared(&result, model, manifest, selection) }
        if result.isEmpty {
            let last = model.blocks.lazy.compactMap { block in
                model.layers(block: block).last.map { model.layerName($0, block: block) }
            }.first
            throw PlanError(
                place: manifest.name,
                reason: .noChannels(example: last ?? "", heads: manifest.prune.heads))
        }
        return result
    }

    /// Where the configuration says the shared expert's width in experts, all of them change or
    /// none.
    private static func tieShared(
        _ groups: inout Set<ChannelGroup>, _ model: Model, _ manifest: Manifest,
        _ selection: Selection
    ) throws {
        func first(in layers: [Set<LayerKey>]) -> String? {
            for (block, keys) in layers.enumerated() {
                let shared = keys.sorted().first {
                    model.channelGroup($0, block: block) == .shared
                }
                if let shared { return model.layerName(shared, block: block) }
            }
            return nil
        }
        let key = model.widthKey(.experts) ?? ""
        if groups.contains(.shared), !groups.contains(.experts) {
            throw PlanError(
                place: manifest.name,
                reason: .tiedChannels(
                    layer: first(in: selection.layers) ?? "", key: key, isLeftOut: false))
        }
        guard groups.contains(.experts) else { return }
        if let layer = first(in: selection.ignored) {
            throw PlanError(
                place: manifest.name,
                reason: .tiedChannels(layer: layer, key: key, isLeftOut: true))
        }
        groups.insert(.shared)
    }
}

extension LayerKey {
    /// Whether its columns are the channels, which it decides on.
    fileprivate var isDeciding: Bool { role == .output || role == .down }
}

extension ChannelGroup {
    /// A layer that decides which of its channels go.
    fileprivate var deciding: LayerKey {
        switch self {
        case .attention: LayerKey(.output)
        case .feedForward, .shared: LayerKey(.down)
        case .experts: LayerKey(.down, expert: 0)
        }
    }

    fileprivate var words: String {
        switch self {
        case .attention: "attention"
        case .feedForward: "feed-forward"
        case .experts: "feed-forward of all experts"
        case .shared: "shared expert"
        }
    }
}
