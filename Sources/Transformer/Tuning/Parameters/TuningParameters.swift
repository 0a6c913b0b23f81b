import Tensors

/// All of a block that is tuned, and what stays as it is.
final class TuningParameters: Sendable {
    let block: Block
    /// Those of experts, too.
    let layers: [LayerKey: LayerParameter]
    let norms: [NormPlace: NormParameter]
    /// Of the second embedding, which stay as they are; nil where the block reads none.
    let perLayer: (gate: LayerParameter, output: LayerParameter)?

    /// - Parameters:
    ///   - experts: all of the block's; nil: it has none.
    ///   - tuned: the layers that are tuned; all others stay, and routers do.
    init(
        _ block: Block, experts: ExpertGroup?, tuned: Set<LayerKey>, model: Model
    ) throws {
        self.block = block
        let index = block.index
        let all = block.layers.merging(experts?.layers ?? [:]) { layer, _ in layer }
        layers = try all.reduce(into: [:]) { layers, entry in
            let (key, layer) = entry
            layers[key] = LayerParameter(
                layer, isTuned: tuned.contains(key) && key.isTunable,
                type: try model.weightType(key, block: index),
                biasType: model.biasType(key, block: index))
        }
        func fixed(_ layer: Linear) -> LayerParameter {
            LayerParameter(layer, isTuned: false, type: .float32, biasType: .float32)
        }
        perLayer = block.end?.perLayer.map { (fixed($0.gate), fixed($0.output)) }
        let shared = model.sharesBlockNorm && model.configuration.isParallel
        norms = try NormPlace.allCases.reduce(into: [:]) { norms, place in
            // One norm is tuned once.
            if place == .feedForward, shared { return }
            guard let norm = block.norms[place] else { return }
            norms[place] = NormParameter(
                norm, try model.tensors(of: place, block: index),
                features: model.configuration.heads[index].dimension)
        }
    }

    /// In a fixed order.
    var tuned: [LayerParameter] {
        layers.keys.sorted().compactMap { layers[$0] }.filter(\.isTuned)
    }

    private var places: [NormPlace] { NormPlace.allCases.filter { norms[$0] != nil } }

    var vectors: [VectorParameter] {
        tuned.compactMap(\.bias) + places.flatMap { norms[$0]?.vectors ?? [] }
    }

    /// Has the block run with the parameters as they would be stored, or as they are.
    func use(rounded: Bool) {
        for layer in layers.values { layer.use(rounded: rounded) }
        for vector in vectors { vector.use(rounded: rounded) }
    }

    /// The norms' tensors of the best, as they are stored.
    var stored: [TunedTensor] { places.flatMap { norms[$0]?.stored ?? [] } }

    /// Packed weights are of no use before the end.
    func unpack() {
        for parameter in layers.values { parameter.layer.update(bias: parameter.layer.bias) }
    }

    /// The layers get the best biases, and are packed.
    func finish(pool: WorkerPool) throws {
        for parameter in tuned { parameter.layer.update(bias: parameter.bias?.best) }
        let all = Array(layers.values)
        try pool.forEach(all.count) { all[$0].layer.pack() }
    }

    /// The block with the best norms.
    func best(shared: Bool) -> Block {
        var result = block.norms
        for place in places { result[place] = norms[place]?.best }
        if shared { result.feedForward = result.attention }
        return block.replacing(norms: result)
    }
}

extension LayerKey {
    /// Routers stay: which experts serve a token is no smooth function of their weights.
    package var isTunable: Bool { role != .router }
}
