import Checkpoint
import Tensors

extension Model {
    func tensor(_ full: String, _ shape: [Int]) throws -> TensorView {
        try checkpoint.expect("\(full).weight", shape: shape)
    }

    /// The names of a block's norms over all features, each once.
    private func normNames(block: Int) -> Set<String> {
        let names = architecture.names
        return Set(
            [
                configuration.attentionNorm, configuration.feedForwardNorm,
                names.attentionOutputNorm, names.feedForwardOutputNorm,
            ].compactMap { $0.map { blockName($0, block) } })
    }

    /// Reads none of their values: that would have the disk read what lies around each of them.
    /// - Returns: their names.
    func checkNorms(block: Int) throws -> [String] {
        var found = try (normNames(block: block).sorted() + besideNormNames(block: block)).map {
            try normTensors($0)
        }
        for (name, heads) in headNormNames(block: block) {
            guard let name else { continue }
            found += try headNormTensors(blockName(name, block), heads: heads, block: block)
        }
        let latent = try latentNormTensors(block: block)
        found += [latent.query, latent.keyValue].map { ($0, nil) }
        found.append((try deltaNormTensor(block: block), nil))
        found.append((try perLayerNormTensor(block: block), nil))
        return found.flatMap { [$0.weight?.name, $0.bias?.name].compactMap(\.self) }
    }

    func norms(block: Int) throws -> BlockNorms {
        let names = architecture.names
        func read(_ inner: String?) throws -> NormWeights? {
            try inner.map { try norm(blockName($0, block)) }
        }
        let heads = try headNormNames(block: block).map { name, heads in
            try name.map { try headNorm(blockName($0, block), heads: heads, block: block) }
        }
        let values = configuration.headNorms.flatMap { norms in
            norms.includesValues
                ? NormWeights(
                    kind: norms.norm ?? architecture.norm, weight: nil, bias: nil,
                    epsilon: configuration.normEpsilon) : nil
        }
        var norms = BlockNorms(
            attention: try read(configuration.attentionNorm),
            feedForward: try read(configuration.feedForwardNorm),
            attentionOutput: try read(names.attentionOutputNorm),
            feedForwardOutput: try read(names.feedForwardOutputNorm),
            query: heads[0], key: heads[1], value: values,
            beside: try besideNorms(block: block), delta: try deltaNorm(block: block),
            perLayer: try perLayerNorm(block: block))
        try readLatentNorms(block: block, into: &norms)
        return norms
    }

    func norm(_ full: String) throws -> NormWeights {
        try weights(of: [try normTensors(full)], kind: architecture.norm)
    }

    /// The same norm's values one after the other.
    /// - Parameter epsilon: nil: that of the other norms.
    func weights(
        of tensors: [(weight: TensorView?, bias: TensorView?)], kind: Architecture.Norm,
        epsilon: Float? = nil
    ) throws -> NormWeights {
        let shift: Float = kind.isAroundOne ? 1 : 0
        let weights = try tensors.compactMap { try $0.weight?.floats() }
        let biases = try tensors.compactMap { try $0.bias?.floats() }
        return NormWeights(
            kind: kind,
            weight: weights.isEmpty ? nil : weights.joined().map { $0 + shift },
            bias: biases.isEmpty ? nil : Array(biases.joined()),
            epsilon: epsilon ?? configuration.normEpsilon)
    }

    /// What a norm has, each `[hidden_size]` where nothing else is said.
    func normTensors(
        _ full: String, kind: Architecture.Norm? = nil, shape: [Int]? = nil
    ) throws -> (weight: TensorView?, bias: TensorView?) {
        let kind = kind ?? architecture.norm
        guard configuration.normsAffine, kind.hasWeight else { return (nil, nil) }
        let shape = shape ?? [configuration.hiddenSize]
        let weight = try tensor(full, shape)
        guard kind.hasBias else { return (weight, nil) }
        return (weight, try checkpoint.expect("\(full).bias", shape: shape))
    }

    /// Of queries and of keys, with the number of their heads.
    func headNormNames(block: Int) -> [(name: String?, heads: Int)] {
        let isThere =
            configuration.headNorms != nil && configuration.mixers[block] == .attention
        let heads = configuration.heads[block]
        return [
            (isThere ? architecture.names.queryNorm : nil, heads.queries),
            (
                isThere && heads.source == nil ? architecture.names.keyNorm : nil,
                heads.keyValues
            ),
        ]
    }

    func headNormTensors(
        _ full: String, heads: Int, block: Int
    ) throws -> [(weight: TensorView?, bias: TensorView?)] {
        guard let norms = configuration.headNorms else { return [] }
        let size = configuration.heads[block].dimension
        switch norms.extent {
        case .head: return [try normTensors(full, kind: norms.norm, shape: [size])]
        case .whole: return [try normTensors(full, kind: norms.norm, shape: [heads * size])]
        case .ownHead: return [try normTensors(full, kind: norms.norm, shape: [heads, size])]
        case .numberedHead:
            return try (0..<heads).map {
                try normTensors("\(full).\($0)", kind: norms.norm, shape: [size])
            }
        }
    }

    private func headNorm(_ full: String, heads: Int, block: Int) throws -> NormWeights {
        try weights(
            of: try headNormTensors(full, heads: heads, block: block),
            kind: configuration.headNorms?.norm ?? architecture.norm)
    }

    /// The tensors of a nonlinearity with weights: a, a', b and the bound of exponents.
    func activationTensors(block: Int) throws -> [TensorView] {
        guard case .learned = configuration.activation, let inner = architecture.names.activation
        else { return [] }
        let place = blockName(inner, block)
        return try [("alpha_p", [1]), ("alpha_n", [1]), ("beta", []), ("eps", [])].map {
            try checkpoint.expect("\(place).\($0)", shape: $1)
        }
    }

    func activation(block: Int) throws -> BlockActivation {
        guard case .fixed(let activation) = configuration.activation else {
            let values = try activationTensors(block: block).map { try $0.floats()[0] }
            return .learned(
                LearnedActivation(
                    alphaP: values[0], alphaN: values[1], beta: values[2], epsilon: values[3]))
        }
        return .fixed(activation)
    }

    /// The bias of the head; nil where the family has none.
    var headBias: TensorView? {
        get throws {
            guard configuration.headHasBias else { return nil }
            return try checkpoint.expect(headBiasName, shape: [configuration.vocabSize])
        }
    }

    package var headBiasName: String { ownHeadName.dropLast("weight".count) + "bias" }

    /// A score for each query head of a block; nil where the family has none.
    func sinkTensor(block: Int) throws(CheckpointError) -> TensorView? {
        guard let inner = architecture.names.sinks else { return nil }
        return try checkpoint.expect(
            blockName(inner, block), shape: [configuration.numAttentionHeads])
    }
}

extension Architecture.Norm {
    var isAroundOne: Bool { self == .rmsAroundOne || self == .layerAroundOne }
    var hasWeight: Bool { self != .layerWithoutWeights }
    fileprivate var hasBias: Bool { self == .layer || self == .layerAroundOne }
}
