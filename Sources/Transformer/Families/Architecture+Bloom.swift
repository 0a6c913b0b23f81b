import Documents

extension Architecture {
    /// BLOOM: linear biases in place of positions, and a norm over the embedding. Source:
    /// `modeling_bloom.py` of transformers.
    static let bloom = Architecture(
        name: "bloom", className: "BloomForCausalLM", norm: .layer, position: .linearBias(.plain),
        feedForward: .plain, interleavesHeads: true,
        keys: Keys(
            aliases: ["num_hidden_layers": "n_layer", "num_attention_heads": "n_head"],
            overrides: ["hidden_size": "n_embed"],
            maximumPositions: nil, intermediateSize: nil, activation: nil, keyValueHeads: nil,
            headDimension: nil,
            normEpsilon: "layer_norm_epsilon"),
        defaults: Defaults(
            activation: "gelu_pytorch_tanh", normEpsilon: 1e-5, maximumPositions: 1 << 20,
            tiedEmbeddings: true, intermediateFactor: 4),
        names: Names(
            blocks: "transformer.h", embedding: "transformer.word_embeddings",
            embeddingNorm: "transformer.word_embeddings_layernorm", finalNorm: "transformer.ln_f",
            attentionNorm: "input_layernorm", feedForwardNorm: "post_attention_layernorm",
            layers: .falcon),
        biases: [.queryKeyValue, .output, .up, .down],
        requirements: ["apply_residual_connection_post_layernorm": false])

    /// Falcon: attention and feed-forward side by side behind one norm, one key/value head.
    /// Source: `modeling_falcon.py`.
    static let falcon = Architecture(
        name: "falcon", className: "FalconForCausalLM",
        conditions: [
            Condition(key: "new_decoder_architecture", value: false, defaultValue: false),
            Condition(key: "multi_query", value: true, defaultValue: true),
        ],
        norm: .layer, position: .rotary, feedForward: .plain,
        keys: Keys(
            overrides: ["hidden_size": "n_embed"], intermediateSize: "ffn_hidden_size",
            activation: "activation", keyValueHeads: nil,
            headDimension: nil, normEpsilon: "layer_norm_epsilon",
            parallelResidual: "parallel_attn", linearBiases: "alibi"),
        defaults: Defaults(
            activation: "gelu", normEpsilon: 1e-5, keyValueHeads: 1, maximumPositions: 2048,
            tiedEmbeddings: true, intermediateFactor: 4, parallelResidual: true),
        names: Names(
            blocks: "transformer.h", embedding: "transformer.word_embeddings",
            finalNorm: "transformer.ln_f", attentionNorm: "input_layernorm",
            feedForwardNorm: "post_attention_layernorm", sharesParallelNorm: true,
            parallelNorms: ("ln_attn", "ln_mlp"), layers: .falcon),
        biasFlags: [
            BiasFlag(
                key: "bias", defaultValue: false, roles: [.queryKeyValue, .output, .up, .down])
        ],
        requirements: ["num_ln_in_parallel_attn": .null])

    /// The same with as many key/value heads as queries (Falcon-RW).
    static let falconOfHeads = {
        var architecture = falcon
        architecture.conditions[1].value = false
        architecture.interleavesHeads = true
        architecture.defaults.keyValueHeads = nil
        return architecture
    }()

    /// Falcon-40B and its kin: key/value heads that groups of queries share, and two norms side by
    /// side.
    static let falconOfGroups = {
        var architecture = falcon
        architecture.conditions = [
            Condition(key: "new_decoder_architecture", value: true, defaultValue: false)
        ]
        architecture.interleavesHeads = true
        architecture.keys.keyValueHeads = "num_kv_heads"
        architecture.keys.parallelNorms = "num_ln_in_parallel_attn"
        architecture.defaults.keyValueHeads = nil
        architecture.defaults.parallelNorms = 2
        architecture.requirements = ["parallel_attn": true]
        return architecture
    }()
}

extension [Role: String] {
    fileprivate static let falcon: [Role: String] = [
        .queryKeyValue: "self_attention.query_key_value", .output: "self_attention.dense",
        .up: "mlp.dense_h_to_4h", .down: "mlp.dense_4h_to_h",
    ]
}
