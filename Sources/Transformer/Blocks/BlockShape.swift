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
        let (common, expert) = counts(block: block, in: shape)
        return common + (configuration.mixture?.experts ?? 0) * expert
    }

    /// Weights of a block's linear layers but for its experts', and of one expert's.
    private func counts(block: Int, in shape: BlockShape) -> (common: Int, expert: Int) {
        func count(_ layers: [LayerKey]) -> Int {
            layers.reduce(0) { $0 + self.shape($1, block: block, in: shape).count }
        }
        guard isMixture(block) else { return (count(layers(block: block)), 0) }
        return (
            count(commonLayers(block: block)), count(expertRoles.map { LayerKey($0, expert: 0) })
        )
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
        let (common, expert) = counts(block: block, in: shape)
        return common + mixture.expertsPerToken * expert + endMultiplyAdds
            + (architecture.mixture?.beside == nil ? 0 : mixture.experts * configuration.hiddenSize)
    }

    /// Multiply-adds of all blocks' linear layers for one token.
    package var multiplyAdds: Int {
        blocks.reduce(0) { $0 + multiplyAdds(block: $1, in: blockShape($1)) }
    }
}
