extension Architecture {
    /// OPT; its positions start at row 2 of the table. Source: `modeling_opt.py` of transformers.
    static let opt = Architecture(
        name: "opt", className: "OPTForCausalLM", norm: .layer, position: .learned(offset: 2),
        feedForward: .plain,
        keys: Keys(
            intermediateSize: "ffn_dim", activation: "activation_function", keyValueHeads: nil,
            headDimension: nil, normEpsilon: nil,
            embeddingSize: "word_embed_proj_dim", normsBefore: "do_layer_norm_before",
            normsAffine: "layer_norm_elementwise_affine",
            withoutFinalNorm: "_remove_final_layer_norm"),
        defaults: Defaults(activation: "relu", normEpsilon: 1e-5, tiedEmbeddings: true),
        names: Names(
            blocks: "model.decoder.layers", embedding: "model.decoder.embed_tokens",
            positions: "model.decoder.embed_positions", projectIn: "model.decoder.project_in",
            projectOut: "model.decoder.project_out", finalNorm: "model.decoder.final_layer_norm",
            attentionNorm: "self_attn_layer_norm", feedForwardNorm: "final_layer_norm",
            layers: [
                .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
                .output: "self_attn.out_proj", .up: "fc1", .down: "fc2",
            ]),
        biasFlags: [
            BiasFlag(
                key: "enable_bias", defaultValue: true,
                roles: [.query, .key, .value, .output, .up, .down])
        ])
}
