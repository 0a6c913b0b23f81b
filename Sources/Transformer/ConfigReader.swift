import Documents

/// Typed look-ups in `config.json`, where unknown keys are fine and a null counts as absent.
struct ConfigReader {
    let config: Node
    let file: String
    /// What comes before a key in errors, for an object inside `config.json`: `rope_scaling.`.
    var prefix = ""

    /// The value of a key, nil where it is absent or null.
    func value(_ key: String) -> Node? {
        guard let node = config[key], !node.isNull else { return nil }
        return node
    }

    func wrong(_ key: String, expected: String) -> ModelError {
        let found = config[key].map {
            String(decoding: JSON.encode($0, indent: nil), as: UTF8.self)
        }
        return ModelError(
            file: file,
            reason: .value(key: prefix + key, found: found ?? "absent", expected: expected))
    }

    func missing(_ key: String) -> ModelError {
        ModelError(file: file, reason: .missing(key: prefix + key))
    }

    /// A number of things: 1 to 2^31, so that products of two fit.
    func size(
        _ key: String, default fallback: Int? = nil, atMost limit: Int = 1 << 31
    ) throws(ModelError) -> Int {
        guard let node = value(key) else {
            guard let fallback else { throw missing(key) }
            return fallback
        }
        guard let size = node.integer, size >= 1, size <= limit else {
            throw wrong(key, expected: "an integer from 1 to \(limit)")
        }
        return size
    }

    func number(_ key: String, default fallback: Double) throws(ModelError) -> Double {
        guard let node = value(key) else { return fallback }
        guard let number = node.double, number.isFinite, number > 0 else {
            throw wrong(key, expected: "a positive number")
        }
        return number
    }

    /// A cap, which null switches off; nil for a family that has none.
    func cap(_ key: String?, default fallback: Double) throws(ModelError) -> Float? {
        guard let key, config[key]?.isNull != true else { return nil }
        return Float(try number(key, default: fallback))
    }

    func flag(_ key: String, default fallback: Bool) throws(ModelError) -> Bool {
        guard let node = value(key) else { return fallback }
        guard let flag = node.bool else { throw wrong(key, expected: "true or false") }
        return flag
    }

    func text(_ key: String, default fallback: String) throws(ModelError) -> String {
        guard let node = value(key) else { return fallback }
        guard let text = node.string else { throw wrong(key, expected: "a string") }
        return text
    }
}

extension ConfigReader {
    /// The window of each block; nil where it reaches all positions.
    func windows(
        _ rule: Architecture.Window, blocks: Int, positions: Int
    ) throws(ModelError) -> [Int?] {
        let everywhere = [Int?](repeating: nil, count: blocks)
        // Absent and null differ here: absent is the default window, null is none.
        let isNull = config["sliding_window"]?.isNull ?? false
        let size: Int
        switch rule {
        case .none:
            return everywhere
        case .always(let fallback):
            if isNull || fallback == nil && value("sliding_window") == nil { return everywhere }
            size = try self.size("sliding_window", default: fallback)
        case .alternating(let fallback):
            if isNull { throw wrong("sliding_window", expected: "an integer") }
            size = try self.size("sliding_window", default: fallback)
        case .optional(let fallback, _):
            let isUsed = try flag("use_sliding_window", default: false)
            if !isUsed || isNull { return everywhere }
            size = try self.size("sliding_window", default: fallback)
        }
        if size >= positions { return everywhere }
        if case .always = rule { return [Int?](repeating: size, count: blocks) }
        if let types = value("layer_types") {
            let names = types.array?.compactMap(\.string) ?? []
            let known = ["full_attention", "sliding_attention"]
            guard names.count == blocks, types.array?.count == blocks,
                names.allSatisfy(known.contains)
            else {
                throw wrong(
                    "layer_types",
                    expected: "a list of \(blocks) times " + known.joined(separator: " or "))
            }
            return names.map { $0 == "sliding_attention" ? size : nil }
        }
        guard case .optional(_, var first) = rule else {
            return (0..<blocks).map { $0 % 2 == 0 ? size : nil }
        }
        if let node = value("max_window_layers") {
            guard let number = node.integer, number >= 0 else {
                throw wrong("max_window_layers", expected: "an integer of at least 0")
            }
            first = number
        }
        return (0..<blocks).map { $0 >= first ? size : nil }
    }
}
