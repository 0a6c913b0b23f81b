extension Architecture {
    /// GPT-NeoX and Pythia: attention and feed-forward side by side, query, key and value in one
    /// layer, and a part of each head rotated. Source: `modeling_gpt_neox.py` of transformers,
    /// whose version 5 calls the head `lm_head` in memory and `embed_out` in files.
    static let gptNeoX = Architecture(
        name: "gpt_neox", className: "GPTNeoXForCausalLM", norm: .layer, position: .rotary,
        feedForward: .plain,
        rotary: Rotary(base: "rotary_emb_base", fraction: "rotary_pct", defaultFraction: 0.25),
        interleavesHeads: true,
        keys: Keys(
            keyValueHeads: nil, headDimension: nil, normEpsilon: "layer_norm_eps",
            parallelResidual: "use_parallel_residual"),
        defaults: Defaults(activation: "gelu", normEpsilon: 1e-5, parallelResidual: true),
        names: Names(
            blocks: "gpt_neox.layers", embedding: "gpt_neox.embed_in",
            finalNorm: "gpt_neox.final_layer_norm", heads: ["embed_out", "lm_head"],
            attentionNorm: "input_layernorm", feedForwardNorm: "post_attention_layernorm",
            layers: [
                .queryKeyValue: "attention.query_key_value", .output: "attention.dense",
                .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
            ]),
        biases: [.up, .down],
        biasFlags: [
            BiasFlag(
                key: "attention_bias", defaultValue: true, roles: [.queryKeyValue, .output])
        ],
        impliedSizes: ["head_dim": Quotient(key: "hidden_size", divisor: "num_attention_heads")])
}
