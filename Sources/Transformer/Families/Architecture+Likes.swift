import Documents

/// Families that are Llama but for a few settings.
extension Architecture {
    /// SmolLM3: every fourth block rotates nothing. Source: `modeling_smollm3.py` of transformers.
    static let smolLM3 = Architecture(
        name: "smollm3", className: "SmolLM3ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(
            defaultBase: 2_000_000,
            skips: .listed(
                key: "no_rope_layers", interval: "no_rope_layer_interval", defaultInterval: 4)),
        headCount: .free, window: .unrotated,
        defaults: Defaults(keyValueHeads: 4, maximumPositions: 32768, tiedEmbeddings: true),
        names: .llama, biasFlags: .llama)

    /// Granite: factors of embedding, sum, scores and logits. Source: `modeling_granite.py`.
    static let granite = Architecture(
        name: "granite", className: "GraniteForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .free,
        keys: Keys(
            attentionMultiplier: "attention_multiplier",
            embeddingMultiplier: "embedding_multiplier",
            residualMultiplier: "residual_multiplier", logitDivisor: "logits_scaling"),
        names: .llama, biasFlags: .llama)

    /// StarCoder2: Llama with layer norms, a plain feed-forward and biases. Source:
    /// `modeling_starcoder2.py`.
    static let starcoder2 = Architecture(
        name: "starcoder2", className: "Starcoder2ForCausalLM", norm: .layer, position: .rotary,
        feedForward: .plain, headCount: .free, window: .always(default: nil),
        keys: Keys(normEpsilon: "norm_epsilon"),
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", normEpsilon: 1e-5, keyValueHeads: 2,
            maximumPositions: 4096, tiedEmbeddings: true),
        names: .llama(layers: [
            .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
            .output: "self_attn.o_proj", .up: "mlp.c_fc", .down: "mlp.c_proj",
        ]),
        biasFlags: [
            BiasFlag(
                key: "use_bias", defaultValue: true,
                roles: [.query, .key, .value, .output, .up, .down])
        ])

    /// StableLM: layer norms, a quarter of each head rotated. Source: `modeling_stablelm.py`.
    static let stableLM = Architecture(
        name: "stablelm", className: "StableLmForCausalLM", norm: .layer, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(fraction: "partial_rotary_factor", defaultFraction: 0.25),
        headNorms: HeadNorms(
            extent: .numberedHead, norm: .layerWithoutBias, flag: "qk_layernorm"),
        keys: Keys(
            headDimension: nil, normEpsilon: "layer_norm_eps",
            parallelResidual: "use_parallel_residual"),
        defaults: Defaults(normEpsilon: 1e-5, keyValueHeads: 32, maximumPositions: 4096),
        names: {
            var names = Names.llama
            names.sharesParallelNorm = true
            names.queryNorm = "self_attn.q_layernorm.norms"
            names.keyNorm = "self_attn.k_layernorm.norms"
            return names
        }(),
        biasFlags: [
            BiasFlag(key: "use_qkv_bias", defaultValue: false, roles: [.query, .key, .value])
        ])

    /// GLM-4: norms before and after attention and feed-forward, half of each head rotated, in
    /// neighbouring pairs. Source: `modeling_glm4.py`.
    static let glm4 = Architecture(
        name: "glm4", className: "Glm4ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated,
        rotary: Rotary(
            pairs: .neighbours, fraction: "partial_rotary_factor", defaultFraction: 0.5),
        headCount: .free,
        defaults: Defaults(
            normEpsilon: 1.5625e-7, keyValueHeads: 2, headDimension: 128,
            maximumPositions: 131_072),
        names: {
            var names = Names.llama(layers: [
                .query: "self_attn.q_proj", .key: "self_attn.k_proj",
                .value: "self_attn.v_proj", .output: "self_attn.o_proj",
                .gateUp: "mlp.gate_up_proj", .down: "mlp.down_proj",
            ])
            names.attentionOutputNorm = "post_self_attn_layernorm"
            names.feedForwardOutputNorm = "post_mlp_layernorm"
            return names
        }(),
        biasFlags: [
            BiasFlag(key: "attention_bias", defaultValue: true, roles: [.query, .key, .value])
        ])

    /// Seed-OSS: a flag for each kind of biases. Source: `modeling_seed_oss.py`.
    static let seedOSS = Architecture(
        name: "seed_oss", className: "SeedOssForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .free,
        defaults: Defaults(keyValueHeads: 8, headDimension: 128, maximumPositions: 524_288),
        names: .llama,
        biasFlags: [
            BiasFlag(key: "attention_bias", defaultValue: true, roles: [.query, .key, .value]),
            BiasFlag(key: "attention_out_bias", defaultValue: false, roles: [.output]),
            BiasFlag(key: "mlp_bias", defaultValue: false, roles: feedForwardRoles),
        ])

    /// ERNIE 4.5: neighbouring elements rotated, one flag for all biases. Source:
    /// `modeling_ernie4_5.py`.
    static let ernie45 = Architecture(
        name: "ernie4_5", className: "Ernie4_5ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, rotary: Rotary(defaultBase: 500_000, pairs: .neighbours),
        headCount: .free,
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 2, headDimension: 128, maximumPositions: 131_072,
            tiedEmbeddings: true),
        names: .llama,
        biasFlags: [
            BiasFlag(
                key: "use_bias", defaultValue: false,
                roles: attentionRoles.union(feedForwardRoles))
        ])

    /// Hunyuan: norms over each head behind the rotation, whose base may be stretched. Source:
    /// `modeling_hunyuan_v1_dense.py`.
    static let hunYuan = Architecture(
        name: "hunyuan_v1_dense", className: "HunYuanDenseV1ForCausalLM", norm: .rms,
        position: .rotary, feedForward: .gated, rotary: Rotary(stretchesBase: true),
        headCount: .free, headNorms: HeadNorms(followsRotation: true),
        defaults: Defaults(normEpsilon: 1e-5),
        names: {
            var names = Names.llama
            names.queryNorm = "self_attn.query_layernorm"
            names.keyNorm = "self_attn.key_layernorm"
            return names
        }(),
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// Nemotron: layer norms around one, half of each head rotated, a plain feed-forward. Source:
    /// `modeling_nemotron.py`.
    static let nemotron = Architecture(
        name: "nemotron", className: "NemotronForCausalLM", norm: .layerAroundOne,
        position: .rotary, feedForward: .plain,
        rotary: Rotary(fraction: "partial_rotary_factor", defaultFraction: 0.5),
        headCount: .free, keys: Keys(normEpsilon: "norm_eps"),
        defaults: Defaults(activation: "relu2", normEpsilon: 1e-5, maximumPositions: 4096),
        names: .llama(layers: .plain), biasFlags: .llama)

    /// Arcee (AFM): Llama with a plain feed-forward. Source: `modeling_arcee.py`.
    static let arcee = Architecture(
        name: "arcee", className: "ArceeForCausalLM", norm: .rms, position: .rotary,
        feedForward: .plain, headCount: .dividingHiddenSize,
        defaults: Defaults(activation: "relu2", normEpsilon: 1e-5, maximumPositions: 4096),
        names: .llama(layers: .plain), biasFlags: .llama)

    /// Apertus: norms over each head, a plain feed-forward whose nonlinearity is learned. Source:
    /// `modeling_apertus.py`.
    static let apertus = Architecture(
        name: "apertus", className: "ApertusForCausalLM", norm: .rms, position: .rotary,
        feedForward: .plain,
        rotary: Rotary(
            defaultBase: 12_000_000,
            defaultParameters: .object([
                "rope_type": "llama3", "rope_theta": 12_000_000.0, "factor": 8.0,
                "original_max_position_embeddings": 8192, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
            ])),
        headCount: .free, headNorms: HeadNorms(),
        defaults: Defaults(activation: "xielu", normEpsilon: 1e-5, maximumPositions: 65536),
        names: {
            var names = Names.llama(layers: .plain)
            names.attentionNorm = "attention_layernorm"
            names.feedForwardNorm = "feedforward_layernorm"
            names.activation = "mlp.act_fn"
            return names
        }(),
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// InternLM3: one flag for attention and one for the feed-forward, which must be alike. Source:
    /// `configuration_internlm3.py`; its model is Llama's.
    static let internLM3 = Architecture(
        name: "internlm3", className: "InternLM3ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headCount: .dividingHiddenSize,
        keys: Keys(aliases: ["attention_bias": "qkv_bias", "mlp_bias": "bias"]),
        defaults: Defaults(
            normEpsilon: 1e-5, keyValueHeads: 2, headDimension: 128, maximumPositions: 32768),
        names: .llama,
        biasFlags: ["attention_bias", "mlp_bias"].map {
            BiasFlag(
                key: $0, defaultValue: false, roles: attentionRoles.union(feedForwardRoles))
        })
}

extension [Architecture.BiasFlag] {
    fileprivate static let llama = Architecture.llama.biasFlags
}

extension [Role: String] {
    fileprivate static let plain: [Role: String] = [
        .query: "self_attn.q_proj", .key: "self_attn.k_proj", .value: "self_attn.v_proj",
        .output: "self_attn.o_proj", .up: "mlp.up_proj", .down: "mlp.down_proj",
    ]
}

extension Architecture.Names {
    fileprivate static func llama(layers: [Role: String]) -> Architecture.Names {
        var names = Architecture.Names.llama
        names.layers = layers
        return names
    }
}
