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
            guard let node = node(key), !harmless.contains(node.value),
                architecture.harmless[key].map({ $0.value != node.value }) ?? true,
                key != "per_layer_config" || !architecture.hasKindsOfHeads
            else { continue }
            throw wrong(key, expected: expected)
        }
        for (key, only) in architecture.requirements {
            guard let node = node(key), node.value != only.value else { continue }
            throw wrong(
                key,
                expected: "\(String(decoding: JSON.encode(only, indent: nil), as: UTF8.self)); "
                    + "anything else is not supported")
        }
        // Flags of the same layers.
        for (flag, next) in zip(architecture.biasFlags, architecture.biasFlags.dropFirst())
        where flag.roles == next.roles {
            let isOn = try self.flag(flag.key, default: flag.defaultValue)
            if try self.flag(next.key, default: next.defaultValue) != isOn {
                throw wrong(next.key, expected: "\(isOn), as \(found(flag.key)) is")
            }
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
}
