import Checkpoint
import Pruning
import Tensors
import Transformer

extension OutputWriter {
    /// Writes a layer in the background: its weights stay as they are until the block is done.
    func store(_ result: LayerResult) throws {
        let (key, block) = (result.plan.key, result.plan.block)
        let weights = result.layer.weights
        let isChanged =
            result.outcome.biasChange != nil || result.layer.rows != result.shape.rows
            || result.isTuned
        let bias = isChanged ? result.layer.bias : nil
        try write(weights, bias, key, block: block)
        // Only here: masks are large.
        if let statistics {
            try writes.add { check in try statistics.write(result) { _ in try check() } }
        }
    }

    /// Writes a layer in its place, in the background, as above.
    func write(_ layer: MovedLayer) throws {
        try write(layer.layer.weights, layer.layer.bias, layer.place, block: layer.block)
    }

    /// - Parameter bias: nil: none is written.
    private func write(
        _ weights: Matrix, _ bias: [Float]?, _ key: LayerKey, block: Int
    ) throws {
        let place = plan.model.weightPlace(key, block: block)
        let biasPlace = plan.model.biasPlace(key, block: block)
        try writes.add { [writer] check in
            let stored = place.isTransposed ? weights.transposed() : weights
            try writer.write(place.name, part: place.part, weights: stored) { _ in try check() }
            if let bias {
                try writer.write(
                    biasPlace.name, part: biasPlace.part, weights: Matrix(row: bias))
            }
        }
    }

    /// Writes a tensor in the background.
    func write(_ tensor: TunedTensor) throws {
        try writes.add { [writer] _ in
            try writer.write(tensor.name, weights: Matrix(row: tensor.values))
        }
    }

    /// Copies tensors of a block that are all experts' and of which some parts will not be written.
    func copyShared(_ block: Int) throws {
        let layers = output.treatment.layers[block].filter { $0.key.expert != nil }
        var written: [String: [Bool]] = [:]
        for layer in layers {
            let (key, isPruned) = (layer.key, layer.choice != nil)
            let changesBias =
                layer.choice?.compensation.needsBias == true || isPruned && plan.tuning != nil
            let weights = plan.model.weightPlace(key, block: block)
            if weights.part != nil { written[weights.name, default: []].append(isPruned) }
            guard plan.model.hasBias(key, block: block) else { continue }
            let bias = plan.model.biasPlace(key, block: block)
            if bias.part != nil { written[bias.name, default: []].append(changesBias) }
        }
        let partly = written.filter { $1.contains(true) && $1.contains(false) }
        let tensors = partly.keys.sorted().compactMap {
            plan.model.checkpoint.tensor(named: $0)
        }
        if !tensors.isEmpty { try copy(tensors) }
    }
}
