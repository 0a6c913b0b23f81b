import Documents

/// Which blocks have a sliding window, and how wide it is.
struct SlidingWindows: Sendable {
    /// `[num_hidden_layers]`
    var blocks: [Bool]
    /// nil: there is none, and none slides.
    var size: Int?
}

extension ConfigReader {
    private static let sizeKey = "sliding_window"

    func windows(
        _ architecture: Architecture, blocks: Int
    ) throws(ModelError) -> SlidingWindows {
        let rule = architecture.window
        let none = SlidingWindows(blocks: [Bool](repeating: false, count: blocks))
        if rule == .none { return none }
        if case .attentionTypes(let fallback) = rule {
            return SlidingWindows(
                blocks: try attentionTypes(blocks: blocks),
                size: try size("window_size", default: fallback))
        }
        let size = try windowSize(rule)
        let types = try layerTypes(rule, blocks: blocks)
        if types?.contains(true) ?? false, size == nil {
            throw wrong(
                isUnused(rule) ? "use_sliding_window" : Self.sizeKey,
                expected: (isUnused(rule) ? "true" : "an integer")
                    + ", for layer_types has sliding_attention")
        }
        if var types {
            if case .patterned(_, _, _, _, true) = rule { types[blocks - 1] = false }
            return SlidingWindows(blocks: types, size: size)
        }
        guard let size else {
            if case .patterned = rule {
                throw wrong(Self.sizeKey, expected: "an integer where there are no layer_types")
            }
            return none
        }
        return SlidingWindows(
            blocks: try defaultLayerTypes(architecture, blocks: blocks), size: size)
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
        let key = Self.sizeKey
        let isNull = node(key)?.isNull ?? false
        switch rule {
        case .none, .attentionTypes:
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
        case .patterned(let fallback, _, _, let isOptional, _):
            if isNull, isOptional { return nil }
            if isNull { throw wrong(key, expected: "an integer") }
            return try size(key, default: fallback)
        case .unrotated:
            return value(key) == nil ? nil : try size(key)
        case .optional(let fallback, _), .interleaved(let fallback, _), .flagged(let fallback):
            let isUsed = try flag("use_sliding_window", default: false)
            return !isUsed || isNull ? nil : try size(key, default: fallback)
        }
    }

    /// Whether `layer_types` decides, be it null.
    private func hasLayerTypes(_ rule: Architecture.Window) -> Bool {
        switch rule {
        case .always(_, let readsLayerTypes):
            return readsLayerTypes && node("layer_types") != nil
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
        _ architecture: Architecture, blocks: Int
    ) throws(ModelError) -> [Bool] {
        switch architecture.window {
        case .none, .attentionTypes: return [Bool](repeating: false, count: blocks)
        case .always, .flagged: return [Bool](repeating: true, count: blocks)
        case .patterned(_, let key, let every, _, let endsFull):
            let every =
                try key.map { key throws(ModelError) in try size(key, default: every) } ?? every
            return (0..<blocks).map {
                ($0 + 1) % every != 0 && !(endsFull && $0 == blocks - 1)
            }
        case .unrotated:
            let isUsed = try flag("use_sliding_window", default: false)
            let rotates = try listedRotations(architecture.rotary.skips, blocks: blocks)
            return rotates.map { isUsed && !$0 }
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

    /// Whether each block slides, as `attention_types` has it: pairs of some kinds and how often
    /// they follow each other.
    private func attentionTypes(blocks: Int) throws(ModelError) -> [Bool] {
        let key = "attention_types"
        let known = ["global": false, "local": true]
        let expected = "pairs of a list of global and local and a number, for \(blocks) blocks"
        guard let types = value(key) else {
            guard blocks == 24 else { throw wrong(key, expected: expected) }
            return (0..<blocks).map { $0 % 2 == 1 }
        }
        var slides: [Bool] = []
        for pair in types.array ?? [] {
            guard let pair = pair.array, pair.count == 2, let kinds = pair[0].array,
                let count = pair[1].integer, (0...blocks).contains(count),
                case let found = kinds.compactMap({ $0.string.flatMap { known[$0] } }),
                found.count == kinds.count, slides.count + count * found.count <= blocks
            else { throw wrong(key, expected: expected) }
            for _ in 0..<count { slides += found }
        }
        guard slides.count == blocks else { throw wrong(key, expected: expected) }
        return slides
    }

    /// Whether each block rotates, as a list has it; all where the family has no such list.
    func listedRotations(
        _ skips: Architecture.Skips, blocks: Int
    ) throws(ModelError) -> [Bool] {
        guard case .listed(let key, let interval, let fallback) = skips else {
            return [Bool](repeating: true, count: blocks)
        }
        guard let list = value(key) else {
            let every = try size(interval, default: fallback)
            return (0..<blocks).map { ($0 + 1) % every != 0 }
        }
        let entries = list.array ?? []
        let rotates = entries.compactMap { $0.bool ?? $0.integer.map { $0 != 0 } }
        guard rotates.count == entries.count, rotates.count >= blocks else {
            throw wrong(key, expected: "a list of at least \(blocks) times 0 or 1")
        }
        return Array(rotates.prefix(blocks))
    }
}
