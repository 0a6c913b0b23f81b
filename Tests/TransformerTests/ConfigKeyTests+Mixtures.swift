import Documents

/// What becomes of the keys of mixtures of experts.
extension ConfigKeyTests {
    private static let sharedLongrope = longrope.setting("short_mscale", to: 1.1)
        .setting("long_mscale", to: 1.2)

    /// Of single families.
    static let mixtures: [String: [String: Verdict]] = [
        "gpt_oss": ["hidden_act": .irrelevant("the gate is the family's own")],
        "olmoe": ["sliding_window": .refused(5), "layer_types": none("layers that differ")],
        "granitemoe": withoutWindow, "granitemoeshared": withoutWindow,
        "phimoe": [
            "layer_types": none("layers that differ"), "router_jitter_noise": .used(0.3),
            "rope_scaling": .refused(linear), "rope_parameters": .refused(linear),
            "partial_rotary_factor": .used(0.5, with: [("rope_scaling", sharedLongrope)]),
            "original_max_position_embeddings": .used(
                64, with: [("rope_scaling", sharedLongrope), ("max_position_embeddings", 256)]),
        ],
        "glm4_moe": withoutWindow.merging(partial) { $1 }.merging([
            "norm_topk_prob": .used(false), "first_k_dense_replace": .used(0),
        ]) { $1 },
        "ernie4_5_moe": withoutWindow,
    ]

    static let mixtureVerdicts: [String: Verdict] = [
        "swiglu_alpha": .used(3), "swiglu_limit": .used(3), "lm_head_bias": .used(true),
        "input_jitter_noise": training, "shared_intermediate_size": .used(24),
        "n_group": .used(2), "topk_group": .used(2, with: [("n_group", 4)]),
        "n_routed_experts": .used(64), "n_shared_experts": .used(2),
        "routed_scaling_factor": .used(3), "moe_k": .used(1), "moe_num_experts": .used(16),
        "moe_num_shared_experts": .used(1), "moe_norm_min": .used(1e-3),
        "moe_layer_start_index": .used(0), "moe_layer_end_index": .used(0),
        "moe_layer_interval": .used(3),
    ]
}
