import Documents

/// Liquid's hybrids: a short convolution in place of the attention of most blocks.
extension Architecture {
    /// LFM2. Source: `modeling_lfm2.py` of transformers.
    static let lfm2 = Architecture(
        name: "lfm2", className: "Lfm2ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, rotary: Rotary(defaultBase: 1_000_000), headNorms: HeadNorms(),
        keys: Keys(
            overrides: [
                "tie_word_embeddings": "tie_embedding", "intermediate_size": "block_ff_dim",
            ],
            shrinksIntermediateSize: "block_auto_adjust_ff_dim", activation: nil,
            normEpsilon: "norm_eps"),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 8, maximumPositions: 128_000, tiedEmbeddings: true,
            sizes: [
                "vocab_size": 65536, "hidden_size": 2560, "intermediate_size": 12288,
                "num_hidden_layers": 32, "num_attention_heads": 32,
            ]),
        names: Names(
            blocks: "model.layers", embedding: "model.embed_tokens",
            finalNorm: "model.embedding_norm", attentionNorm: "operator_norm",
            feedForwardNorm: "ffn_norm", queryNorm: "self_attn.q_layernorm",
            keyNorm: "self_attn.k_layernorm",
            layers: [
                .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
                .output: "self_attn.out_proj", .convolutionInput: "conv.in_proj",
                .convolutionOutput: "conv.out_proj", .gate: "feed_forward.w1",
                .up: "feed_forward.w3", .down: "feed_forward.w2",
            ]),
        biasFlags: [
            BiasFlag(
                key: "conv_bias", defaultValue: false,
                roles: [.convolutionInput, .convolutionOutput], givesMore: true)
        ],
        recurrence: Recurrence(
            mixer: .convolution, layerType: "conv",
            blocks: .besidesListed(key: "full_attn_idxs"), convolution: "conv.conv"))

    /// LFM2 with experts. Source: `modeling_lfm2_moe.py` of transformers.
    static let lfm2Moe = {
        var architecture = lfm2
        architecture.name = "lfm2_moe"
        architecture.className = "Lfm2MoeForCausalLM"
        architecture.conditions = [
            Condition(key: "use_expert_bias", value: true, defaultValue: true)
        ]
        architecture.keys.shrinksIntermediateSize = nil
        architecture.keys.overrides["intermediate_size"] = nil
        architecture.defaults.sizes.merge([
            "hidden_size": 2048, "intermediate_size": 7168,
        ]) { $1 }
        architecture.recurrence?.blocks = .named
        architecture.mixture = Mixture(
            blocks: .from(key: "num_dense_layers", default: 2),
            routing: Mixture.Routing(
                scores: .sigmoid, normaliseKey: "norm_topk_prob", normalises: true,
                floor: .added(1e-6), scaleKey: "routed_scaling_factor"),
            defaults: Mixture.Defaults(experts: 32, expertsPerToken: 4, expertSize: 1792),
            routers: ["feed_forward.gate"], correction: ["feed_forward.expert_bias"],
            forms: [
                .single(
                    prefix: "feed_forward.experts", layers: [.gate: "w1", .up: "w3", .down: "w2"]),
                .fused(
                    gateUp: "feed_forward.experts.gate_up_proj",
                    down: "feed_forward.experts.down_proj", Mixture.FusedOrder()),
            ])
        return architecture
    }()

    static let lfm2MoeWithoutCorrection = {
        var architecture = lfm2Moe
        architecture.conditions[0].value = false
        architecture.mixture?.correction = []
        return architecture
    }()
}
