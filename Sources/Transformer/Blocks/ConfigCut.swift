import Documents

/// The settings of a model without some of its blocks: what they say of blocks is said of those
/// that are left.
///
/// What a setting cannot say, `difference` finds: the new settings are read as any others are, and
/// each block has to be what it was.
struct ConfigCut {
    private let model: Model
    private let cut: BlockCut
    /// By their numbers in the whole model.
    private let kept: [Int]

    init(_ model: Model, _ cut: BlockCut) {
        self.model = model
        self.cut = cut
        kept = cut.kept
    }

    private var configuration: ModelConfiguration { model.configuration }
    private var architecture: Architecture { model.architecture }
    private var blocks: Int { configuration.numHiddenLayers }

    /// Lists with an entry for each block.
    private static let lists = [
        "layer_types", "mlp_layer_types", "no_rope_layers", "attention_layers",
    ]
    /// Lists of blocks by number.
    private static let numbers = ["full_attn_idxs", "mlp_only_layers"]
    /// Numbers of blocks that come first.
    private static let counts = [
        "first_k_dense_replace", "num_dense_layers", "max_window_layers", "moe_layer_start_index",
    ]

    /// - Parameter settings: of the language model.
    func edit(_ settings: Node) -> Node {
        let reader = ConfigReader(
            config: settings, file: "", aliases: architecture.keys.aliases,
            overrides: architecture.keys.overrides)
        var result = settings.setting(reader.found("num_hidden_layers"), to: Node(kept.count))
        for key in Self.lists {
            guard let list = settings[key]?.array, list.count >= blocks else { continue }
            result = result.setting(key, to: Node(kept.map { list[$0] }))
        }
        for key in Self.numbers {
            guard let list = settings[key]?.array else { continue }
            let named = Set(list.compactMap(\.integer))
            result = result.setting(key, to: Node(places { named.contains($0) }.map { Node($0) }))
        }
        for key in Self.counts {
            guard let count = settings[key]?.integer, count <= blocks else { continue }
            result = result.setting(key, to: Node(kept.count { $0 < count }))
        }
        if case .from(let key, let first)? = architecture.mixture?.blocks, settings[key] == nil {
            result = result.setting(key, to: Node(kept.count { $0 < first }))
        }
        if let shared = settings["num_kv_shared_layers"]?.integer, shared > 0 {
            let left = kept.count { $0 >= blocks - shared }
            result = result.setting("num_kv_shared_layers", to: Node(left))
        }
        if let last = settings["moe_layer_end_index"]?.integer, last >= 0 {
            let left = kept.count { $0 <= last } - 1
            result = result.setting("moe_layer_end_index", to: Node(left))
        }
        if let own = settings["per_layer_config"]?.members {
            let left = kept.enumerated().flatMap { place, block in
                own.filter { $0.key == "\(block)" }.map { ("\(place)", $0.value) }
            }
            result = result.setting("per_layer_config", to: Node(object: left))
        }
        return spelledOut(result, reader)
    }

    /// With lists where a rule no longer fits.
    private func spelledOut(_ settings: Node, _ reader: ConfigReader) -> Node {
        var result = settings
        if case .attentionTypes = architecture.window {
            let kinds = kept.map { Node(slides($0) ? "local" : "global") }
            result = result.setting("attention_types", to: [Node([Node(kinds), 1])])
        }
        if let types = types, reader.value("layer_types") == nil,
            types != ruled(result).flatMap({ ConfigCut.types(of: $0, model) })
        {
            result = result.setting("layer_types", to: Node(types.map { Node($0) }))
        }
        if case .listed(let key, _, _) = architecture.rotary.skips, reader.value(key) == nil {
            let turns = kept.map { Node(configuration.rotations[$0] == nil ? 0 : 1) }
            if Set(configuration.rotations.map { $0 == nil }).count > 1 {
                result = result.setting(key, to: Node(turns))
            }
        }
        if let mixture = configuration.mixture {
            let sparse = kept.map { mixture.blocks[$0] }
            switch architecture.mixture?.blocks {
            case .listed(let key, _)? where reader.value(key) == nil:
                result = result.setting(
                    key, to: Node(sparse.map { Node($0 ? "sparse" : "dense") }))
            case .everyNth? where ruled(result)?.mixture?.blocks != sparse:
                let plain = sparse.indices.filter { !sparse[$0] }
                result = result.setting("decoder_sparse_step", to: 1)
                    .setting("mlp_only_layers", to: Node(plain.map { Node($0) }))
            default: break
            }
        }
        return result
    }

    /// What such settings are read as; nil where they cannot be read.
    private func ruled(_ settings: Node) -> ModelConfiguration? {
        let config = architecture.replacing(settings, in: model.checkpoint.config)
        return try? ModelConfiguration(config, architecture: architecture, file: "")
    }

    /// What `layer_types` would say of the blocks that are left; nil where the family reads none.
    private var types: [String]? {
        Self.types(of: configuration, model).map { types in kept.map { types[$0] } }
    }

    private static func types(of configuration: ModelConfiguration, _ model: Model) -> [String]? {
        if let recurrence = model.architecture.recurrence {
            return configuration.mixers.map {
                $0 == .attention ? "full_attention" : recurrence.layerType
            }
        }
        switch model.architecture.window {
        case .always(_, readsLayerTypes: true), .patterned, .unrotated, .optional, .interleaved:
            if configuration.windows.allSatisfy({ $0 == nil }) { return nil }
            return configuration.windows.map {
                $0 == nil ? "full_attention" : "sliding_attention"
            }
        default: return nil
        }
    }

    private func slides(_ block: Int) -> Bool { configuration.windows[block] != nil }

    /// Places among the blocks that are left of those for which it holds.
    private func places(_ holds: (Int) -> Bool) -> [Int] {
        kept.indices.filter { holds(kept[$0]) }
    }

    /// What is not said of the blocks as it was, in words; nil where all is.
    func difference(in left: ModelConfiguration) -> String? {
        let old = configuration
        guard left.numHiddenLayers == kept.count else { return "how many blocks there are" }
        for (place, block) in kept.enumerated() {
            if left.windows[place] != old.windows[block] {
                return "which blocks have a sliding window"
            }
            if left.mixers[place] != old.mixers[block] { return "which blocks attend" }
            if left.rotations[place] != old.rotations[block] { return "how each block rotates" }
            if left.attentionScales[place] != old.attentionScales[block] {
                return "how each block scales its scores"
            }
            if left.mixture?.blocks[place] != old.mixture?.blocks[block] {
                return "which blocks have experts"
            }
            if left.intermediateSize(place) != old.intermediateSize(block) {
                return "how wide each feed-forward is"
            }
            var heads = old.heads[block]
            heads.source = heads.source.map { kept.firstIndex(of: $0) ?? -1 }
            if left.heads[place] != heads { return "whose keys and values each block reads" }
        }
        return nil
    }
}
