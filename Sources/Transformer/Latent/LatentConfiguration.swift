import Glibc

/// Attention by latents as `config.json` has it.
package struct LatentConfiguration: Sendable, Hashable {
    /// Width of the queries' latent; nil: queries are made of the block's input.
    package let queryRank: Int?
    /// Width of the latent of keys and values.
    package let keyValueRank: Int
    /// Elements of a head of queries and keys that are not rotated, and come first.
    package let plainSize: Int
    /// Elements that are rotated.
    package let rotatedSize: Int
    /// Elements of a head of values.
    package let valueSize: Int

    /// Elements of a head of queries and keys.
    package var headDim: Int { plainSize + rotatedSize }

    private static let maximumSize = 1 << 16

    /// - Throws: `ModelError` that names the key.
    init(_ reader: ConfigReader, _ latent: Architecture.Latent) throws(ModelError) {
        func size(_ key: String, atMost limit: Int = 1 << 31) throws(ModelError) -> Int {
            if reader.node(key)?.isNull == true {
                throw reader.wrong(key, expected: "an integer")
            }
            return try reader.size(key, default: latent.defaults[key], atMost: limit)
        }
        queryRank =
            reader.node("q_lora_rank")?.isNull == true ? nil : try size("q_lora_rank")
        keyValueRank = try size("kv_lora_rank")
        plainSize = try size("qk_nope_head_dim", atMost: Self.maximumSize)
        rotatedSize = try size("qk_rope_head_dim", atMost: Self.maximumSize)
        valueSize = try size("v_head_dim", atMost: Self.maximumSize)
        if rotatedSize % 2 != 0 {
            throw reader.wrong("qk_rope_head_dim", expected: "an even number")
        }
        // There it is the part that is rotated.
        if let node = reader.value("head_dim"), node.integer != rotatedSize {
            throw reader.wrong("head_dim", expected: "\(rotatedSize), as qk_rope_head_dim is")
        }
    }

    /// - Throws: `ModelError` where a rotation does not turn all that is to be turned.
    func check(_ rotations: [Rotation?], _ reader: ConfigReader) throws(ModelError) {
        for rotation in rotations where rotation.map({ 2 * $0.frequencies.count }) != rotatedSize {
            throw reader.wrong("partial_rotary_factor", expected: "1 for this family")
        }
    }
}

extension ConfigReader {
    /// What queries times keys is multiplied by.
    ///
    /// Source: `yarn_apply_mscale` in `modeling_deepseek_v3.py` of transformers.
    func attentionScale(
        _ latent: LatentConfiguration, _ rotary: Architecture.Rotary
    ) throws(ModelError) -> Float {
        let scale = pow(Double(latent.headDim), -0.5)
        let rope = try ropeObject(rotary, isSliding: false).parameters
        guard try rope.ropeType(rotary) != "default",
            let share = try rope.nonzero("mscale_all_dim")
        else { return Float(scale) }
        let magnitude = RotationReader.magnitude(
            factor: try rope.positive("factor"), scale: share)
        return Float(scale * magnitude * magnitude)
    }
}
