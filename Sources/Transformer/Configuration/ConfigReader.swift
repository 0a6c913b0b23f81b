import Documents

/// Typed look-ups in `config.json`, where unknown keys are fine and a null counts as absent.
struct ConfigReader {
    let config: Node
    let file: String
    /// What comes before a key in errors, for an object inside `config.json`: `rope_scaling.`.
    var prefix = ""
    /// What the family calls keys that may also stand under the names that all have.
    var aliases: [String: String] = [:]
    /// The same where they count before the names that all have.
    var overrides: [String: String] = [:]

    /// The name under which a key stands.
    func found(_ key: String) -> String {
        if let other = overrides[key], let node = config[other], !node.isNull { return other }
        return config[key] == nil ? aliases[key] ?? key : key
    }

    /// What stands under a key, be it null; nil where it is absent.
    func node(_ key: String) -> Node? { config[found(key)] }

    /// The value of a key, nil where it is absent or null.
    func value(_ key: String) -> Node? {
        guard let node = node(key), !node.isNull else { return nil }
        return node
    }

    func wrong(_ key: String, expected: String) -> ModelError {
        let value = node(key).map {
            String(decoding: JSON.encode($0, indent: nil), as: UTF8.self)
        }
        return ModelError(
            file: file,
            reason: .value(
                key: prefix + found(key), found: value ?? "absent", expected: expected))
    }

    func missing(_ key: String) -> ModelError {
        ModelError(file: file, reason: .missing(key: prefix + found(key)))
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
    func cap(_ key: String?, default fallback: Double?) throws(ModelError) -> Float? {
        guard let key, node(key)?.isNull != true else { return nil }
        if fallback == nil, node(key) == nil { return nil }
        return Float(try number(key, default: fallback ?? 1))
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
