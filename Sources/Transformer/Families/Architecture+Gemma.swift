import Documents

extension Architecture {
    /// Gemma: Llama with norms around one and a scaled embedding. Source: `modeling_gemma.py` of
    /// transformers.
    static let gemma = Architecture(
        name: "gemma", className: "GemmaForCausalLM", norm: .rmsAroundOne, position: .rotary,
        feedForward: .gated, scalesEmbedding: true, headCount: .free,
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", activationNames: ["gelu": "gelu_pytorch_tanh"],
            keyValueHeads: 16, headDimension: 256, maximumPositions: 8192, tiedEmbeddings: true),
        names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// Gemma 2: norms before and after attention and feed-forward, capped scores and logits, and a
    /// sliding window in every other block. Source: `modeling_gemma2.py` of transformers.
    static let gemma2 = Architecture(
        name: "gemma2", className: "Gemma2ForCausalLM", norm: .rmsAroundOne, position: .rotary,
        feedForward: .gated, scalesEmbedding: true, headCount: .dividingHiddenSize,
        window: .patterned(default: 4096, every: 2),
        keys: Keys(
            activation: "hidden_activation", attentionScalar: "query_pre_attn_scalar",
            attentionSoftcap: "attn_logit_softcapping", logitSoftcap: "final_logit_softcapping"),
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", keyValueHeads: 4, headDimension: 256,
            maximumPositions: 8192, tiedEmbeddings: true, attentionScalar: 256,
            attentionSoftcap: 50, logitSoftcap: 30),
        names: .gemma2,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// Gemma 3, its language model: Gemma 2 with norms over each head, and a rotation of its own
    /// for blocks with a window. Source: `modeling_gemma3.py` of transformers.
    static let gemma3Text = Architecture(
        name: "gemma3_text", className: "Gemma3ForCausalLM", norm: .rmsAroundOne,
        position: .rotary, feedForward: .gated,
        rotary: Rotary(
            defaultBase: 1_000_000,
            sliding: Sliding(base: "rope_local_base_freq", defaultBase: 10000)),
        scalesEmbedding: true, headCount: .dividingHiddenSize, headNorms: HeadNorms(),
        window: .patterned(default: 4096, pattern: "sliding_window_pattern", every: 6),
        keys: Keys(
            activation: "hidden_activation", attentionScalar: "query_pre_attn_scalar",
            logitSoftcap: "final_logit_softcapping"),
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", keyValueHeads: 4, headDimension: 256,
            maximumPositions: 131_072, tiedEmbeddings: true,
            sizes: [
                "vocab_size": 262_208, "hidden_size": 2304, "intermediate_size": 9216,
                "num_hidden_layers": 26, "num_attention_heads": 8,
            ], attentionScalar: 256),
        names: .gemma2,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// Gemma 3 that sees; its language model is pruned.
    static let gemma3 = {
        var architecture = gemma3Text
        architecture.name = "gemma3"
        architecture.className = "Gemma3ForConditionalGeneration"
        architecture.settingsKey = "text_config"
        architecture.names.nest()
        return architecture
    }()
}

extension Architecture.Names {
    static let gemma2 = {
        var names = Architecture.Names.llama
        names.attentionOutputNorm = "post_attention_layernorm"
        names.feedForwardNorm = "pre_feedforward_layernorm"
        names.feedForwardOutputNorm = "post_feedforward_layernorm"
        return names
    }()

    /// As in checkpoints of models with several kinds of input, of transformers 5 and before.
    mutating func nest() {
        prefixes = ["model.language_model.", "language_model.model.", "language_model."]
        heads = ["lm_head", "language_model.lm_head"]
    }
}
