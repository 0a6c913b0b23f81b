import Documents

/// The numbers of `config.json` that say how wide all blocks are inside: what structured pruning
/// changes. A block's own widths follow from them.
package struct ModelWidths: Sendable, Hashable {
    /// `num_key_value_heads`; each is shared by as many query heads as in the model.
    package var keyValueHeads: Int
    /// `intermediate_size` of blocks without experts; nil: there are none.
    package var feedForward: Int?
    /// `intermediate_size` of each expert; nil: there are none.
    package var expert: Int?
    /// Of the expert that all tokens go to, where that is a number of its own; nil: there is none,
    /// or as many experts' widths as the configuration says.
    package var shared: Int?
    /// How many experts a mixture has, but for the shared one; nil: there are none.
    package var experts: Int?

    package init(
        keyValueHeads: Int, feedForward: Int? = nil, expert: Int? = nil, shared: Int? = nil,
        experts: Int? = nil
    ) {
        self.keyValueHeads = keyValueHeads
        self.feedForward = feedForward
        self.expert = expert
        self.shared = shared
        self.experts = experts
    }

    /// The number that a group's channels are; nil: it has none of its own.
    package subscript(group: ChannelGroup) -> Int? {
        get {
            switch group {
            case .attention: nil
            case .feedForward: feedForward
            case .experts: expert
            case .shared: shared
            }
        }
        set {
            switch group {
            case .attention: break
            case .feedForward: feedForward = newValue
            case .experts: expert = newValue
            case .shared: shared = newValue
            }
        }
    }
}

/// Layers that lose channels together, alike in all blocks.
package enum ChannelGroup: Int, Sendable, Hashable, CaseIterable, Comparable {
    case attention
    /// The feed-forwards of blocks without experts.
    case feedForward
    case experts
    /// The expert that all tokens go to, or the feed-forward beside a mixture.
    case shared

    package static func < (left: ChannelGroup, right: ChannelGroup) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension Model {
    package var widths: ModelWidths {
        let mixture = configuration.mixture
        let isPlain = !(mixture?.blocks.allSatisfy(\.self) ?? false)
        let hasExperts = mixture?.blocks.contains(true) ?? false
        return ModelWidths(
            keyValueHeads: configuration.numKeyValueHeads,
            feedForward: isPlain ? configuration.intermediateSize : nil,
            expert: hasExperts ? mixture?.expertSize : nil,
            shared: hasExperts && mixture?.sharedExperts == nil ? mixture?.sharedSize : nil,
            experts: hasExperts ? mixture?.experts : nil)
    }

    /// Of a block where the configuration has such numbers.
    package func blockShape(_ block: Int, in widths: ModelWidths) -> BlockShape {
        var shape = blockShape(block)
        if widths.keyValueHeads != configuration.numKeyValueHeads {
            shape.keyValueHeads = widths.keyValueHeads
        }
        let factor = configuration.feedForwardFactor(block)
        if isMixture(block) {
            shape.expertSize = widths.expert ?? shape.expertSize
            shape.intermediateSize = factor * (sharedWidth(in: widths) ?? 0)
        } else {
            shape.intermediateSize = widths.feedForward.map { factor * $0 } ?? 0
        }
        return shape
    }

    /// `intermediate_size` of the expert that all tokens go to; nil: there is none.
    package func sharedWidth(in widths: ModelWidths) -> Int? {
        guard let mixture = configuration.mixture, mixture.sharedSize != nil else { return nil }
        return mixture.sharedExperts.map { $0 * (widths.expert ?? 0) } ?? widths.shared
    }

    /// The group that a layer's channels belong to; nil: it has none.
    package func channelGroup(_ layer: LayerKey, block: Int) -> ChannelGroup? {
        if layer.role.isInAttention { return .attention }
        if layer.role == .router || layer.role == .sharedGate { return nil }
        if layer.expert != nil { return .experts }
        return isMixture(block) ? .shared : .feedForward
    }

    /// Whether the width of the expert that all tokens go to follows from that of the others.
    package var isSharedTied: Bool {
        configuration.mixture?.sharedSize != nil && configuration.mixture?.sharedExperts != nil
    }

    /// The key of `config.json` that has the number of a group's channels; nil: none has.
    package func widthKey(_ group: ChannelGroup) -> String? {
        switch group {
        case .attention: return nil
        case .feedForward: return architecture.keys.intermediateSize
        case .experts: return architecture.mixture?.keys.expertSize
        case .shared:
            if case .key(let key, _) = architecture.mixture?.shared?.size { return key }
            return nil
        }
    }

    /// Whether all blocks attend with the same heads.
    package var hasUniformHeads: Bool {
        configuration.heads.allSatisfy { $0 == configuration.heads[0] }
    }

    /// Numbers of key/value heads below the model's, ascending, that the configuration of
    /// `written`, the family under which the weights are stored, can say.
    package func smallerHeadCounts(as written: Architecture) -> [Int] {
        if configuration.latent != nil || !hasUniformHeads { return [] }
        // Norms over more than one head, and what each head has of its own, would have to be cut
        // with them.
        if architecture.names.sinks != nil { return [] }
        if let norms = configuration.headNorms, norms.extent != .head { return [] }
        let counts = 1..<configuration.numKeyValueHeads
        switch written.headCount {
        case .fixed: return []
        case .dividingHiddenSize:
            return counts.filter {
                configuration.hiddenSize % ($0 * configuration.heads[0].perGroup) == 0
            }
        case .free: return Array(counts)
        }
    }

    /// `config.json` with such numbers; the same node where they are the model's own.
    package func edit(_ config: Node, for widths: ModelWidths) -> Node {
        architecture.replacing(
            editSettings(architecture.settings(config), for: widths), in: config)
    }

    private func editSettings(_ config: Node, for widths: ModelWidths) -> Node {
        var result = config
        let reader = ConfigReader(
            config: config, file: "", aliases: architecture.keys.aliases,
            overrides: architecture.keys.overrides)
        for group in ChannelGroup.allCases {
            guard let width = widths[group], width != self.widths[group],
                let key = widthKey(group)
            else { continue }
            result = result.setting(reader.found(key), to: Node(width))
            if group == .feedForward, let shrinks = architecture.keys.shrinksIntermediateSize {
                result = result.setting(shrinks, to: Node(.bool(false)))
            }
        }
        if let experts = widths.experts, experts != self.widths.experts,
            let keys = architecture.mixture?.keys.experts
        {
            let present = keys.filter { reader.value($0) != nil }
            for key in present.isEmpty ? Array(keys.prefix(1)) : present {
                result = result.setting(reader.found(key), to: Node(experts))
            }
        }
        guard widths.keyValueHeads != configuration.numKeyValueHeads else { return result }
        let heads = widths.keyValueHeads * configuration.heads[0].perGroup
        for (key, value) in [
            ("num_attention_heads", heads), ("num_key_value_heads", widths.keyValueHeads),
            // Absent, it would be `hidden_size` by the new number of heads.
            ("head_dim", configuration.headDim),
        ] { result = result.setting(key, to: Node(value)) }
        return result
    }
}
