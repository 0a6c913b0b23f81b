import Checkpoint
import Tensors

/// Where weights or biases of a layer stand in the checkpoint.
package struct TensorPlace: Sendable, Hashable {
    /// The tensor's name.
    package let name: String
    /// Which of the experts' that are one tensor; nil: the tensor is the layer's alone.
    package let part: Int?
    /// The tensor has rows where the layer has columns.
    package let isTransposed: Bool

    init(_ name: String, part: Int? = nil, isTransposed: Bool = false) {
        self.name = name
        self.part = part
        self.isTransposed = isTransposed
    }
}

extension Model {
    package func isMixture(_ block: Int) -> Bool { configuration.mixture?.blocks[block] ?? false }

    /// The layers of a block, in the order of the forward pass. Blocks may have different ones.
    package func layers(block: Int) -> [LayerKey] {
        guard isMixture(block), let mixture = configuration.mixture else {
            return architecture.roles.filter { has($0, block: block) }.map { LayerKey($0) }
        }
        let experts = (0..<mixture.experts).flatMap { expert in
            expertRoles.map { LayerKey($0, expert: expert) }
        }
        return commonLayers(block: block) + experts
    }

    /// The layers of a block but for its experts'.
    package func commonLayers(block: Int) -> [LayerKey] {
        guard isMixture(block), let shared = architecture.mixture?.shared,
            configuration.mixture?.sharedSize != nil
        else {
            let roles = architecture.roles.filter { !isMixture(block) || $0.isInAttention }
            return (roles + (isMixture(block) ? [.router] : [])).filter { has($0, block: block) }
                .map { LayerKey($0) }
        }
        let attention = architecture.roles.filter(\.isInAttention)
        let gate: [Role] = shared.gate == nil ? [] : [.sharedGate]
        return (attention + [.router] + gate + shared.layers.keys.sorted())
            .filter { has($0, block: block) }.map { LayerKey($0) }
    }

    /// The roles of each expert's layers, as the checkpoint holds them.
    package var expertRoles: [Role] {
        switch expertForm {
        case nil: []
        case .single(_, let layers): layers.keys.sorted()
        case .fused: [.gateUp, .down]
        }
    }

    /// How the layers of all experts lie in one tensor; nil where each has its own.
    var expertOrder: Architecture.Mixture.FusedOrder? {
        if case .fused(_, _, let order) = expertForm { order } else { nil }
    }

    /// A layer as the checkpoint has it, e.g. `model.layers.0.mlp.down_proj`. Where experts are one
    /// tensor it has each expert's number: `model.layers.0.mlp.experts.3.down_proj`.
    package func layerName(_ layer: LayerKey, block: Int) -> String {
        blockName(innerName(layer, block: block), block)
    }

    /// Whether a layer has a bias in this checkpoint.
    package func hasBias(_ layer: LayerKey, block: Int) -> Bool {
        if layer.expert != nil { return architecture.mixture?.biases.contains(layer.role) ?? false }
        if layer.role == .router { return architecture.mixture?.routerHasBias ?? false }
        return layer.role != .sharedGate && configuration.biases.contains(layer.role)
    }

    package func weightPlace(_ layer: LayerKey, block: Int) -> TensorPlace {
        guard let expert = layer.expert, let order = expertOrder else {
            return TensorPlace(
                "\(layerName(layer, block: block)).weight",
                isTransposed: architecture.storesColumns)
        }
        let name = blockName(fusedName(layer.role) + order.suffix, block)
        let plain = [configuration.mixture?.experts ?? 0] + shape(layer, block: block).dimensions
        let isPlain = order.mayBePlain && checkpoint.tensor(named: name)?.shape == plain
        return TensorPlace(name, part: expert, isTransposed: order.isTransposed && !isPlain)
    }

    package func biasPlace(_ layer: LayerKey, block: Int) -> TensorPlace {
        guard let expert = layer.expert, let order = expertOrder else {
            return TensorPlace("\(layerName(layer, block: block)).bias")
        }
        return TensorPlace(
            blockName(fusedName(layer.role) + order.biasSuffix, block), part: expert)
    }

