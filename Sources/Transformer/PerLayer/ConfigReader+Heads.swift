import Documents

extension ConfigReader {
    /// The heads of each block, which may differ between blocks with and without a window.
    ///
    /// Source: `__post_init__` and `kv_sharing_modes` in `configuration_gemma4.py`, and
    /// `integrations/heterogeneity/configuration_utils.py`, of transformers.
    ///
    /// - Parameter common: what holds where nothing else is said.
    func heads(
        _ architecture: Architecture, _ windows: SlidingWindows, _ common: BlockHeads,
        atMost limit: Int
    ) throws(ModelError) -> [BlockHeads] {
        let blocks = windows.blocks.count
        var result = [BlockHeads](repeating: common, count: blocks)
        guard architecture.hasKindsOfHeads else { return result }
        let sharesValues = try flag("attention_k_eq_v", default: false)
        if node("per_layer_config") != nil {
            try overrideHeads(&result, windows, atMost: limit)
        } else if windows.blocks.contains(false) {
            let full = try fullHeads(common, sharesValues: sharesValues, atMost: limit)
            for block in 0..<blocks where !windows.blocks[block] { result[block] = full }
        }
        for block in 0..<blocks where !windows.blocks[block] {
            result[block].valuesAreKeys = sharesValues
        }
        let shared = try count("num_kv_shared_layers", default: 0)
        if shared == 0 { return result }
        for block in max(0, blocks - shared)..<blocks {
            let source = (0..<max(0, blocks - shared)).last {
                windows.blocks[$0] == windows.blocks[block]
            }
            guard let source else {
                throw wrong(
                    "num_kv_shared_layers",
                    expected: "a number that leaves a block of each kind before those")
            }
            result[block].source = source
        }
        return result
    }

    /// Of blocks without a window.
    private func fullHeads(
        _ common: BlockHeads, sharesValues: Bool, atMost limit: Int
    ) throws(ModelError) -> BlockHeads {
        var full = common
        if node("global_head_dim")?.isNull == true {
            throw wrong("global_head_dim", expected: "an integer")
        }
        full.dimension = try headSize("global_head_dim", default: 512, atMost: limit)
        if sharesValues, value("num_global_key_value_heads") != nil {
            full.keyValues = try size("num_global_key_value_heads")
            if full.queries % full.keyValues != 0 {
                throw wrong(
                    "num_global_key_value_heads", expected: "a divisor of num_attention_heads")
            }
        }
        return full
    }

    /// As `per_layer_config` has them; null says nothing of any block.
    private func overrideHeads(
        _ heads: inout [BlockHeads], _ windows: SlidingWindows, atMost limit: Int
    ) throws(ModelError) {
        let key = "per_layer_config"
        guard let given = value(key) else { return }
        guard let members = given.members else { throw wrong(key, expected: "an object") }
        for member in members {
            guard let block = Int(member.key), heads.indices.contains(block),
                let settings = member.value.members
            else { throw wrong(key, expected: "an object for some of \(heads.count) blocks") }
            let reader = ConfigReader(
                config: member.value, file: file, prefix: "\(prefix)\(key).\(member.key).")
            for setting in settings where setting.value.isNull {
                throw reader.wrong(setting.key, expected: "an integer")
            }
            for setting in settings
            where !["head_dim", "num_key_value_heads"].contains(setting.key) {
                throw reader.wrong(
                    setting.key, expected: "head_dim and num_key_value_heads alone to differ")
            }
            heads[block].dimension = try reader.headSize(
                "head_dim", default: heads[block].dimension, atMost: limit)
            heads[block].keyValues = try reader.size(
                "num_key_value_heads", default: heads[block].keyValues)
            if heads[block].queries % heads[block].keyValues != 0 {
                throw reader.wrong(
                    "num_key_value_heads", expected: "a divisor of num_attention_heads")
            }
        }
        for block in heads.indices {
            let first = windows.blocks.firstIndex(of: windows.blocks[block]) ?? block
            if heads[block] != heads[first] {
                throw wrong(
                    key, expected: "the same for all blocks with a window, and for all without")
            }
        }
    }

    private func headSize(
        _ key: String, default fallback: Int, atMost limit: Int
    ) throws(ModelError) -> Int {
        let size = try size(key, default: fallback, atMost: limit)
        if size % 2 != 0 { throw wrong(key, expected: "an even number up to \(limit)") }
        return size
    }

    /// 0 or more.
    func count(
        _ key: String, default fallback: Int, atMost limit: Int = 1 << 31
    ) throws(ModelError) -> Int {
        guard let node = value(key) else { return fallback }
        guard let number = node.integer, number >= 0, number <= limit else {
            throw wrong(key, expected: "an integer of at least 0")
        }
        return number
    }

    /// Features of each block's part of the second embedding; 0 where there is none.
    func perLayerSize(
        _ architecture: Architecture, vocabulary: Int
    ) throws(ModelError) -> Int {
        guard let inputs = architecture.perLayerInput else { return 0 }
        if node(inputs.sizeKey)?.isNull == true {
            throw wrong(inputs.sizeKey, expected: "an integer")
        }
        let size = try count(inputs.sizeKey, default: inputs.defaultSize)
        if size > 0,
            try self.size(inputs.vocabularyKey, default: inputs.defaultVocabulary) < vocabulary
        {
            throw wrong(
                inputs.vocabularyKey, expected: "at least vocab_size, which is \(vocabulary)")
        }
        return size
    }

    /// - Parameter outer: the top of `config.json`.
    func placeholders(
        _ architecture: Architecture, _ outer: ConfigReader, vocabulary: Int
    ) throws(ModelError) -> Placeholders {
        var tokens: [Int32] = []
        if architecture.placeholders.isEmpty { return Placeholders(tokens: [], padding: 0) }
        for (key, token) in architecture.placeholders where outer.node(key)?.isNull != true {
            tokens.append(Int32(truncatingIfNeeded: try outer.count(key, default: token)))
        }
        if node("pad_token_id")?.isNull == true {
            throw wrong("pad_token_id", expected: "a token; it stands for what is no text")
        }
        let padding = try count("pad_token_id", default: 0)
        if padding >= vocabulary {
            throw wrong("pad_token_id", expected: "a token of the vocabulary of \(vocabulary)")
        }
        return Placeholders(tokens: tokens.sorted(), padding: Int32(truncatingIfNeeded: padding))
    }
}

/// Tokens that stand for what is seen or heard; in a text they are looked up as padding.
package struct Placeholders: Sendable, Hashable {
    /// Ascending.
    let tokens: [Int32]
    let padding: Int32

    /// The token that is looked up for one.
    func lookedUp(_ token: Int32) -> Int32 { tokens.contains(token) ? padding : token }
}
