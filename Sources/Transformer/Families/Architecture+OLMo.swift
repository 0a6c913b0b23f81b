extension Architecture {
    /// OLMo: Llama with norms without weights, and projections that may be clipped. Source:
    /// `modeling_olmo.py` of transformers.
    static let olmo = Architecture(
        name: "olmo", className: "OlmoForCausalLM", norm: .layerWithoutWeights, position: .rotary,
        feedForward: .gated, headCount: .free,
        keys: Keys(normEpsilon: nil, queryKeyValueLimit: "clip_qkv"),
        defaults: Defaults(normEpsilon: 1e-5), names: .llama,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// OLMo 2: norms behind attention and feed-forward alone, and over all queries and keys.
    /// Source: `modeling_olmo2.py`.
    static let olmo2 = Architecture(
        name: "olmo2", className: "Olmo2ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, headNorms: HeadNorms(extent: .whole),
        defaults: Defaults(normEpsilon: 1e-5), names: .normsBehind,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// OLMo 3: OLMo 2 with a window in three of four blocks, which rotate in their own way. Source:
    /// `modeling_olmo3.py`.
    static let olmo3 = {
        var architecture = olmo2
        architecture.name = "olmo3"
        architecture.className = "Olmo3ForCausalLM"
        architecture.rotary = Rotary(
            defaultBase: 500_000, sliding: Sliding(base: nil, defaultBase: 500_000))
        architecture.window = .patterned(default: 4096, every: 4)
        return architecture
    }()

    /// EXAONE 4: norms behind attention and feed-forward, over each head, and rotation only in
    /// blocks with a window where there is one. Source: `modeling_exaone4.py`.
    static let exaone4 = Architecture(
        name: "exaone4", className: "Exaone4ForCausalLM", norm: .rms, position: .rotary,
        feedForward: .gated, rotary: Rotary(skips: .fullBesideSliding), headCount: .free,
        headNorms: HeadNorms(),
        window: .patterned(
            default: 4096, pattern: "sliding_window_pattern", every: 4, isOptional: true),
        defaults: Defaults(normEpsilon: 1e-5, keyValueHeads: 32), names: .normsBehind)
}

extension Architecture.Names {
    fileprivate static let normsBehind = {
        var names = Architecture.Names.llama
        names.attentionNorm = nil
        names.feedForwardNorm = nil
        names.attentionOutputNorm = "post_attention_layernorm"
        names.feedForwardOutputNorm = "post_feedforward_layernorm"
        return names
    }()
}
