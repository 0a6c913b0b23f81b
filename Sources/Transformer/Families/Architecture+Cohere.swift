extension Architecture {
    /// Command R: attention and feed-forward side by side behind one norm, neighbouring elements
    /// rotated, logits multiplied. Source: `modeling_cohere.py` of transformers.
    static let cohere = Architecture(
        name: "cohere", className: "CohereForCausalLM", norm: .layerWithoutBias,
        position: .rotary, feedForward: .gated,
        rotary: Rotary(defaultBase: 500_000, pairs: .neighbours), headCount: .free,
        headNorms: HeadNorms(extent: .ownHead, flag: "use_qk_norm"),
        keys: Keys(normEpsilon: "layer_norm_eps", logitMultiplier: "logit_scale"),
        defaults: Defaults(
            normEpsilon: 1e-5, maximumPositions: 8192, tiedEmbeddings: true,
            parallelResidual: true, logitMultiplier: 0.0625),
        names: {
            var names = Names.llama
            names.feedForwardNorm = nil
            names.sharesParallelNorm = true
            return names
        }(),
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])

    /// Command R7B and its kin: a window in three of four blocks, and no rotation in the others.
    /// Source: `modeling_cohere2.py`.
    static let cohere2 = {
        var architecture = cohere
        architecture.name = "cohere2"
        architecture.className = "Cohere2ForCausalLM"
        architecture.rotary = Rotary(pairs: .neighbours, skips: .full)
        architecture.headCount = .fixed
        architecture.headNorms = nil
        architecture.window = .patterned(
            default: 4096, pattern: "sliding_window_pattern", every: 4)
        architecture.keys.headDimension = nil
        return architecture
    }()
}
