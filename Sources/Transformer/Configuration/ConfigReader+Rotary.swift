import Documents
import Tensors

extension ConfigReader {
    /// What turns queries and keys in each block; nil: nothing does.
    func rotations(
        _ rotary: Architecture.Rotary, _ windows: SlidingWindows, heads: [BlockHeads],
        positions: Int
    ) throws(ModelError) -> [Rotation?] {
        let blocks = windows.blocks.count
        let isRotated: [Bool] =
            switch rotary.skips {
            case .none: [Bool](repeating: true, count: blocks)
            case .listed: try listedRotations(rotary.skips, blocks: blocks)
            case .full: windows.blocks.map { $0 && windows.size != nil }
            case .fullBesideSliding: windows.blocks.map { $0 || windows.size == nil }
            }
        func read(isSliding: Bool) throws(ModelError) -> Rotation? {
            let block = windows.blocks.firstIndex(of: isSliding)
            if rotary.sliding?.isExplicit == true, block == nil { return nil }
            return try rotation(
                try ropeObject(rotary, isSliding: isSliding),
                headDim: heads[block ?? 0].dimension, positions: positions, rotary)
        }
        let full = try read(isSliding: false)
        let sliding = rotary.sliding == nil ? full : try read(isSliding: true)
        return zip(isRotated, windows.blocks).map { isRotated, isSliding in
            isRotated ? (isSliding ? sliding : full) : nil
        }
    }

    /// Where the parameters stand, and the base where they say none.
    struct RopeObject {
        var parameters: ConfigReader
        /// The key of the base outside of them; nil: it stands nowhere else.
        var baseKey: String?
        var base: Double
    }

    /// `rope_scaling`, where it is there and not empty, counts in place of `rope_parameters`.
    /// Source: `convert_rope_params_to_dict` and `standardize_rope_params` in
    /// `modeling_rope_utils.py` of transformers.
    func ropeObject(
        _ rotary: Architecture.Rotary, isSliding: Bool
    ) throws(ModelError) -> RopeObject {
        if let sliding = rotary.sliding {
            return try ropeObject(rotary, sliding, isSliding: isSliding)
        }
        var rope = ConfigReader(
            config: rotary.count == nil ? rotary.defaultParameters ?? .object([:]) : .object([:]),
            file: file, prefix: "rope_parameters.")
        for key in rotary.count == nil ? ["rope_parameters", "rope_scaling"] : [] {
            guard let parameters = value(key) else { continue }
            guard let members = parameters.members else { throw wrong(key, expected: "an object") }
            if members.isEmpty { continue }
            rope = ConfigReader(config: parameters, file: file, prefix: "\(prefix)\(key).")
        }
        for member in rope.config.members ?? [] where member.value.members != nil {
            throw rope.wrong(
                member.key, expected: "a value for all layers, not an object for some of them")
        }
        return RopeObject(parameters: rope, baseKey: rotary.base, base: rotary.defaultBase)
    }

    /// Of families with one object for each kind of blocks; `rope_scaling` is of those that do not
    /// slide. Source: `convert_rope_params_to_dict` in `configuration_gemma3.py` and
    /// `configuration_olmo3.py` of transformers.
    private func ropeObject(
        _ rotary: Architecture.Rotary, _ sliding: Architecture.Sliding, isSliding: Bool
    ) throws(ModelError) -> RopeObject {
        let key = "rope_parameters"
        let kinds = ["full_attention", "sliding_attention"]
        let given = value(key) ?? rotary.defaultParameters ?? .object([:])
        guard let members = given.members,
            members.allSatisfy({
                kinds.contains($0.key) && ($0.value.isNull || $0.value.members != nil)
            })
        else {
            throw wrong(key, expected: "an object for each of \(kinds.joined(separator: ", "))")
        }
        let kind = kinds[isSliding ? 1 : 0]
        if sliding.isExplicit {
            if value("rope_scaling") != nil {
                throw wrong("rope_scaling", expected: "nothing, for \(key) says it")
            }
            guard let parameters = given[kind], !parameters.isNull else {
                throw missing("\(key).\(kind)")
            }
            let rope = ConfigReader(
                config: parameters, file: file, prefix: "\(prefix)\(key).\(kind).")
            if rope.value("rope_theta") == nil { throw rope.missing("rope_theta") }
            return RopeObject(parameters: rope, baseKey: nil, base: rotary.defaultBase)
        }
        var parameters = given[kind].flatMap { $0.isNull ? nil : $0 } ?? .object([:])
        var place = "\(key).\(kind)."
        if !isSliding, let scaling = value("rope_scaling") {
            guard let members = scaling.members else {
                throw wrong("rope_scaling", expected: "an object")
            }
            for member in members { parameters = parameters.setting(member.key, to: member.value) }
            place = "rope_scaling."
        }
        return RopeObject(
            parameters: ConfigReader(config: parameters, file: file, prefix: prefix + place),
            baseKey: isSliding ? sliding.base : rotary.base,
            base: isSliding ? sliding.defaultBase : rotary.defaultBase)
    }

