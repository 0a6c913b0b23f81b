import Documents

extension Architecture {
    /// An expert's layers.
    static let gated: [Role: String] = [
        .gate: "gate_proj", .up: "up_proj", .down: "down_proj",
    ]

    /// The same layers of a module.
    static func gated(in module: String) -> [Role: String] {
        gated.mapValues { "\(module).\($0)" }
    }

    /// As Mixtral names them.
    static let numberedExperts: [Mixture.Form] = [
        .single(
            prefix: "block_sparse_moe.experts", layers: [.gate: "w1", .up: "w3", .down: "w2"]),
        plainExperts[1],
    ]

    /// Each expert's layers by themselves, or all experts' in one tensor.
    static let plainExperts: [Mixture.Form] = [
        .single(prefix: "mlp.experts", layers: gated),
        .fused(
            gateUp: "mlp.experts.gate_up_proj", down: "mlp.experts.down_proj",
            Mixture.FusedOrder()),
    ]

    /// Qwen3 with experts. Source: `modeling_qwen3_moe.py`.
    static let qwen3Moe = Architecture(
        name: "qwen3_moe", className: "Qwen3MoeForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .free, headNorms: HeadNorms(),
        window: .flagged(default: 4096),
        defaults: Defaults(
            keyValueHeads: 4, maximumPositions: 32768, sizes: ["intermediate_size": 6144]),
        names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)],
        mixture: Mixture(
            blocks: .everyNth,
            routing: Mixture.Routing(scores: .softmax, normaliseKey: "norm_topk_prob"),
            defaults: Mixture.Defaults(experts: 128, expertsPerToken: 8, expertSize: 768),
            routers: ["mlp.gate"], forms: plainExperts))

    /// Qwen2 with experts, one of which all tokens go to. Source: `modeling_qwen2_moe.py`.
    static let qwen2Moe = Architecture(
        name: "qwen2_moe", className: "Qwen2MoeForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .free,
        window: .interleaved(default: 4096, upTo: 28),
        defaults: Defaults(
            keyValueHeads: 16, maximumPositions: 32768, sizes: ["intermediate_size": 5632]),
        names: .llama,
        biasFlags: [
            BiasFlag(key: "qkv_bias", defaultValue: true, roles: [.query, .key, .value])
        ],
        mixture: Mixture(
            blocks: .everyNth,
            routing: Mixture.Routing(scores: .softmax, normaliseKey: "norm_topk_prob"),
            defaults: Mixture.Defaults(experts: 60, expertsPerToken: 4, expertSize: 1408),
            routers: ["mlp.gate"], forms: plainExperts,
            shared: Mixture.Shared(
                size: .key("shared_expert_intermediate_size", default: 5632),
                layers: gated(in: "mlp.shared_expert"), gate: "mlp.shared_expert_gate")))

    /// Mixtral: Mistral with experts. Source: `modeling_mixtral.py`.
    static let mixtral = Architecture(
        name: "mixtral", className: "MixtralForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, rotary: Rotary(defaultBase: 1e6), headCount: .free,
        window: .always(default: nil),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 8, maximumPositions: 131_072,
            sizes: ["intermediate_size": 14336]),
        names: .llama,
        mixture: Mixture(
            blocks: .all, routing: Mixture.Routing(scores: .softmax, normalises: true),
            keys: Mixture.Keys(
                experts: ["num_local_experts", "num_experts"], expertSize: "intermediate_size"),
            defaults: Mixture.Defaults(experts: 8, expertsPerToken: 2, expertSize: 14336),
            routers: ["block_sparse_moe.gate", "mlp.gate"], forms: numberedExperts))

    /// OLMoE: experts of Llama's kind behind norms over all queries and keys. Source:
    /// `modeling_olmoe.py`.
    static let olmoe = Architecture(
        name: "olmoe", className: "OlmoeForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headNorms: HeadNorms(extent: .whole),
        keys: Keys(queryKeyValueLimit: "clip_qkv"),
        defaults: Defaults(
            normEpsilon: 1e-5, maximumPositions: 4096, sizes: ["intermediate_size": 2048]),
        names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)],
        // Some kernels attend to a window there, others do not.
        requirements: ["sliding_window": Node(.null)],
        impliedSizes: ["head_dim": Quotient(key: "hidden_size", divisor: "num_attention_heads")],
        mixture: Mixture(
            blocks: .all,
            routing: Mixture.Routing(scores: .softmax, normaliseKey: "norm_topk_prob"),
            keys: Mixture.Keys(expertSize: "intermediate_size"),
            defaults: Mixture.Defaults(experts: 64, expertsPerToken: 8, expertSize: 2048),
            routers: ["mlp.gate"], forms: plainExperts))

    /// Phi-3.5-MoE: layer norms, two experts of which each has its own share. Source:
    /// `modeling_phimoe.py`.
    static let phiMoe = Architecture(
        name: "phimoe", className: "PhimoeForCausalLM", norm: .layer, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(
            defaultBase: 1e6, types: ["default", "longrope"], aliases: ["su": "longrope"],
            magnitudes: ("short_mscale", "long_mscale")),
        headCount: .free, window: .always(default: nil), keys: Keys(headBias: "lm_head_bias"),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 8, maximumPositions: 131_072,
            sizes: ["intermediate_size": 6400]),
        names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)],
        mixture: Mixture(
            blocks: .all, routing: Mixture.Routing(scores: .mixer),
            keys: Mixture.Keys(
                experts: ["num_local_experts"], expertSize: "intermediate_size"),
            defaults: Mixture.Defaults(experts: 16, expertsPerToken: 2, expertSize: 6400),
            routers: ["block_sparse_moe.gate", "mlp.router"], forms: numberedExperts))
}
