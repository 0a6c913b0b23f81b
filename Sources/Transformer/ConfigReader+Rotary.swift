import Documents

extension ConfigReader {
    /// What rotates queries and keys, in any of the forms of `config.json`.
    ///
    /// `rope_scaling`, where it is there and not empty, counts in place of `rope_parameters`; the
    /// base and the share of a head may stand beside them. Source: `convert_rope_params_to_dict`
    /// and `standardize_rope_params` in `modeling_rope_utils.py` of transformers.
    func rotation(
        headDim: Int, positions: Int, _ rotary: Architecture.Rotary
    ) throws(ModelError) -> Rotation {
        var rope = ConfigReader(config: .object([:]), file: file, prefix: "rope_parameters.")
        for key in ["rope_parameters", "rope_scaling"] {
            guard let parameters = value(key) else { continue }
            guard let members = parameters.members else { throw wrong(key, expected: "an object") }
            if members.isEmpty { continue }
            rope = ConfigReader(config: parameters, file: file, prefix: "\(key).")
        }
        for member in rope.config.members ?? [] where member.value.members != nil {
            throw rope.wrong(
                member.key, expected: "a value for all layers, not an object for some of them")
        }
        let type = try rope.ropeType(rotary)
        let base = try rope.holder(of: "rope_theta", else: rotary.base, of: self)
            .positive(default: rotary.defaultBase)
        let share = try share(rope, rotary, type: type)
        // What is rotated whole in the family's own way may say anything here.
        let isWhole = rotary.fraction == nil && type == "default" || type == "proportional"
        let rotated = try isWhole ? headDim : rotated(headDim, share, rotary)
        let reader = RotationReader(
            rope: rope, headDim: headDim, rotated: rotated, share: share.value, base: base,
            positions: positions)
        let original = Setting(
            reader: config["original_max_position_embeddings"] != nil ? self : rope,
            key: "original_max_position_embeddings")
        let trained = { () throws(ModelError) -> Int in
            let fallback = original.reader.prefix.isEmpty ? nil : rotary.originalPositions
            if let fallback { return fallback }
            if original.node == nil { return positions }
            return try original.reader.size(original.key)
        }
        let rotation =
            switch type {
            case "linear": try reader.linear()
            case "dynamic": try reader.dynamic()
            case "yarn": try reader.yarn(trained: trained())
            case "longrope": try reader.longrope(trained: trained())
            case "llama3": try reader.llama3(trained: trained())
            case "proportional": try reader.proportional()
            default: Rotation(frequencies: reader.plain())
            }
        guard rotation.frequencies.allSatisfy(\.isFinite), rotation.factor.isFinite else {
            throw rope.wrong(
                rope.config["rope_type"] != nil ? "rope_type" : "type",
                expected: "parameters beside it that make finite frequencies")
        }
        return rotation
    }

    /// A key where it stands.
    struct Setting {
        let reader: ConfigReader
        let key: String
        var node: Node? { reader.config[key] }

        /// Absent, it is the default; null is no number, as for transformers.
        func positive(default fallback: Double) throws(ModelError) -> Double {
            node == nil ? fallback : try reader.positive(key)
        }
    }

    /// `key` where this object has it, else `other` of `outer`.
    private func holder(
        of key: String, else other: String, of outer: ConfigReader
    ) -> Setting {
        config[key] != nil
            ? Setting(reader: self, key: key) : Setting(reader: outer, key: other)
    }

    private func ropeType(_ rotary: Architecture.Rotary) throws(ModelError) -> String {
        let key = config["rope_type"] != nil ? "rope_type" : "type"
        guard let node = config[key] else { return "default" }
        let name = node.string.map { rotary.aliases[$0] ?? $0 }
        guard let name, rotary.types.contains(name) else {
            throw wrong(
                key, expected: rotary.types.joined(separator: " or ") + " for this family")
        }
        return name
    }

    /// The share of a head's elements that is rotated, and where it stands.
    private func share(
        _ rope: ConfigReader, _ rotary: Architecture.Rotary, type: String
    ) throws(ModelError) -> (value: Double, place: Setting) {
        let key = "partial_rotary_factor"
        let place = rope.holder(of: key, else: rotary.fraction ?? key, of: self)
        // Where the family has no such key, null is the same as nothing, but for kinds that compute
        // with it.
        if rotary.fraction == nil, place.node?.isNull == true,
            type == "default" || place.reader.prefix.isEmpty
        {
            return (1, place)
        }
        return (try place.positive(default: rotary.defaultFraction), place)
    }

    /// How many elements of a head are rotated; where that is odd, one more is.
    private func rotated(
        _ headDim: Int, _ share: (value: Double, place: Setting), _ rotary: Architecture.Rotary
    ) throws(ModelError) -> Int {
        let rotated = share.value * Double(headDim)
        guard rotated >= 1, rotated <= Double(headDim) else {
            throw share.place.reader.wrong(
                share.place.key,
                expected: "at most 1, and enough for one of a head's \(headDim) elements")
        }
        if rotary.fraction == nil, Int(rotated) != headDim {
            throw share.place.reader.wrong(share.place.key, expected: "1 for this family")
        }
        return Int(rotated)
    }

    /// A number above 0 that must be there.
    func positive(_ key: String) throws(ModelError) -> Double {
        guard let node = config[key] else { throw missing(key) }
        guard let number = node.double, number.isFinite, number > 0 else {
            throw wrong(key, expected: "a positive number")
        }
        return number
    }
}
