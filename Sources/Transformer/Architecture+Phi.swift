extension Architecture {
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
