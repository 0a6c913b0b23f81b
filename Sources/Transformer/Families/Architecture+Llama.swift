import Documents

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
        feedForward: .gated, headCount: .free, headNorms: HeadNorms(),
        window: .optional(default: 4096, firstBlock: 28),
        defaults: Defaults(keyValueHeads: 32, headDimension: 128, maximumPositions: 32768),
        names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// Qwen3-VL, its language model: Qwen3 without a window. Where there is only text, the three
    /// kinds of positions are one. Source: `modeling_qwen3_vl.py`.
    static let qwen3VL = {
        var architecture = qwen3
        architecture.name = "qwen3_vl"
        architecture.className = "Qwen3VLForConditionalGeneration"
        architecture.settingsKey = "text_config"
        architecture.rotary = Rotary(defaultBase: 500_000)
        architecture.window = .none
        architecture.defaults.maximumPositions = 128_000
        architecture.defaults.sizes = [
            "vocab_size": 151_936, "hidden_size": 4096, "intermediate_size": 22016,
            "num_hidden_layers": 32, "num_attention_heads": 32,
        ]
        architecture.names.nest()
        return architecture
    }()

    /// Ministral 3: Mistral whose queries grow with their position. Source:
    /// `modeling_ministral3.py`.
    static let ministral3 = Architecture(
        name: "ministral3", className: "Ministral3ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(
            defaultParameters: .object([
                "type": "yarn", "rope_theta": 1_000_000.0, "factor": 16.0,
                "original_max_position_embeddings": 16384, "beta_fast": 32.0, "beta_slow": 1.0,
                "mscale_all_dim": 1.0, "mscale": 1.0, "llama_4_scaling_beta": 0.1,
            ]), growsQueries: true),
        headCount: .free, window: .always(default: nil),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 8, headDimension: 128, maximumPositions: 262_144,
            sizes: [
                "vocab_size": 131_072, "hidden_size": 4096, "intermediate_size": 14336,
                "num_hidden_layers": 34, "num_attention_heads": 32,
            ]),
        names: .llama)

    /// Mistral 3 that sees; its language model, a Mistral or a Ministral 3, is pruned.
    static let mistral3 = seeing(mistral, isDefault: true)
    static let mistral3WithMinistral = seeing(ministral3, isDefault: false)

    private static func seeing(_ text: Architecture, isDefault: Bool) -> Architecture {
        var architecture = text
        architecture.name = "mistral3"
        architecture.className = "Mistral3ForConditionalGeneration"
        architecture.settingsKey = "text_config"
        architecture.conditions = [
            Condition(
                key: "model_type", isInner: true, value: Node(text.name),
                defaultValue: Node(mistral.name))
        ]
        architecture.defaults.tiedEmbeddings = true
        architecture.relabel = nil
        architecture.names.nest()
        return architecture
    }
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
