import Documents
import Tensors

/// How wide a block is inside: what structured pruning changes.
package struct BlockShape: Sendable, Hashable {
    /// `num_key_value_heads`; each is shared by as many query heads as in the model.
    package var keyValueHeads: Int
    /// `intermediate_size` of what all tokens go through: of a mixture's shared expert, 0 where it
    /// has none.
    package var intermediateSize: Int
    /// `intermediate_size` of each expert; 0 where there are none.
    package var expertSize: Int

    package init(keyValueHeads: Int, intermediateSize: Int, expertSize: Int = 0) {
        self.keyValueHeads = keyValueHeads
        self.intermediateSize = intermediateSize
        self.expertSize = expertSize
    }
}

extension Model {
    /// Of a block as it is in the checkpoint.
    package func blockShape(_ block: Int) -> BlockShape {
        let mixture = isMixture(block) ? configuration.mixture : nil
        return BlockShape(
            keyValueHeads: configuration.heads[block].keyValues,
            intermediateSize: mixture.map { sharedSize($0, block) }
                ?? configuration.intermediateSize(block),
            expertSize: mixture?.expertSize ?? 0)
    }

    package var blockShapes: [BlockShape] { blocks.map { blockShape($0) } }

    /// Of all blocks where they have the same widths and the same layers, but for those in the
    /// attention and in what stands in its place; nil where they differ.
    package var uniformShape: BlockShape? {
        if configuration.mixture != nil { return nil }
        let shape = blockShape(0)
        func layers(_ block: Int) -> [LayerKey] {
            self.layers(block: block).filter { !$0.role.isInAttention }
        }
        let first = layers(0)
        let isUniform = blocks.allSatisfy {
            blockShape($0) == shape && layers($0) == first
                && configuration.heads[$0] == configuration.heads[0]
        }
        return isUniform ? shape : nil
    }

    /// Of a layer's weights.
    package func shape(_ layer: LayerKey, block: Int) -> Shape {
        shape(layer, block: block, in: blockShape(block))
    }

    /// Of a layer's weights where its block has such a shape.
    package func shape(_ layer: LayerKey, block: Int, in shape: BlockShape) -> Shape {
        let hidden = configuration.hiddenSize
        let inner = layer.expert == nil ? shape.intermediateSize : shape.expertSize
        let heads = configuration.heads[block]
        let keys = shape.keyValueHeads * heads.dimension
        let queries = keys * heads.perGroup
        return switch layer.role {
        case .query, .outputGate: Shape(rows: queries, columns: hidden)
        case .queryGate: Shape(rows: 2 * queries, columns: hidden)
        case .key, .value: Shape(rows: keys, columns: hidden)
        case .queryKeyValue: Shape(rows: queries + 2 * keys, columns: hidden)
        case .queryLatent, .queryFromLatent, .keyValueLatent, .keyValueFromLatent:
            latentShape(layer.role, heads: shape.keyValueHeads * heads.perGroup)
        case .output: Shape(rows: hidden, columns: shape.keyValueHeads * heads.groupSize)
        case .deltaMixed, .deltaGate, .deltaMixedGate, .deltaRate, .deltaDecay, .deltaRateDecay,
            .deltaOutput, .convolutionInput, .convolutionEntry, .convolutionExit,
            .convolutionValue, .convolutionOutput:
            recurrentShape(layer.role)
        case .router: Shape(rows: configuration.mixture?.experts ?? 0, columns: hidden)
        case .sharedGate: Shape(rows: 1, columns: hidden)
        case .gate, .up: Shape(rows: inner, columns: hidden)
        case .gateUp: Shape(rows: 2 * inner, columns: hidden)
        case .down: Shape(rows: hidden, columns: inner)
        }
    }

