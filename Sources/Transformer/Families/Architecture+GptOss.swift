import Documents

extension Architecture {
    /// gpt-oss: experts with biases that are stored as one tensor, a gate within limits, and a
    /// score in each head's attention that no value belongs to. Source: `modeling_gpt_oss.py` of
    /// transformers.
    static let gptOss = Architecture(
        name: "gpt_oss", className: "GptOssForCausalLM", norm: .rms, position: .rotary,
        feedForward: .clampedGate,
        rotary: Rotary(
            defaultBase: 150_000,
            defaultParameters: .object([
                "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
                "truncate": false, "original_max_position_embeddings": 4096,
            ])),
        headCount: .free, window: .patterned(default: 128, every: 2),
        keys: Keys(activation: nil),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 8, headDimension: 64, maximumPositions: 131_072,
            sizes: [
                "vocab_size": 201_088, "hidden_size": 2880, "intermediate_size": 2880,
                "num_hidden_layers": 36, "num_attention_heads": 64,
            ]),
        names: {
            var names = Names.llama
            names.sinks = "self_attn.sinks"
            return names
        }(),
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: true, roles: attentionRoles)],
        mixture: Mixture(
            blocks: .all, routing: Mixture.Routing(scores: .logits),
            keys: Mixture.Keys(
                experts: ["num_local_experts", "num_experts"], expertSize: "intermediate_size"),
            defaults: Mixture.Defaults(experts: 128, expertsPerToken: 4, expertSize: 2880),
            routers: ["mlp.router"], routerHasBias: true,
            forms: [
                .fused(
                    gateUp: "mlp.experts.gate_up_proj", down: "mlp.experts.down_proj",
                    Mixture.FusedOrder(isTransposed: true, interleaves: true))
            ],
            biases: [.gateUp, .down]))
}
