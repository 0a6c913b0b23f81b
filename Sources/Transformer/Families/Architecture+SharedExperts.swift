/// Mixtures whose experts are chosen with a correction, beside experts that all tokens go to.
extension Architecture {
    /// GLM-4.5: groups of experts, sigmoids, a part of each head rotated. Source:
    /// `modeling_glm4_moe.py` of transformers.
    static let glm4Moe = Architecture(
        name: "glm4_moe", className: "Glm4MoeForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(fraction: "partial_rotary_factor", defaultFraction: 0.5),
        headCount: .free, headNorms: HeadNorms(flag: "use_qk_norm"),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 8, maximumPositions: 131_072,
            sizes: ["intermediate_size": 10944]),
        names: .llama,
        biasFlags: [
            BiasFlag(key: "attention_bias", defaultValue: false, roles: [.query, .key, .value])
        ],
        mixture: Mixture(
            blocks: .from(key: "first_k_dense_replace", default: 1),
            routing: Mixture.Routing(
                scores: .sigmoid, normaliseKey: "norm_topk_prob", normalises: true,
                floor: .added(1e-20), scaleKey: "routed_scaling_factor",
                groups: .topTwo(defaultCount: 1, defaultKept: 1)),
            keys: Mixture.Keys(experts: ["n_routed_experts", "num_local_experts"]),
            defaults: Mixture.Defaults(experts: 128, expertsPerToken: 8, expertSize: 1408),
            routers: ["mlp.gate"], correction: ["mlp.gate.e_score_correction_bias"],
            forms: plainExperts,
            shared: Mixture.Shared(
                size: .experts(key: "n_shared_experts", default: 1),
                layers: gated(in: "mlp.shared_experts"))))

    /// ERNIE 4.5 with experts, in every so many blocks. Source: `modeling_ernie4_5_moe.py`.
    static let ernie45Moe = {
        var architecture = ernie45
        architecture.name = "ernie4_5_moe"
        architecture.className = "Ernie4_5_MoeForCausalLM"
        architecture.keys.headBias = "use_bias"
        architecture.defaults.keyValueHeads = 4
        architecture.defaults.headDimension = nil
        architecture.defaults.sizes = ["intermediate_size": 12288]
        architecture.mixture = Mixture(
            blocks: .interval,
            routing: Mixture.Routing(
                scores: .softmax, normalises: true,
                floor: .least(key: "moe_norm_min", default: 1e-12)),
            keys: Mixture.Keys(
                experts: ["moe_num_experts", "num_experts"],
                expertsPerToken: ["moe_k", "num_experts_per_tok"]),
            defaults: Mixture.Defaults(experts: 64, expertsPerToken: 6, expertSize: 1536),
            routers: ["mlp.gate"],
            correction: [
                "mlp.moe_statics.e_score_correction_bias",
                "mlp.gate.moe_statics.e_score_correction_bias",
            ],
            forms: plainExperts,
            shared: Mixture.Shared(
                size: .experts(key: "moe_num_shared_experts", default: 2),
                layers: gated(in: "mlp.shared_experts")))
        return architecture
    }()
}
