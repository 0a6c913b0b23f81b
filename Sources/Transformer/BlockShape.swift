import Documents

/// How wide blocks are inside, all alike: what structured pruning changes.
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
    /// Of the blocks as they are in the checkpoint.
    package var blockShape: BlockShape {
        BlockShape(
            keyValueHeads: configuration.numKeyValueHeads,
            intermediateSize: configuration.intermediateSize)
    }

    /// [out, in] of a layer's weights.
    package func shape(_ role: Role) -> [Int] { shape(role, in: blockShape) }

    /// [out, in] of a layer's weights in blocks of such a shape.
    package func shape(_ role: Role, in block: BlockShape) -> [Int] {
        let hidden = configuration.hiddenSize
        let keys = block.keyValueHeads * configuration.headDim
        let queries = keys * configuration.headsPerGroup
        switch role {
        case .query: return [queries, hidden]
        case .key, .value: return [keys, hidden]
        case .queryKeyValue: return [queries + 2 * keys, hidden]
        case .output: return [hidden, queries]
        case .gate, .up: return [block.intermediateSize, hidden]
        case .gateUp: return [2 * block.intermediateSize, hidden]
        case .down: return [hidden, block.intermediateSize]
        }
    }

    /// The rows of a layer that make each of its parts; empty where it is one thing.
    package func parts(_ role: Role, in block: BlockShape) -> [[Range<Int>]] {
        let parts = role.parts
        if parts.count == 1 { return [] }
        // One group of heads after the other, or all of them at once.
        let groups =
            role == .queryKeyValue && architecture.interleavesHeads ? block.keyValueHeads : 1
        var start = 0
        var result = [[Range<Int>]](repeating: [], count: parts.count)
        for _ in 0..<groups {
            for (index, part) in parts.enumerated() {
                let rows = shape(part, in: block)[0] / groups
                result[index].append(start..<(start + rows))
                start += rows
            }
        }
        return result
    }

    /// Multiply-adds of such a block's linear layers for one token, which is how many weights they
    /// have.
    package func multiplyAdds(in block: BlockShape) -> Int {
        architecture.roles.reduce(0) { sum, role in sum + shape(role, in: block).reduce(1, *) }
    }

    /// Multiply-adds of a block's linear layers for one token.
    package var blockMultiplyAdds: Int { multiplyAdds(in: blockShape) }

    /// Numbers of key/value heads below the model's, ascending, that the configuration of
    /// `written`, the family under which the weights are stored, can say.
    package func smallerHeadCounts(as written: Architecture) -> [Int] {
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

    /// `config.json` for blocks of such a shape; the same node where it is the model's own.
    package func edit(_ config: Node, for block: BlockShape) -> Node {
        var result = config
        if block.intermediateSize != configuration.intermediateSize {
            result = result.setting(
                architecture.keys.intermediateSize, to: Node(block.intermediateSize))
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