    /// The rows of a layer that make each of its parts; empty where it is one thing.
    package func parts(_ layer: LayerKey, block: Int, in shape: BlockShape) -> [[Range<Int>]] {
        let parts = layer.role.parts
        if parts.count == 1 { return [] }
        if layer.role == .deltaMixedGate { return mixedGateParts }
        if layer.expert != nil, expertOrder?.interleaves == true {
            return parts.indices.map { part in
                (0..<shape.expertSize).map { row in
                    (row * parts.count + part)..<(row * parts.count + part + 1)
                }
            }
        }
        // One group of heads after the other, or all of them at once.
        let groups =
            switch layer.role {
            case .queryKeyValue where architecture.interleavesHeads: shape.keyValueHeads
            case .queryGate: shape.keyValueHeads * configuration.heads[block].perGroup
            case .deltaRateDecay: configuration.recurrence?.heads?.keyHeads ?? 1
            default: 1
            }
        var start = 0
        var result = [[Range<Int>]](repeating: [], count: parts.count)
        for _ in 0..<groups {
            for (index, part) in parts.enumerated() {
                let key = LayerKey(part, expert: layer.expert)
                let rows = self.shape(key, block: block, in: shape).rows / groups
                result[index].append(start..<(start + rows))
                start += rows
            }
        }
        return result
    }

    /// How many weights a block's linear layers have where it has such a shape.
    package func weights(block: Int, in shape: BlockShape) -> Int {
        layers(block: block).reduce(0) { $0 + self.shape($1, block: block, in: shape).count }
    }

    /// How many weights the linear layers of all blocks have.
    package var weights: Int {
        blocks.reduce(0) { $0 + weights(block: $1, in: blockShape($1)) }
    }

    /// Multiply-adds of a block's linear layers for one token, where it has such a shape.
    package func multiplyAdds(block: Int, in shape: BlockShape) -> Int {
        guard isMixture(block), let mixture = configuration.mixture else {
            return weights(block: block, in: shape) + endMultiplyAdds
        }
        func count(_ layers: [LayerKey]) -> Int {
            layers.reduce(0) { $0 + self.shape($1, block: block, in: shape).count }
        }
        return count(commonLayers(block: block))
            + mixture.expertsPerToken * count(expertRoles.map { LayerKey($0, expert: 0) })
            + endMultiplyAdds
            + (architecture.mixture?.beside == nil ? 0 : mixture.experts * configuration.hiddenSize)
    }

    /// Multiply-adds of all blocks' linear layers for one token.
    package var multiplyAdds: Int {
        blocks.reduce(0) { $0 + multiplyAdds(block: $1, in: blockShape($1)) }
    }

    /// Numbers of key/value heads below the model's, ascending, that the configuration of
    /// `written`, the family under which the weights are stored, can say.
    package func smallerHeadCounts(as written: Architecture) -> [Int] {
        if configuration.latent != nil { return [] }
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

    /// Whether the configuration can say another width of the feed-forward.
    package var storesIntermediateSize: Bool { architecture.keys.intermediateSize != nil }

    /// `config.json` where all blocks have such a shape; the same node where it is the model's own.
    package func edit(_ config: Node, for block: BlockShape) -> Node {
        architecture.replacing(
            editSettings(architecture.settings(config), for: block), in: config)
    }

    private func editSettings(_ config: Node, for block: BlockShape) -> Node {
        var result = config
        if block.intermediateSize != configuration.intermediateSize,
            let key = architecture.keys.intermediateSize
        {
            let reader = ConfigReader(
                config: config, file: "", aliases: architecture.keys.aliases,
                overrides: architecture.keys.overrides)
            result = result.setting(reader.found(key), to: Node(block.intermediateSize))
            if let shrinks = architecture.keys.shrinksIntermediateSize {
                result = result.setting(shrinks, to: Node(.bool(false)))
            }
        }
        guard block.keyValueHeads != configuration.numKeyValueHeads else { return result }
        let heads = block.keyValueHeads * configuration.heads[0].perGroup
        for (key, value) in [
            ("num_attention_heads", heads), ("num_key_value_heads", block.keyValueHeads),
            // Absent, it would be `hidden_size` by the new number of heads.
            ("head_dim", configuration.headDim),
        ] { result = result.setting(key, to: Node(value)) }
        return result
    }
}
