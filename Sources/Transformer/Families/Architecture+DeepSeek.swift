extension Architecture {
    /// DeepSeek-V3, R1, Moonlight and what shares their layout. Source: `modeling_deepseek_v3.py`.
    ///
    /// The blocks that predict further tokens, behind `num_hidden_layers`, pass through.
    static let deepseekV3 = Architecture(
        name: "deepseek_v3", className: "DeepseekV3ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, rotary: Rotary(pairs: .neighbours, interleaves: "rope_interleave"),
        headCount: .free,
        defaults: Defaults(
            keyValueHeads: 128, maximumPositions: 4096, sizes: ["intermediate_size": 18432]),
        names: .latent,
        biasFlags: [
            BiasFlag(key: "attention_bias", defaultValue: false, roles: latentBiasRoles)
        ],
        latent: Latent(),
        mixture: Mixture(
            blocks: .from(key: "first_k_dense_replace", default: 3),
            routing: Mixture.Routing(
                scores: .sigmoid, normaliseKey: "norm_topk_prob", normalises: true,
                floor: .added(1e-20), scaleKey: "routed_scaling_factor", defaultScale: 2.5,
                groups: .topTwo(defaultCount: 8, defaultKept: 4)),
            keys: Mixture.Keys(experts: ["n_routed_experts", "num_local_experts"]),
            defaults: Mixture.Defaults(experts: 256, expertsPerToken: 8, expertSize: 2048),
            routers: ["mlp.gate"], correction: ["mlp.gate.e_score_correction_bias"],
            forms: plainExperts,
            shared: Mixture.Shared(
                size: .experts(key: "n_shared_experts", default: 1),
                layers: gated(in: "mlp.shared_experts"))))

    /// GLM-4.7-Flash: DeepSeek-V3 with other numbers. Source: `modeling_glm4_moe_lite.py`.
    static let glm4MoeLite = {
        var architecture = deepseekV3
        architecture.name = "glm4_moe_lite"
        architecture.className = "Glm4MoeLiteForCausalLM"
        architecture.rotary.fraction = "partial_rotary_factor"
        architecture.defaults = Defaults(
            normEpsilon: 1e-5, keyValueHeads: 20, maximumPositions: 202_752,
            sizes: ["intermediate_size": 10240])
        architecture.latent?.defaults = [
            "q_lora_rank": 768, "kv_lora_rank": 512, "qk_rope_head_dim": 64,
            "qk_nope_head_dim": 192, "v_head_dim": 256,
        ]
        architecture.mixture?.blocks = .listed(key: "mlp_layer_types", from: 1)
        architecture.mixture?.routing.defaultScale = 1.8
        architecture.mixture?.routing.groups = .topTwo(defaultCount: 1, defaultKept: 1)
        architecture.mixture?.defaults = Mixture.Defaults(
            experts: 64, expertsPerToken: 4, expertSize: 1536)
        return architecture
    }()

    /// DeepSeek-V2 and V2-Lite. Source: `modeling_deepseek_v2.py`.
    static let deepseekV2 = Architecture(
        name: "deepseek_v2", className: "DeepseekV2ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, rotary: Rotary(pairs: .neighbours), headCount: .dividingHiddenSize,
        defaults: Defaults(maximumPositions: 2048, sizes: ["intermediate_size": 11008]),
        names: .latent,
        biasFlags: [
            BiasFlag(key: "attention_bias", defaultValue: false, roles: latentBiasRoles),
            BiasFlag(key: "mlp_bias", defaultValue: false, roles: feedForwardRoles),
        ],
        latent: Latent(),
        mixture: Mixture(
            blocks: .from(key: "first_k_dense_replace", default: 0),
            routing: Mixture.Routing(
                scores: .softmax, scaleKey: "routed_scaling_factor", groups: .largest),
            keys: Mixture.Keys(experts: ["n_routed_experts", "num_experts"]),
            defaults: Mixture.Defaults(experts: 64, expertsPerToken: nil, expertSize: 1407),
            routers: ["mlp.gate"], forms: plainExperts,
            shared: Mixture.Shared(
                size: .experts(key: "n_shared_experts", default: 2),
                layers: gated(in: "mlp.shared_experts"))))
}
