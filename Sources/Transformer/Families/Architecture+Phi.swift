extension Architecture {
    /// Phi-1 to Phi-2: attention and feed-forward side by side behind one norm, a part of each head
    /// rotated, and biases everywhere. Source: `modeling_phi.py` of transformers.
    static let phi = Architecture(
        name: "phi", className: "PhiForCausalLM", norm: .layer, position: .rotary,
        feedForward: .plain,
        rotary: Rotary(fraction: "partial_rotary_factor", defaultFraction: 0.5),
        headNorms: HeadNorms(flag: "qk_layernorm"), headHasBias: true,
        keys: Keys(headDimension: nil, normEpsilon: "layer_norm_eps"),
        defaults: Defaults(activation: "gelu_new", normEpsilon: 1e-5, parallelResidual: true),
        names: Names(
            blocks: "model.layers", embedding: "model.embed_tokens",
            finalNorm: "model.final_layernorm", attentionNorm: "input_layernorm",
            sharesParallelNorm: true, queryNorm: "self_attn.q_layernorm",
            keyNorm: "self_attn.k_layernorm",
            layers: [
                .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
                .output: "self_attn.dense", .up: "mlp.fc1", .down: "mlp.fc2",
            ]),
        biases: [.query, .key, .value, .output, .up, .down])

    /// Phi-3: Llama with query, key and value in one layer, gate and up in another, and no biases.
    /// Source: `modeling_phi3.py` of transformers.
    static let phi3 = Architecture(
        name: "phi3", className: "Phi3ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(
            fraction: "partial_rotary_factor", types: ["default", "longrope"],
            aliases: ["su": "longrope", "yarn": "longrope"], originalPositions: 4096),
        headCount: .free, window: .always(default: nil),
        defaults: Defaults(normEpsilon: 1e-5, maximumPositions: 4096),
        names: Names(
            blocks: "model.layers", embedding: "model.embed_tokens", finalNorm: "model.norm",
            attentionNorm: "input_layernorm", feedForwardNorm: "post_attention_layernorm",
            layers: [
                .queryKeyValue: "self_attn.qkv_proj", .output: "self_attn.o_proj",
                .gateUp: "mlp.gate_up_proj", .down: "mlp.down_proj",
            ]))
}
