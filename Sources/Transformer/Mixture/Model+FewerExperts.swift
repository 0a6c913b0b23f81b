import Checkpoint
import Tensors

/// What changes in a checkpoint where a block has fewer experts.
extension Model {
    package var hasExperts: Bool { blocks.contains { isMixture($0) } }

    /// Tensors with an entry for each of a block's experts that are no expert's own: the router's
    /// weights and bias, what is added to the scores by which is chosen, and factors of outputs.
    private func routerTensors(block: Int) throws -> [TensorView] {
        let beside = try besideTensors(block: block)
        var tensors: [TensorView] = []
        if beside.isEmpty {
            let router = LayerKey(.router)
            tensors.append(try weightTensor(router, block: block))
            if hasBias(router, block: block) {
                tensors.append(try biasTensor(router, block: block))
            }
        } else {
            tensors += [beside[0], beside[2]]
        }
        let correction = try correctionTensor(block: block)
        return tensors + [correction].compactMap(\.self)
    }

    /// The parts of these tensors that some experts have, in order.
    package func routerTensors(block: Int, of experts: [Int]) throws -> [TunedTensor] {
        let count = configuration.mixture?.experts ?? 1
        return try routerTensors(block: block).map { tensor in
            let values = try tensor.floats()
            let width = values.count / count
            return TunedTensor(
                name: tensor.name,
                values: experts.flatMap { values[($0 * width)..<(($0 + 1) * width)] })
        }
    }

    /// How the checkpoint changes where a block keeps so many experts, which get the first numbers.
    package func keepingExperts(_ kept: Int, block: Int) throws -> [CheckpointLayout.Edit] {
        guard let mixture = configuration.mixture, isMixture(block), kept < mixture.experts else {
            return []
        }
        var edits = try routerTensors(block: block).map { tensor in
            // Some have a dimension of one group before it.
            let place = tensor.shape.firstIndex(of: mixture.experts) ?? 0
            var shape = tensor.shape
            shape[place] = kept
            return CheckpointLayout.Edit.resize(tensor.name, to: shape)
        }
        for role in expertRoles {
            let key = LayerKey(role, expert: 0)
            let places =
                [weightPlace(key, block: block)]
                + (hasBias(key, block: block) ? [biasPlace(key, block: block)] : [])
            for place in places where place.part != nil {
                guard let tensor = checkpoint.tensor(named: place.name) else { continue }
                edits.append(.resize(place.name, to: [kept] + tensor.shape.dropFirst()))
            }
            for expert in kept..<mixture.experts where expertOrder == nil {
                let key = LayerKey(role, expert: expert)
                edits.append(.remove(weightPlace(key, block: block).name))
                if hasBias(key, block: block) {
                    edits.append(.remove(biasPlace(key, block: block).name))
                }
            }
        }
        return edits
    }

    /// A tensor that is some expert's alone and that the model does not compute with: nobody knows
    /// what would have to become of it. nil: there is none.
    package func unknownExpertTensor(block: Int, used: Set<String>) -> String? {
        guard isMixture(block), case .single(let prefix, _) = expertForm else { return nil }
        let start = blockName(prefix, block) + "."
        return checkpoint.tensorNames.first { name in
            name.hasPrefix(start) && !used.contains(name)
                && name.dropFirst(start.count).first?.isNumber == true
        }
    }

    /// Weights of a block's linear layers that go with each expert: its own, and its row of the
    /// router.
    package func weightsOfExpert(block: Int) -> Int {
        let own = expertRoles.reduce(0) {
            $0 + shape(LayerKey($1, expert: 0), block: block).count
        }
        let hasRouter = commonLayers(block: block).contains(LayerKey(.router))
        return own + (hasRouter ? configuration.hiddenSize : 0)
    }
}
