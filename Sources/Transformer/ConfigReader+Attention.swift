import Documents

extension ConfigReader {
    /// Keys that make another function of a model of any family, each with the value that does not.
    ///
    /// Source: `masking_utils.py` for `is_causal`, `configuration_utils.py` for `per_layer_config`,
    /// `modeling_utils.py` for `transformers_weights`, of transformers.
    private static let refused: [(key: String, harmless: [Node.Value], expected: String)] = [
        ("is_causal", [.bool(true)], "true, for attention both ways is not supported"),
        (
            "use_bidirectional_attention", [.bool(false), .null],
            "false, for attention both ways is not supported"
        ),
        ("per_layer_config", [.null], "no settings for single layers, which are not supported"),
        ("transformers_weights", [.null], "no name of a file; weights are found by theirs"),
    ]

    /// - Throws: `ModelError` for a key that changes what the model computes and is not known here.
    func refuseOtherFunctions(_ architecture: Architecture) throws(ModelError) {
        for (key, harmless, expected) in Self.refused {
            guard let node = config[key], !harmless.contains(node.value) else { continue }
            throw wrong(key, expected: expected)
        }
        for (key, expected) in architecture.impliedSizes {
            guard let node = value(key), let size = value(expected.key)?.integer,
                let parts = value(expected.divisor)?.integer, parts > 0
            else { continue }
            if node.integer != size / parts {
                throw wrong(
                    key, expected: "\(size / parts), \(expected.key) / \(expected.divisor)")
            }
        }
    }

    /// The window of each block; nil where it reaches all positions.
    func windows(
        _ rule: Architecture.Window, blocks: Int, positions: Int
    ) throws(ModelError) -> [Int?] {
        if rule == .none { return [Int?](repeating: nil, count: blocks) }
        let size = try windowSize(rule)
        let types = try layerTypes(rule, blocks: blocks)
        if types?.contains(true) ?? false, size == nil {
            throw wrong(
                isUnused(rule) ? "use_sliding_window" : "sliding_window",
                expected: (isUnused(rule) ? "true" : "an integer")
                    + ", for layer_types has sliding_attention")
        }
        guard let size else { return [Int?](repeating: nil, count: blocks) }
        var slides = types ?? []
        if types == nil { slides = try defaultLayerTypes(rule, blocks: blocks) }
        // One that reaches all positions is none.
        return slides.map { $0 && size < positions ? size : nil }
    }

    private func isUnused(_ rule: Architecture.Window) -> Bool {
        switch rule {
        case .optional, .interleaved: value("use_sliding_window")?.bool != true
        default: false
        }
    }

    /// nil where there is no window. Absent and null differ here: absent is the default, null is
    /// none.
    private func windowSize(_ rule: Architecture.Window) throws(ModelError) -> Int? {
        let key = "sliding_window"
        let isNull = config[key]?.isNull ?? false
        switch rule {
        case .none:
            return nil
        case .always(let fallback, _):
            if isNull || fallback == nil && value(key) == nil {
                // The family that `layer_types` makes of it wants one.
                if hasLayerTypes(rule) {
                    throw wrong(key, expected: "an integer where there are layer_types")
                }
                return nil
            }
            return try size(key, default: fallback)
        case .alternating(let fallback):
            if isNull { throw wrong(key, expected: "an integer") }
            return try size(key, default: fallback)
        case .optional(let fallback, _), .interleaved(let fallback, _), .flagged(let fallback):
            let isUsed = try flag("use_sliding_window", default: false)
            return !isUsed || isNull ? nil : try size(key, default: fallback)
        }
    }

    /// Whether `layer_types` decides, be it null.
    private func hasLayerTypes(_ rule: Architecture.Window) -> Bool {
        switch rule {
        case .always(_, let readsLayerTypes):
            return readsLayerTypes && config["layer_types"] != nil
        case .flagged: return false
        default: return true
        }
    }

    /// Whether each block slides, as `layer_types` has it; nil where it says nothing.
    private func layerTypes(
        _ rule: Architecture.Window, blocks: Int
    ) throws(ModelError) -> [Bool]? {
        guard hasLayerTypes(rule), let types = value("layer_types") else { return nil }
        let known = ["full_attention": false, "attention": false, "sliding_attention": true]
        let slides = (types.array ?? []).compactMap { $0.string.flatMap { known[$0] } }
        guard slides.count == blocks, types.array?.count == blocks else {
            throw wrong(
                "layer_types",
                expected: "a list of \(blocks) times full_attention or sliding_attention")
        }
        return slides
    }

    private func defaultLayerTypes(
        _ rule: Architecture.Window, blocks: Int
    ) throws(ModelError) -> [Bool] {
        switch rule {
        case .none: return [Bool](repeating: false, count: blocks)
        case .always, .flagged: return [Bool](repeating: true, count: blocks)
        case .alternating: return (0..<blocks).map { $0 % 2 == 0 }
        case .optional(_, let fallback):
            let first = try windowLayers(default: fallback)
            return (0..<blocks).map { $0 >= first }
        case .interleaved(_, let fallback):
            let end = try windowLayers(default: fallback)
            return (0..<blocks).map { $0 % 2 == 0 && $0 < end }
        }
    }

    private func windowLayers(default fallback: Int) throws(ModelError) -> Int {
        guard let node = value("max_window_layers") else { return fallback }
        guard let number = node.integer, number >= 0 else {
            throw wrong("max_window_layers", expected: "an integer of at least 0")
        }
        return number
    }
}
