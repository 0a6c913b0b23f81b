extension Architecture {
    /// Granite with experts. Source: `modeling_granitemoe.py` of transformers.
    static let graniteMoe = {
        var architecture = granite
        architecture.name = "granitemoe"
        architecture.className = "GraniteMoeForCausalLM"
        architecture.biasFlags = [
            BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)
        ]
        architecture.defaults.sizes = ["intermediate_size": 11008]
        architecture.mixture = Mixture(
            blocks: .all, routing: Mixture.Routing(scores: .logits),
            keys: Mixture.Keys(experts: ["num_local_experts"], expertSize: "intermediate_size"),
            defaults: Mixture.Defaults(experts: 8, expertsPerToken: 2, expertSize: 11008),
            routers: ["block_sparse_moe.router.layer", "block_sparse_moe.router"],
            forms: [
                .fused(
                    gateUp: "block_sparse_moe.input_linear",
                    down: "block_sparse_moe.output_linear", Mixture.FusedOrder(suffix: ".weight")),
                .fused(
                    gateUp: "block_sparse_moe.experts.gate_up_proj",
                    down: "block_sparse_moe.experts.down_proj", Mixture.FusedOrder()),
            ])
        return architecture
    }()

    /// The same with an expert that all tokens go to. Source: `modeling_granitemoeshared.py`.
    static let graniteMoeShared = {
        var architecture = graniteMoe
        architecture.name = "granitemoeshared"
        architecture.className = "GraniteMoeSharedForCausalLM"
        architecture.mixture?.shared = Mixture.Shared(
            size: .key("shared_intermediate_size", default: 0),
            layers: [.gateUp: "shared_mlp.input_linear", .down: "shared_mlp.output_linear"])
        return architecture
    }()
}