    /// From parameters in any of the forms of `config.json`; the base and the share of a head may
    /// stand beside them.
    private func rotation(
        _ object: RopeObject, headDim: Int, positions: Int, _ rotary: Architecture.Rotary
    ) throws(ModelError) -> Rotation {
        let rope = object.parameters
        if let count = rotary.count { return try rotation(count, headDim: headDim, rotary) }
        let type = try rope.ropeType(rotary)
        let base = try rope.holder(of: "rope_theta", else: object.baseKey, of: self)
            .positive(default: object.base)
        let share = try share(rope, rotary, type: type)
        // What is rotated whole in the family's own way may say anything here.
        let isWhole = rotary.fraction == nil && type == "default" || type == "proportional"
        let rotated = try isWhole ? headDim : rotated(headDim, share, rotary)
        let reader = RotationReader(
            rope: rope, headDim: headDim, rotated: rotated, share: share.value, base: base,
            positions: positions)
        let original = Setting(
            reader: node("original_max_position_embeddings") != nil ? self : rope,
            key: "original_max_position_embeddings")
        let trained = { () throws(ModelError) -> Int in
            let fallback = original.reader.prefix == prefix ? nil : rotary.originalPositions
            if let fallback { return fallback }
            if original.node == nil { return positions }
            return try original.reader.size(original.key)
        }
        var rotation =
            switch type {
            case "linear": try reader.linear()
            case "dynamic":
                rotary.stretchesBase && rope.value("alpha")?.double != 0
                    && rope.value("alpha") != nil
                    ? try reader.stretched() : try reader.dynamic()
            case "yarn": try reader.yarn(trained: trained())
            case "longrope": try longrope(reader, rotary, trained: trained())
            case "llama3": try reader.llama3(trained: trained())
            case "proportional": try reader.proportional()
            default: Rotation(frequencies: reader.plain())
            }
        guard (rotation.frequencies + (rotation.long?.frequencies ?? [])).allSatisfy(\.isFinite),
            rotation.factor.isFinite
        else {
            throw rope.wrong(
                rope.config["rope_type"] != nil ? "rope_type" : "type",
                expected: "parameters beside it that make finite frequencies")
        }
        rotation.pairs = try pairs(rotary)
        if rotary.growsQueries {
            if type == "default", rope.value("original_max_position_embeddings") == nil {
                throw rope.missing("original_max_position_embeddings")
            }
            rotation.growth = Rotation.Growth(
                factor: Float(try rope.positive("llama_4_scaling_beta")), step: try trained())
        }
        return rotation
    }

    /// With factors of its own where the family has them.
    private func longrope(
        _ reader: RotationReader, _ rotary: Architecture.Rotary, trained: Int
    ) throws(ModelError) -> Rotation {
        var rotation = try reader.longrope(trained: trained)
        guard let keys = rotary.magnitudes else { return rotation }
        let (short, long) = (
            try reader.rope.positive(keys.short), try reader.rope.positive(keys.long)
        )
        rotation.factor = Float(short)
        // Beyond the original length transformers changes the factor alone there.
        rotation.long =
            short == long
            ? nil
            : Rotation.Long(
                length: trained, frequencies: rotation.frequencies, factor: Float(long))
        return rotation
    }

    private func pairs(_ rotary: Architecture.Rotary) throws(ModelError) -> RotaryTable.Pairs {
        guard let key = rotary.interleaves, let node = node(key) else { return rotary.pairs }
        // Null is false there.
        if node.isNull { return .halves }
        return try flag(key, default: true) ? .neighbours : .halves
    }

    /// Of a number of elements, whatever stands elsewhere.
    private func rotation(
        _ count: (key: String, defaultValue: Int), headDim: Int, _ rotary: Architecture.Rotary
    ) throws(ModelError) -> Rotation {
        let rotated = try size(
            count.key, default: node(count.key) == nil ? count.defaultValue : nil)
        guard rotated % 2 == 0, rotated <= headDim else {
            throw wrong(count.key, expected: "an even number, at most a head's \(headDim) elements")
        }
        let reader = RotationReader(
            rope: self, headDim: headDim, rotated: rotated, share: 1, base: rotary.defaultBase,
            positions: 0)
        return Rotation(frequencies: reader.plain(), pairs: rotary.pairs)
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
        of key: String, else other: String?, of outer: ConfigReader
    ) -> Setting {
        guard config[key] == nil, let other else { return Setting(reader: self, key: key) }
        return Setting(reader: outer, key: other)
    }

    func ropeType(_ rotary: Architecture.Rotary) throws(ModelError) -> String {
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
        if rotary.sliding?.isExplicit == true {
            let place = Setting(reader: rope, key: key)
            return (try place.positive(default: 1), place)
        }
        let place = rope.holder(of: key, else: rotary.fraction ?? key, of: self)
        // Where the family has no such key, null is the same as nothing, but for kinds that compute
        // with it.
        if rotary.fraction == nil, place.node?.isNull == true,
            type == "default" || place.reader.prefix == prefix
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
