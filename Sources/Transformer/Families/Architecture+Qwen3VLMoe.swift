extension Architecture {
    /// Qwen3-VL with experts, its language model: Qwen3-VL's with Qwen3's mixture, all experts in
    /// one tensor, `[experts, in, out]`. Source: `modeling_qwen3_vl_moe.py` and
    /// `conversion_mapping.py` of transformers.
    static let qwen3VLMoe = {
        var architecture = qwen3VL
        architecture.name = "qwen3_vl_moe"
        architecture.className = "Qwen3VLMoeForConditionalGeneration"
        architecture.defaults.keyValueHeads = 16
        architecture.defaults.headDimension = nil
        architecture.defaults.sizes = [
            "vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 5632,
            "num_hidden_layers": 24, "num_attention_heads": 16,
        ]
        architecture.mixture = Mixture(
            blocks: .everyNth, routing: Mixture.Routing(scores: .softmax, normalises: true),
            defaults: Mixture.Defaults(experts: 60, expertsPerToken: 4, expertSize: 1408),
            routers: ["mlp.gate"],
            forms: [
                .fused(
                    gateUp: "mlp.experts.gate_up_proj", down: "mlp.experts.down_proj",
                    Mixture.FusedOrder(isTransposed: true, mayBePlain: true))
            ])
        return architecture
    }()
}
