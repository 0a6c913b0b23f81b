/// Qwen's hybrids: three blocks with the gated delta rule for each one with a gated attention.
extension Architecture {
    /// Qwen3.5's language model by itself. Source: `modeling_qwen3_5.py` of transformers.
    static let qwen35Text = Architecture(
        name: "qwen3_5_text", className: "Qwen3_5ForCausalLM", norm: .rmsAroundOne,
        position: .rotary, feedForward: .gated,
        rotary: Rotary(fraction: "partial_rotary_factor", defaultFraction: 0.25),
        headNorms: HeadNorms(),
        defaults: Defaults(
            keyValueHeads: 4, headDimension: 256, maximumPositions: 32768,
            sizes: [
                "vocab_size": 248_320, "hidden_size": 4096, "intermediate_size": 12288,
                "num_hidden_layers": 32, "num_attention_heads": 16,
            ]),
        names: {
            var names = Names.llama
            names.layers = gatedAttention.merging(gatedFeedForward) { $1 }.merging([
                .deltaMixed: "linear_attn.in_proj_qkv", .deltaGate: "linear_attn.in_proj_z",
                .deltaRate: "linear_attn.in_proj_b", .deltaDecay: "linear_attn.in_proj_a",
                .deltaOutput: "linear_attn.out_proj",
            ]) { $1 }
            names.nest()
            // As transformers saves it; the names of the whole model are read, too.
            names.prefixes.insert("model.", at: 0)
            return names
        }(),
        biasFlags: [
            BiasFlag(
                key: "attention_bias", defaultValue: false,
                roles: [.queryGate, .key, .value, .output])
        ],
        recurrence: .delta)

    /// Qwen3.5, which sees; its language model is pruned.
    static let qwen35 = seeing(
        qwen35Text, name: "qwen3_5", className: "Qwen3_5ForConditionalGeneration")

    /// Qwen3.5 with experts, its language model by itself. Source: `modeling_qwen3_5_moe.py`.
    static let qwen35MoeText = {
        var architecture = qwen35Text
        architecture.name = "qwen3_5_moe_text"
        architecture.className = "Qwen3_5MoeForCausalLM"
        architecture.keys.intermediateSize = nil
        architecture.defaults.keyValueHeads = 2
        architecture.defaults.sizes.merge([
            "hidden_size": 2048, "num_hidden_layers": 40,
        ]) { $1 }
        architecture.mixture = Mixture(
            blocks: .all, routing: Mixture.Routing(scores: .softmax, normalises: true),
            defaults: Mixture.Defaults(experts: 256, expertsPerToken: 8, expertSize: 512),
            routers: ["mlp.gate"], forms: plainExperts, shared: sharedExpert)
        return architecture
    }()

    /// Qwen3.5 and Qwen3.6 with experts, which see.
    static let qwen35Moe = seeing(
        qwen35MoeText, name: "qwen3_5_moe", className: "Qwen3_5MoeForConditionalGeneration")

    /// Qwen3-Next: the projections of the delta rule in two, one key head after the other. Source:
    /// `modeling_qwen3_next.py`.
    static let qwen3Next = {
        var architecture = qwen35Text
        architecture.name = "qwen3_next"
        architecture.className = "Qwen3NextForCausalLM"
        architecture.defaults.keyValueHeads = 2
        architecture.defaults.sizes = [
            "vocab_size": 151_936, "hidden_size": 2048, "intermediate_size": 5632,
            "num_hidden_layers": 48, "num_attention_heads": 16,
        ]
        architecture.names = .llama
        architecture.names.layers = gatedAttention.merging(gatedFeedForward) { $1 }.merging([
            .deltaMixedGate: "linear_attn.in_proj_qkvz",
            .deltaRateDecay: "linear_attn.in_proj_ba", .deltaOutput: "linear_attn.out_proj",
        ]) { $1 }
        architecture.mixture = Mixture(
            blocks: .everyNth,
            routing: Mixture.Routing(
                scores: .softmax, normaliseKey: "norm_topk_prob", normalises: true),
            defaults: Mixture.Defaults(experts: 512, expertsPerToken: 10, expertSize: 512),
            routers: ["mlp.gate"], forms: plainExperts, shared: sharedExpert)
        return architecture
    }()

    private static func seeing(
        _ text: Architecture, name: String, className: String
    ) -> Architecture {
        var architecture = text
        architecture.name = name
        architecture.className = className
        architecture.settingsKey = "text_config"
        architecture.names.nest()
        return architecture
    }

    private static let gatedAttention: [Role: String] = [
        .queryGate: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
        .output: "self_attn.o_proj",
    ]

    private static let gatedFeedForward = gated(in: "mlp")

    private static let sharedExpert = Mixture.Shared(
        size: .key("shared_expert_intermediate_size", default: 512),
        layers: gated(in: "mlp.shared_expert"), gate: "mlp.shared_expert_gate")
}

extension Architecture.Recurrence {
    fileprivate static let delta = Architecture.Recurrence(
        mixer: .deltaRule, layerType: "linear_attention",
        blocks: .besidesEvery(key: "full_attention_interval", default: 4),
        convolution: "linear_attn.conv1d", norm: "linear_attn.norm", speed: "linear_attn.A_log",
        stepBias: "linear_attn.dt_bias")
}
