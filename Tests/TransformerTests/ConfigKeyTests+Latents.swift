import Documents

/// What becomes of the keys of families whose attention is made of latents.
extension ConfigKeyTests {
    private static let common = withoutWindow.merging(
        [
            "q_lora_rank": .used(24), "kv_lora_rank": .used(24), "qk_nope_head_dim": .used(24),
            "qk_rope_head_dim": .used(24), "v_head_dim": .used(24), "rope_interleave": .used(false),
            "norm_topk_prob": .used(false), "n_routed_experts": .used(16),
            "n_shared_experts": .used(3), "routed_scaling_factor": .used(3),
            "num_local_experts": .used(16), "n_group": .used(2),
            "topk_group": .used(2, with: [("n_group", 4)]),
            "embedding_initializer_range": training,
        ]
    ) { $1 }

    private static let limited: [(String, Node)] = [
        ("topk_method", "group_limited_greedy"), ("n_group", 4), ("topk_group", 1),
    ]

    static let latents: [String: [String: Verdict]] = [
        "deepseek_v3": common.merging(["first_k_dense_replace": .used(0)]) { $1 },
        "deepseek_v2": common.merging([
            "first_k_dense_replace": .used(1), "num_experts": .used(16),
            "norm_topk_prob": .irrelevant("nothing divides the weights"),
            "topk_method": .used(limited[0].1, with: limited),
            "n_group": .used(2, with: limited), "topk_group": .used(2, with: limited),
        ]) { $1 },
        "glm4_moe_lite": common.merging(["mlp_layer_types": .used(["sparse", "dense"])]) { $1 },
    ]

    /// What such a family's configuration must say beside the others'.
    static func leastOfLatents(_ config: Node) -> Node {
        config.setting("num_key_value_heads", to: 4).setting("num_experts_per_tok", to: 2)
    }
}