    /// The tensor with a layer's weights, checked.
    /// - Throws: `CheckpointError` where it is missing or misshapen.
    package func weightTensor(_ layer: LayerKey, block: Int) throws(CheckpointError) -> TensorView {
        let place = weightPlace(layer, block: block)
        let shape = shape(layer, block: block)
        return try checkpoint.expect(place.name, shape: stored(shape, at: place))
    }

    /// The tensor with a layer's bias, checked.
    /// - Throws: `CheckpointError` where it is missing or misshapen.
    package func biasTensor(_ layer: LayerKey, block: Int) throws(CheckpointError) -> TensorView {
        let place = biasPlace(layer, block: block)
        return try checkpoint.expect(
            place.name, shape: experts(place) + [shape(layer, block: block).rows])
    }

    /// The shape of the tensor at a place with weights of such a shape.
    package func stored(_ shape: Shape, at place: TensorPlace) -> [Int] {
        experts(place)
            + (place.isTransposed ? [shape.columns, shape.rows] : shape.dimensions)
    }

    /// The dimension of a tensor that is all experts'.
    package func experts(_ place: TensorPlace) -> [Int] {
        place.part == nil ? [] : [configuration.mixture?.experts ?? 0]
    }

    func blockName(_ inner: String, _ block: Int) -> String {
        name("\(architecture.names.blocks).\(block).\(inner)")
    }

    /// Of a tensor that is all experts', inside a block.
    private func fusedName(_ role: Role) -> String {
        guard case .fused(let gateUp, let down, _) = expertForm else { return "" }
        return role == .down ? down : gateUp
    }

    private func innerName(_ layer: LayerKey, block: Int) -> String {
        let mixture = architecture.mixture
        if let expert = layer.expert {
            if case .single(let prefix, let layers) = expertForm {
                return "\(prefix).\(expert).\(layers[layer.role] ?? "")"
            }
            let parts = fusedName(layer.role).split(separator: ".")
            return (parts.dropLast() + ["\(expert)"] + parts.suffix(1)).joined(separator: ".")
        }
        switch layer.role {
        case .router: return routerName
        case .sharedGate: return mixture?.shared?.gate ?? ""
        case let role where role.isInAttention || !isMixture(block):
            return architecture.names.layers[role] ?? ""
        default: return mixture?.shared?.layers[layer.role] ?? ""
        }
    }

    /// The family's form of which there are tensors, and its router's name; the first where there
    /// are none.
    static func experts(
        _ checkpoint: Checkpoint, _ architecture: Architecture,
        _ configuration: ModelConfiguration, _ prefix: Prefix
    ) -> (form: Architecture.Mixture.Form?, router: String) {
        guard let mixture = architecture.mixture,
            let block = configuration.mixture?.blocks.firstIndex(of: true)
        else { return (nil, "") }
        func isThere(_ inner: String) -> Bool {
            let full = "\(architecture.names.blocks).\(block).\(inner)"
            return checkpoint.tensor(named: prefix.name(full)) != nil
        }
        let form = mixture.forms.first { form in
            switch form {
            case .single(let prefix, let layers):
                isThere("\(prefix).0.\(layers[.down] ?? "").weight")
            case .fused(_, let down, let order): isThere("\(down)\(order.suffix)")
            }
        }
        let router = mixture.routers.first { isThere("\($0).weight") }
        return (form ?? mixture.forms.first, router ?? mixture.routers.first ?? "")
    }
}

extension Model {
    /// Whether a layer is pruned only where somebody names it: routers, and shared experts.
    package func isReserved(_ layer: LayerKey, block: Int) -> Bool {
        isMixture(block) && layer.expert == nil && !layer.role.isInAttention
    }
}

extension Model {
    /// The names of the tensors of each expert that are its alone, `[experts]`.
    package func expertTensors(block: Int) -> [[String]] {
        guard expertOrder == nil, let mixture = configuration.mixture else { return [] }
        return (0..<mixture.experts).map { expert in
            expertRoles.map { weightPlace(LayerKey($0, expert: expert), block: block).name }
        }
    }
}
