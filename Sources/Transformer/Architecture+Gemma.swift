extension Architecture {
    /// Gemma 2: norms before and after attention and feed-forward, capped scores and logits, and a
    /// sliding window in every other block. Source: `modeling_gemma2.py` of transformers.
    static let gemma2 = Architecture(
        name: "gemma2", className: "Gemma2ForCausalLM", norm: .rmsAroundOne, position: .rotary,
        feedForward: .gated, scalesEmbedding: true, headCount: .dividingHiddenSize,
        window: .alternating(default: 4096),
        keys: Keys(
            activation: "hidden_activation", attentionScalar: "query_pre_attn_scalar",
            attentionSoftcap: "attn_logit_softcapping", logitSoftcap: "final_logit_softcapping"),
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", keyValueHeads: 4, headDimension: 256,
            maximumPositions: 8192, tiedEmbeddings: true, attentionScalar: 256,
            attentionSoftcap: 50, logitSoftcap: 30),
        names: .gemma2,
        biasFlags: [BiasFlag(key: "attention_bias", defaultValue: false, roles: attentionRoles)])
}

extension Architecture.Names {
    fileprivate static let gemma2 = {
        var names = Architecture.Names.llama
        names.attentionOutputNorm = "post_attention_layernorm"
        names.feedForwardNorm = "pre_feedforward_layernorm"
        names.feedForwardOutputNorm = "post_feedforward_layernorm"
        return names
    }()
}
