extension Architecture {
    /// Attention whose queries, keys and values are made of latents of a low rank. A part of each
    /// head of queries and keys is rotated, and all heads of keys share theirs.
    ///
    /// Source: arXiv 2405.04434, section 2.1; `DeepseekV3Attention` in `modeling_deepseek_v3.py` of
    /// transformers.
    package struct Latent: Sendable {
        /// By their keys in `config.json`.
        package var defaults = [
            "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_rope_head_dim": 64,
            "qk_nope_head_dim": 128, "v_head_dim": 128,
        ]
        /// Norms over the latents, inside a block.
        package var queryNorm = "self_attn.q_a_layernorm"
        package var keyValueNorm = "self_attn.kv_a_layernorm"
        /// Of these norms, whatever the others have.
        package var normEpsilon: Float = 1e-6
    }

    /// Layers that read the block's input, and the output projection.
    static let latentBiasRoles: Set<Role> = [.queryLatent, .keyValueLatent, .output]
}

extension Architecture.Names {
    static let latent = {
        var names = llama
        names.layers[.key] = nil
        names.layers[.value] = nil
        names.queryNorm = nil
        names.keyNorm = nil
        names.layers[.queryLatent] = "self_attn.q_a_proj"
        names.layers[.queryFromLatent] = "self_attn.q_b_proj"
        names.layers[.keyValueLatent] = "self_attn.kv_a_proj_with_mqa"
        names.layers[.keyValueFromLatent] = "self_attn.kv_b_proj"
        return names
    }()
}
