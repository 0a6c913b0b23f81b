import Documents
import Tensors

/// How wide a block is inside: what structured pruning changes.
package struct BlockShape: Sendable, Hashable {
    /// `num_key_value_heads`; each is shared by as many query heads as in the model.
    package var keyValueHeads: Int
    /// `intermediate_size`.
    package var intermediateSize: Int

    package init(keyValueHeads: Int, intermediateSize: Int) {
        self.keyValueHeads = keyValueHeads
        self.intermediateSize = intermediateSize
    }
}

extension Model {
    /// Of a block as it is in the checkpoint.
    package func blockShape(_ block: Int) -> BlockShape {
        BlockShape(
            keyValueHeads: configuration.numKeyValueHeads,
            intermediateSize: configuration.intermediateSize)
    }

    package var blockShapes: [BlockShape] { blocks.map { blockShape($0) } }

    /// Of all blocks where they have the same layers and widths; nil where they differ.
    package var uniformShape: BlockShape? {
        let shape = blockShape(0)
        let layers = layers(block: 0)
        let isUniform = blocks.allSatisfy {
            blockShape($0) == shape && self.layers(block: $0) == layers
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
        let inner = shape.intermediateSize
        let keys = shape.keyValueHeads * configuration.headDim
        let queries = keys * configuration.headsPerGroup
        return switch layer.role {
        case .query: Shape(rows: queries, columns: hidden)
        case .key, .value: Shape(rows: keys, columns: hidden)
        case .queryKeyValue: Shape(rows: queries + 2 * keys, columns: hidden)
        case .output: Shape(rows: hidden, columns: queries)
        case .gate, .up: Shape(rows: inner, columns: hidden)
        case .gateUp: Shape(rows: 2 * inner, columns: hidden)
        case .down: Shape(rows: hidden, columns: inner)
        }
    }

    /// The rows of a layer that make each of its parts; empty where it is one thing.
    package func parts(_ layer: LayerKey, block: Int, in shape: BlockShape) -> [[Range<Int>]] {
        let parts = layer.role.parts
        if parts.count == 1 { return [] }
        // One group of heads after the other, or all of them at once.
        let groups =
            layer.role == .queryKeyValue && architecture.interleavesHeads
            ? shape.keyValueHeads : 1
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
        weights(block: block, in: shape)
    }

    /// Multiply-adds of all blocks' linear layers for one token.
    package var multiplyAdds: Int {
        blocks.reduce(0) { $0 + multiplyAdds(block: $1, in: blockShape($1)) }
    }

    /// Numbers of key/value heads below the model's, ascending, that the configuration of
    /// `written`, the family under which the weights are stored, can say.
    package func smallerHeadCounts(as written: Architecture) -> [Int] {
        // Norms over more than one head would have to be cut with them.
        if let norms = configuration.headNorms, norms.extent != .head { return [] }
        let counts = 1..<configuration.numKeyValueHeads
        switch written.headCount {
        case .fixed: return []
        case .dividingHiddenSize:
            return counts.filter {
                configuration.hiddenSize % ($0 * configuration.headsPerGroup) == 0
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
            result = result.setting(key, to: Node(block.intermediateSize))
        }
        guard block.keyValueHeads != configuration.numKeyValueHeads else { return result }
        let heads = block.keyValueHeads * configuration.headsPerGroup
        for (key, value) in [
            ("num_attention_heads", heads), ("num_key_value_heads", block.keyValueHeads),
            // Absent, it would be `hidden_size` by the new number of heads.
            ("head_dim", configuration.headDim),
        ] { result = result.setting(key, to: Node(value)) }
        return result
    }
}
