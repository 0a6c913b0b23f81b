import Documents

extension Architecture {
    /// GPT-2: learned positions, and weights stored as `[in, out]`. Source: `modeling_gpt2.py` of
    /// transformers.
    static let gpt2 = Architecture(
        name: "gpt2", className: "GPT2LMHeadModel", norm: .layer, position: .learned(offset: 0),
        feedForward: .plain, storesColumns: true,
        keys: .gpt, defaults: .gpt, names: .gpt2,
        biases: [.queryKeyValue, .output, .up, .down],
        requirements: ["add_cross_attention": false])

    /// GPT-BigCode (StarCoder): GPT-2 with one key/value head. Source: `modeling_gpt_bigcode.py`.
    static let gptBigCode = {
        var architecture = gpt2
        architecture.name = "gpt_bigcode"
        architecture.className = "GPTBigCodeForCausalLM"
        architecture.storesColumns = false
        architecture.conditions = [
            Condition(key: "multi_query", value: true, defaultValue: true)
        ]
        architecture.keys.scalesAttentionByBlock = nil
        architecture.defaults.keyValueHeads = 1
        architecture.defaults.activation = "gelu_pytorch_tanh"
        return architecture
    }()

    /// The same with as many key/value heads as queries, one after the other.
    static let gptBigCodeOfHeads = {
        var architecture = gptBigCode
        architecture.conditions = [
            Condition(key: "multi_query", value: false, defaultValue: true)
        ]
        architecture.interleavesHeads = true
        architecture.defaults.keyValueHeads = nil
        return architecture
    }()

    /// GPT-Neo: GPT-2 with scores that are not divided, and a window in some blocks. Source:
    /// `modeling_gpt_neo.py`.
    static let gptNeo = Architecture(
        name: "gpt_neo", className: "GPTNeoForCausalLM", norm: .layer,
        position: .learned(offset: 0), feedForward: .plain,
        window: .attentionTypes(default: 256),
        keys: {
            var keys = Keys.gpt
            keys.aliases = ["num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"]
            keys.intermediateSize = "intermediate_size"
            keys.scalesAttention = nil
            keys.scalesAttentionByBlock = nil
            return keys
        }(),
        defaults: Defaults(
            activation: "gelu_new", normEpsilon: 1e-5, tiedEmbeddings: true, intermediateFactor: 4,
            scalesAttention: false),
        names: {
            var names = Names.gpt2
            names.layers = [
                .query: "attn.attention.q_proj", .key: "attn.attention.k_proj",
                .value: "attn.attention.v_proj", .output: "attn.attention.out_proj",
                .up: "mlp.c_fc", .down: "mlp.c_proj",
            ]
            return names
        }(),
        biases: [.output, .up, .down])

    /// GPT-J: attention and feed-forward side by side behind one norm, and neighbouring elements
    /// rotated. Source: `modeling_gptj.py`.
    static let gptJ = Architecture(
        name: "gptj", className: "GPTJForCausalLM", norm: .layer, position: .rotary,
        feedForward: .plain, rotary: Rotary(pairs: .neighbours, count: ("rotary_dim", 64)),
        headHasBias: true,
        keys: {
            var keys = Keys.gpt
            keys.scalesAttention = nil
            keys.scalesAttentionByBlock = nil
            return keys
        }(),
        defaults: Defaults(
            activation: "gelu_new", normEpsilon: 1e-5, intermediateFactor: 4,
            parallelResidual: true),
        names: Names(
            blocks: "transformer.h", embedding: "transformer.wte", finalNorm: "transformer.ln_f",
            attentionNorm: "ln_1", sharesParallelNorm: true,
            layers: [
                .query: "attn.q_proj", .key: "attn.k_proj", .value: "attn.v_proj",
                .output: "attn.out_proj", .up: "mlp.fc_in", .down: "mlp.fc_out",
            ]),
        biases: [.up, .down])
}

extension Architecture.Keys {
    static let gpt = Architecture.Keys(
        aliases: [
            "hidden_size": "n_embd", "max_position_embeddings": "n_positions",
            "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
        ],
        intermediateSize: "n_inner", activation: "activation_function", keyValueHeads: nil,
        headDimension: nil, normEpsilon: "layer_norm_epsilon",
        scalesAttention: "scale_attn_weights",
        scalesAttentionByBlock: "scale_attn_by_inverse_layer_idx")
}

extension Architecture.Defaults {
    static let gpt = Architecture.Defaults(
        activation: "gelu_new", normEpsilon: 1e-5, maximumPositions: 1024, tiedEmbeddings: true,
        intermediateFactor: 4)
}

extension Architecture.Names {
    static let gpt2 = Architecture.Names(
        blocks: "transformer.h", embedding: "transformer.wte", positions: "transformer.wpe",
        finalNorm: "transformer.ln_f", attentionNorm: "ln_1", feedForwardNorm: "ln_2",
        layers: [
            .queryKeyValue: "attn.c_attn", .output: "attn.c_proj", .up: "mlp.c_fc",
            .down: "mlp.c_proj",
        ])
}
