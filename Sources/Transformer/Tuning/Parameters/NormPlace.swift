import Checkpoint

/// Where a block has a norm.
enum NormPlace: Sendable, Hashable, CaseIterable {
    case attention, feedForward, attentionOutput, feedForwardOutput
    /// Over the heads.
    case query, key, value
    /// Over the latents of queries, and of keys and values.
    case queryLatent, keyValueLatent
    /// Over what each head of the delta rule makes.
    case delta
    /// Over what is made of the second embedding.
    case perLayer
    /// Of a mixture that stands beside a feed-forward: over what experts read, over the sum of what
    /// they make, and over what the feed-forward makes.
    case experts, expertsOutput, shared

    /// Of an attention.
    var isOverHeads: Bool { self == .query || self == .key || self == .value }
}

extension BlockNorms {
    subscript(place: NormPlace) -> NormWeights? {
        get {
            switch place {
            case .attention: attention
            case .feedForward: feedForward
            case .attentionOutput: attentionOutput
            case .feedForwardOutput: feedForwardOutput
            case .query: query
            case .key: key
            case .value: value
            case .queryLatent: queryLatent
            case .keyValueLatent: keyValueLatent
            case .delta: delta
            case .perLayer: perLayer
            case .experts: beside?.experts
            case .expertsOutput: beside?.output
            case .shared: beside?.shared
            }
        }
        set {
            switch place {
            case .attention: attention = newValue
            case .feedForward: feedForward = newValue
            case .attentionOutput: attentionOutput = newValue
            case .feedForwardOutput: feedForwardOutput = newValue
            case .query: query = newValue
            case .key: key = newValue
            case .value: value = newValue
            case .queryLatent: queryLatent = newValue
            case .keyValueLatent: keyValueLatent = newValue
            case .delta: delta = newValue
            case .perLayer: perLayer = newValue
            case .experts: if let newValue { beside?.experts = newValue }
            case .expertsOutput: if let newValue { beside?.output = newValue }
            case .shared: if let newValue { beside?.shared = newValue }
            }
        }
    }
}

extension Model {
    /// The name of a norm over all features, inside of a block; nil: there is none.
    private func normName(_ place: NormPlace) -> String? {
        switch place {
        case .attention: configuration.attentionNorm
        case .feedForward: configuration.feedForwardNorm
        case .attentionOutput: architecture.names.attentionOutputNorm
        case .feedForwardOutput: architecture.names.feedForwardOutputNorm
        default: nil
        }
    }

    /// Whether a block has such a norm, by the configuration alone.
    func has(_ place: NormPlace, block: Int) -> Bool {
        switch place {
        case .query, .key: headNormName(place, block: block) != nil
        case .value: configuration.headNorms?.includesValues ?? false
        case .queryLatent: configuration.latent?.queryRank != nil
        case .keyValueLatent: configuration.latent != nil
        case .delta: configuration.mixers[block] == .deltaRule
        case .perLayer: configuration.perLayerSize > 0
        case .experts, .expertsOutput, .shared: isBesideFeedForward && isMixture(block)
        default: normName(place) != nil
        }
    }

    /// Whether it has weights.
    func hasWeights(_ place: NormPlace) -> Bool {
        if place == .value { return false }
        if place == .delta || place == .perLayer { return true }
        let kind =
            place.isOverHeads
            ? configuration.headNorms?.norm ?? architecture.norm : architecture.norm
        return configuration.normsAffine && kind.hasWeight
    }

    /// Whether attention and feed-forward read what one norm makes.
    var sharesBlockNorm: Bool {
        configuration.attentionNorm != nil
            && configuration.attentionNorm == configuration.feedForwardNorm
    }

    /// The tensors of a block's norm, one after the other.
    func tensors(
        of place: NormPlace, block: Int
    ) throws -> [(weight: TensorView?, bias: TensorView?)] {
        if let name = normName(place) { return [try normTensors(blockName(name, block))] }
        switch place {
        case .queryLatent: return [(try latentNormTensors(block: block).query, nil)]
        case .keyValueLatent: return [(try latentNormTensors(block: block).keyValue, nil)]
        case .delta: return try deltaNormTensor(block: block).map { [($0, nil)] } ?? []
        case .perLayer: return try perLayerNormTensor(block: block).map { [($0, nil)] } ?? []
        case .experts, .expertsOutput, .shared:
            let names = besideNormNames(block: block)
            let index = place == .experts ? 0 : place == .expertsOutput ? 1 : 2
            return try names.indices.contains(index) ? [normTensors(names[index])] : []
        default: break
        }
        guard let name = headNormName(place, block: block) else { return [] }
        let heads = configuration.heads[block]
        return try headNormTensors(
            blockName(name, block), heads: place == .query ? heads.queries : heads.keyValues,
            block: block)
    }

    private func headNormName(_ place: NormPlace, block: Int) -> String? {
        let names = headNormNames(block: block)
        return switch place {
        case .query: names[0].name
        case .key: names[1].name
        default: nil
        }
    }
}
