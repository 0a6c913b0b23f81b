import Documents

extension Architecture {
    /// Gemma 4, its language model: heads of one size in blocks with a window and of another in
    /// those without, whose values may be their keys; a norm over values; last blocks that read the
    /// keys and values of earlier ones; a second embedding; a factor of each block's output.
    /// Source: `modeling_gemma4.py` of transformers.
    static let gemma4Text = Architecture(
        name: "gemma4_text", className: "Gemma4ForCausalLM",
        conditions: [
            Condition(key: "enable_moe_block", isInner: true, value: false, defaultValue: false)
        ],
        norm: .rms, position: .rotary, hasKindsOfHeads: true, feedForward: .gated,
        rotary: Rotary(
            defaultParameters: .object([
                "full_attention": .object([
                    "rope_type": "proportional", "partial_rotary_factor": 0.25,
                    "rope_theta": 1_000_000.0,
                ]),
                "sliding_attention": .object(["rope_type": "default", "rope_theta": 10000.0]),
            ]),
            sliding: Sliding(defaultBase: 10000, isExplicit: true),
            types: ["default", "linear", "proportional"]),
        scalesEmbedding: true, headNorms: HeadNorms(includesValues: true),
        perLayerInput: PerLayerInputs(),
        window: .patterned(default: 512, every: 6, endsFull: true),
        keys: Keys(activation: "hidden_activation", logitSoftcap: "final_logit_softcapping"),
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", keyValueHeads: 4, headDimension: 256,
            maximumPositions: 131_072, tiedEmbeddings: true,
            sizes: [
                "vocab_size": 262_144, "hidden_size": 2304, "intermediate_size": 9216,
                "num_hidden_layers": 30, "num_attention_heads": 8,
            ], scalesAttention: false),
        names: {
            var names = Names.gemma2
            names.blockScalar = "layer_scalar"
            return names
        }(),
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)],
        harmless: ["use_bidirectional_attention": "vision"])

    /// Gemma 4 with experts beside each block's feed-forward.
    static let gemma4TextMoe = {
        var architecture = gemma4Text
        architecture.conditions[0].value = true
        architecture.mixture = Mixture(
            blocks: .all, routing: Mixture.Routing(scores: .softmax, normalises: true),
            keys: Mixture.Keys(experts: ["num_experts"], expertsPerToken: ["top_k_experts"]),
            defaults: Mixture.Defaults(experts: nil, expertsPerToken: nil),
            routers: ["router.proj"],
            forms: [
                .fused(
                    gateUp: "experts.gate_up_proj", down: "experts.down_proj",
                    Mixture.FusedOrder())
            ],
            shared: Mixture.Shared(
                size: .key("intermediate_size", default: 9216),
                layers: [.gate: "mlp.gate_proj", .up: "mlp.up_proj", .down: "mlp.down_proj"]),
            beside: Mixture.Beside(
                expertNorm: "pre_feedforward_layernorm_2",
                outputNorm: "post_feedforward_layernorm_2",
                sharedNorm: "post_feedforward_layernorm_1", routerScale: "router.scale",
                expertScale: "router.per_expert_scale"))
        return architecture
    }()

    /// Gemma 4 that sees and hears; its language model is pruned.
    static let gemma4 = sensing(gemma4Text)
    static let gemma4Moe = sensing(gemma4TextMoe)

    private static func sensing(_ text: Architecture) -> Architecture {
        var architecture = text
        architecture.name = "gemma4"
        architecture.className = "Gemma4ForConditionalGeneration"
        architecture.settingsKey = "text_config"
        architecture.placeholders = [
            "image_token_id": 258_880, "video_token_id": 258_884, "audio_token_id": 258_881,
        ]
        architecture.names.nest()
        return architecture
    }
}
