extension Architecture {
    /// Llama and what shares its layout. Source: `modeling_llama.py` of transformers.
    package static let llama = Architecture(
        name: "llama", className: "LlamaForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .dividingHiddenSize, names: .llama,
        biasFlags: [
            BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles),
            BiasFlag(key: "mlp_bias", defaultValue: false, roles: feedForwardRoles),
        ])

    /// Mistral: Llama with a sliding window and no biases. Source: `modeling_mistral.py`.
    static let mistral = Architecture(
        name: "mistral", className: "MistralForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .free,
        window: .always(default: 4096, readsLayerTypes: true),
        defaults: Defaults(keyValueHeads: 8, maximumPositions: 131_072), names: .llama,
        relabel: Relabel(
            from: "mistral", name: "llama", tokenizerClass: "PreTrainedTokenizerFast",
            formerClass: "LlamaTokenizer", dropped: ["sliding_window", "layer_types"]))

    /// Qwen2 and Qwen2.5: Llama with biases on query, key and value. Source: `modeling_qwen2.py`.
    static let qwen2 = Architecture(
        name: "qwen2", className: "Qwen2ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, window: .optional(default: 4096, firstBlock: 28),
        defaults: Defaults(keyValueHeads: 32, maximumPositions: 32768), names: .llama,
        biases: [.query, .key, .value],
        relabel: Relabel(
            from: "qwen2", name: "llama", tokenizerClass: "Qwen2Tokenizer",
            formerClass: "Qwen2Tokenizer",
            dropped: ["sliding_window", "use_sliding_window", "max_window_layers", "layer_types"]))

    /// Qwen3: Qwen2 with norms over each head of queries and keys. Source: `modeling_qwen3.py`.
    static let qwen3 = Architecture(
        name: "qwen3", className: "Qwen3ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .free, normalisesQueriesAndKeys: true,
        window: .optional(default: 4096, firstBlock: 28),
        defaults: Defaults(keyValueHeads: 32, headDimension: 128, maximumPositions: 32768),
        names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])
}

extension Architecture.Names {
    static let llama = Architecture.Names(
        blocks: "model.layers", embedding: "model.embed_tokens", finalNorm: "model.norm",
        attentionNorm: "input_layernorm", feedForwardNorm: "post_attention_layernorm",
        queryNorm: "self_attn.q_norm", keyNorm: "self_attn.k_norm",
        layers: [
            .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
            .output: "self_attn.o_proj", .gate: "mlp.gate_proj", .up: "mlp.up_proj",
            .down: "mlp.down_proj",
        ])
}
