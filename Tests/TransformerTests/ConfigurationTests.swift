import Documents
import Glibc
import Tensors
import Testing

import Transformer

/// config.json with its defaults, and what is refused in it.
struct ConfigurationTests {
    /// As little as a family's configuration can have.
    private static let least: Node = .object([
        "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4,
    ])

    @Test func llama_defaults() throws {
        let found = try configuration(Self.least, named("llama"))
        #expect(found.vocabSize == 100 && found.hiddenSize == 64)
        #expect(found.intermediateSize == 128 && found.numHiddenLayers == 2)
        #expect(found.numKeyValueHeads == 4 && found.headDim == 16)
        #expect(found.maxPositionEmbeddings == 2048 && !found.tieWordEmbeddings)
        #expect(found.embeddingSize == 64 && found.normEpsilon == 1e-6)
        #expect(found.activation == .fixed(.silu) && found.normsBefore && found.normsAffine)
        #expect(found.hasFinalNorm && found.windows == [nil, nil] && found.biases.isEmpty)
        let exact = (0..<8).map { Float(pow(10000, -Double($0) / 8)) }
        for (a, b) in zip(try #require(found.inverseFrequencies), exact) {
            #expect(abs(a / b - 1) < 1e-6)
        }
    }

    @Test func otherFamilies_defaults() throws {
        let wide = Self.least.setting("num_attention_heads", to: 32)
        let mistral = try configuration(wide, named("mistral"))
        #expect(mistral.numKeyValueHeads == 8 && mistral.maxPositionEmbeddings == 131_072)
        #expect(mistral.windows == [4096, 4096] && mistral.headDim == 2)
        let qwen2 = try configuration(wide, named("qwen2"))
        #expect(qwen2.numKeyValueHeads == 32 && qwen2.maxPositionEmbeddings == 32768)
        #expect(qwen2.biases == [.query, .key, .value] && qwen2.windows == [nil, nil])
        let qwen3 = try configuration(wide, named("qwen3"))
        #expect(qwen3.headDim == 128 && qwen3.numKeyValueHeads == 32 && qwen3.biases.isEmpty)
        let opt = try configuration(
            Self.least.removing("intermediate_size").setting("ffn_dim", to: 96), named("opt"))
        #expect(opt.intermediateSize == 96 && opt.activation == .fixed(.relu))
        #expect(opt.tieWordEmbeddings && opt.normEpsilon == 1e-5 && opt.headDim == 16)
        #expect(opt.inverseFrequencies == nil && opt.normsBefore && opt.hasFinalNorm)
        #expect(opt.biases == Set(try named("opt").roles) && opt.biases.count == 6)
    }

    @Test func gemma2_defaults() throws {
        let found = try configuration(Self.least, named("gemma2"))
        #expect(found.headDim == 256 && found.numKeyValueHeads == 4 && found.tieWordEmbeddings)
        #expect(found.maxPositionEmbeddings == 8192 && found.windows == [4096, nil])
        #expect(found.activation == .fixed(.geluTanh) && found.normEpsilon == 1e-6)
        #expect(found.attentionScales.allSatisfy { $0 == 1 / 16 } && found.attentionSoftcap == 50)
        #expect(found.logitSoftcap == 30 && found.biases.isEmpty && !found.isParallel)
        let bare = try configuration(
            Self.least.setting("attn_logit_softcapping", to: .null)
                .setting("final_logit_softcapping", to: .null)
                .setting("attention_bias", to: true), named("gemma2"))
        #expect(bare.attentionSoftcap == nil && bare.logitSoftcap == nil)
        #expect(bare.biases == [.query, .key, .value, .output])
    }

    @Test func gptNeoX_defaults() throws {
        let found = try configuration(Self.least, named("gpt_neox"))
        #expect(found.headDim == 16 && found.numKeyValueHeads == 4 && !found.tieWordEmbeddings)
        #expect(found.maxPositionEmbeddings == 2048 && found.windows == [nil, nil])
        #expect(found.activation == .fixed(.gelu) && found.normEpsilon == 1e-5 && found.isParallel)
        #expect(
            found.biases == Set(try named("gpt_neox").roles)
                && found.attentionScales.allSatisfy { $0 == 0.25 })
        #expect(found.attentionSoftcap == nil && found.logitSoftcap == nil)
        // A quarter of 16 elements is rotated.
        #expect(found.inverseFrequencies == [1, 0.01])
        // Keys of other families say nothing here.
        let same = try configuration(
            Self.least.setting("head_dim", to: 16).setting("num_key_value_heads", to: 2)
                .setting("rope_theta", to: 7).setting("partial_rotary_factor", to: 1),
            named("gpt_neox"))
        #expect(same.headDim == 16 && same.numKeyValueHeads == 4)
        #expect(same.inverseFrequencies == found.inverseFrequencies)
        let old = try configuration(
            Self.least.setting("rotary_emb_base", to: 100).setting("rotary_pct", to: 0.5)
                .setting("attention_bias", to: false)
                .setting("use_parallel_residual", to: false), named("gpt_neox"))
        #expect(old.inverseFrequencies?.count == 4 && old.biases == [.up, .down])
        #expect(old.inverseFrequencies?[2] == 0.1 && !old.isParallel)
    }

    @Test func phi3_defaults() throws {
        let found = try configuration(Self.least, named("phi3"))
        #expect(found.headDim == 16 && found.numKeyValueHeads == 4 && !found.tieWordEmbeddings)
        #expect(found.maxPositionEmbeddings == 4096 && found.windows == [nil, nil])
        #expect(
            found.activation == .fixed(.silu) && found.normEpsilon == 1e-5 && found.biases.isEmpty)
        #expect(found.inverseFrequencies?.count == 8)
        let partial = Self.least.setting("partial_rotary_factor", to: 0.5)
        #expect(try configuration(partial, named("phi3")).inverseFrequencies?.count == 4)
        // What stands in the object counts; an odd number of elements is one more.
        let object: Node = .object(["partial_rotary_factor": 0.33, "rope_type": "default"])
        #expect(
            try configuration(partial.setting("rope_parameters", to: object), named("phi3"))
                .inverseFrequencies?.count == 3)
        for type in ["llama3", "dynamic", "linear"] {
            let error = #expect(throws: ModelError.self) {
                try configuration(
                    Self.least.setting("rope_scaling", to: .object(["type": Node(type)])),
                    named("phi3"))
            }
            let text = error?.description ?? ""
            #expect(
                text.contains(
                    "'rope_scaling.type' is \"\(type)\", expected default or longrope"))
        }
    }

    /// Null is absent.
    @Test func nulls_areDefaults() throws {
        let config = ["head_dim", "num_key_value_heads", "rope_scaling", "tie_word_embeddings"]
            .reduce(Self.least) { $0.setting($1, to: .null) }
        let found = try configuration(config, named("llama"))
        #expect(found.headDim == 16 && found.numKeyValueHeads == 4 && !found.tieWordEmbeddings)
    }

    @Test func opt_settings() throws {
        let config = Self.least.setting("ffn_dim", to: 96)
            .setting("word_embed_proj_dim", to: 32).setting("do_layer_norm_before", to: false)
            .setting("enable_bias", to: false).setting("layer_norm_elementwise_affine", to: false)
        let found = try configuration(config, named("opt"))
        #expect(found.embeddingSize == 32 && !found.normsBefore && !found.hasFinalNorm)
        #expect(found.biases.isEmpty && !found.normsAffine)
        let removed = config.setting("do_layer_norm_before", to: true)
            .setting("_remove_final_layer_norm", to: true)
        #expect(try !configuration(removed, named("opt")).hasFinalNorm)
    }

    @Test(arguments: [
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads",
    ])
    func missingKeys_areNamed(_ key: String) throws {
        for config in [Self.least.removing(key), Self.least.setting(key, to: .null)] {
            let error = #expect(throws: ModelError.self) {
                try configuration(config, Architecture.llama)
            }
            #expect(error?.reason == .missing(key: key))
            #expect(error?.exitCode == .data)
        }
        for value in ["7", 7.5, 0, -1, true, [], 2_147_483_649, 1e30] as [Node] {
            let error = #expect(throws: ModelError.self) {
                try configuration(Self.least.setting(key, to: value), Architecture.llama)
            }
            #expect(error?.description.contains("'\(key)'") == true)
        }
    }

    private static let wrong: [(String, String, Node)] = [
        ("llama", "num_key_value_heads", 3), ("llama", "num_key_value_heads", 8),
        ("llama", "num_key_value_heads", "4"), ("llama", "head_dim", 15), ("llama", "head_dim", 1),
        ("llama", "head_dim", 65538), ("llama", "head_dim", 0),
        ("llama", "tie_word_embeddings", 1), ("llama", "tie_word_embeddings", "true"),
        ("llama", "attention_bias", "yes"), ("llama", "mlp_bias", 0),
        ("llama", "hidden_act", "prelu"), ("llama", "hidden_act", 3),
        ("llama", "rms_norm_eps", 0), ("llama", "rms_norm_eps", -1e-6),
        ("llama", "rms_norm_eps", "1e-6"), ("llama", "rms_norm_eps", Node(.infinity)),
        ("llama", "rope_theta", 0), ("llama", "rope_theta", "10000"),
        ("llama", "rope_scaling", "linear"), ("llama", "rope_parameters", []),
        ("llama", "max_position_embeddings", 0), ("llama", "num_hidden_layers", 10_001),
        ("opt", "hidden_size", 65), ("opt", "enable_bias", 2),
        ("opt", "do_layer_norm_before", "no"), ("opt", "activation_function", "silu2"),
        ("opt", "word_embed_proj_dim", 0), ("mistral", "sliding_window", 0),
        ("gemma2", "sliding_window", .null), ("gemma2", "sliding_window", 0),
        ("gemma2", "layer_types", ["full_attention"]), ("gemma2", "query_pre_attn_scalar", 0),
        ("gemma2", "attn_logit_softcapping", 0), ("gemma2", "final_logit_softcapping", "30"),
        ("gemma2", "use_bidirectional_attention", true), ("gemma2", "hidden_activation", "elu"),
        ("gemma2", "use_bidirectional_attention", 1), ("gpt_neox", "hidden_size", 66),
        ("llama", "hidden_size", 66), ("gemma2", "hidden_size", 66), ("llama", "is_causal", 0),
        ("opt", "is_causal", .null), ("mistral", "is_causal", "true"),
        ("qwen3", "use_bidirectional_attention", true), ("opt", "transformers_weights", "x"),
        ("gpt_neox", "num_attention_heads", 64), ("gpt_neox", "use_parallel_residual", 1),
        ("gpt_neox", "rotary_pct", 1.5), ("gpt_neox", "rotary_pct", 0.01),
        ("gpt_neox", "rotary_pct", "all"), ("gpt_neox", "rotary_emb_base", -1),
        ("gpt_neox", "attention_bias", "no"), ("gpt_neox", "layer_norm_eps", 0),
        ("gpt_neox", "hidden_act", "xielu"), ("gpt_neox", "head_dim", 8),
        ("phi3", "partial_rotary_factor", 2),
        ("phi3", "sliding_window", -1), ("phi3", "head_dim", 15),
        ("mistral", "sliding_window", "24"), ("qwen2", "use_sliding_window", 1),
    ]

    @Test(arguments: wrong.indices)
    func wrongValues_areNamed(_ index: Int) throws {
        let (family, key, value) = Self.wrong[index]
        let config = Self.least.setting("ffn_dim", to: 128).setting("num_key_value_heads", to: 4)
            .setting(key, to: value)
        let error = try #require(
            #expect(throws: ModelError.self) { try configuration(config, named(family)) })
        #expect(error.description.contains("'\(key)'"), "\(error)")
        #expect(error.description.hasPrefix("config.json: "))
        #expect(!error.description.contains("\n"))
    }

    /// A head dimension that follows from others is checked like one that is given.
    @Test func headDimension_thatFollowsIsBoundedToo() throws {
        for (hidden, heads) in [(1 << 31, 1), (3, 1), (2, 4)] {
            let config = Self.least.setting("hidden_size", to: Node(hidden))
                .setting("num_attention_heads", to: Node(heads))
            let error = #expect(throws: ModelError.self) {
                try configuration(config, Architecture.llama)
            }
            #expect(error?.description.contains("'head_dim'") == true)
        }
    }

    @Test func largestSizes_doNotOverflow() throws {
        let config = ["hidden_size", "intermediate_size", "vocab_size", "num_attention_heads"]
            .reduce(Self.least.setting("head_dim", to: 65536)) {
                $0.setting($1, to: Node(1 << 31))
            }
        let found = try configuration(config, Architecture.llama)
        #expect(found.numAttentionHeads * found.headDim == 1 << 47)
        let error = #expect(throws: (any Error).self) {
            try Fixtures.model("llama") { _ in config.setting("model_type", to: "llama") }
        }
        #expect("\(error.debugDescription)".contains("2147483648"))
    }
}

/// Which positions each block attends to.
struct WindowTests {
    struct Case: Sendable {
        let family: String
        let settings: [(String, Node)]
        let windows: [Int?]?
    }

    private static let cases: [Case] = [
        Case(family: "gemma2", settings: [], windows: [4096, nil, 4096]),
        Case(
            family: "gemma2",
            settings: [
                ("sliding_window", 7),
                ("layer_types", ["full_attention", "full_attention", "sliding_attention"]),
            ], windows: [nil, nil, 7]),
        Case(family: "gemma2", settings: [("sliding_window", 8192)], windows: [nil, nil, nil]),
        Case(family: "phi3", settings: [], windows: [nil, nil, nil]),
        Case(family: "phi3", settings: [("sliding_window", .null)], windows: [nil, nil, nil]),
        Case(family: "phi3", settings: [("sliding_window", 7)], windows: [7, 7, 7]),
        Case(family: "gpt_neox", settings: [("sliding_window", 7)], windows: [nil, nil, nil]),
        Case(family: "mistral", settings: [], windows: [4096, 4096, 4096]),
        Case(family: "mistral", settings: [("sliding_window", .null)], windows: [nil, nil, nil]),
        Case(family: "mistral", settings: [("sliding_window", 7)], windows: [7, 7, 7]),
        Case(family: "mistral", settings: [("sliding_window", 8192)], windows: [nil, nil, nil]),
        Case(
            family: "mistral",
            settings: [
                ("sliding_window", 7),
                ("layer_types", ["full_attention", "sliding_attention", "attention"]),
            ], windows: [nil, 7, nil]),
        Case(
            family: "mistral", settings: [("sliding_window", 7), ("layer_types", .null)],
            windows: [7, 7, 7]),
        Case(
            family: "mistral", settings: [("layer_types", ["full_attention"])], windows: nil),
        Case(
            family: "mistral",
            settings: [
                ("layer_types", ["full_attention", "full_attention", "full_attention"]),
                ("sliding_window", .null),
            ], windows: nil),
        Case(
            family: "phi3", settings: [("sliding_window", 7), ("layer_types", ["no"])],
            windows: [7, 7, 7]),
        Case(
            family: "qwen3",
            settings: [
                ("layer_types", ["full_attention", "sliding_attention", "full_attention"]),
                ("use_sliding_window", false),
            ], windows: nil),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true),
                ("layer_types", ["full_attention", "sliding_attention", "full_attention"]),
                ("sliding_window", .null),
            ], windows: nil),
        Case(
            family: "qwen2",
            settings: [("layer_types", ["full_attention", "full_attention", "full_attention"])],
            windows: [nil, nil, nil]),
        Case(family: "llama", settings: [("sliding_window", 7)], windows: [nil, nil, nil]),
        Case(family: "qwen2", settings: [("sliding_window", 7)], windows: [nil, nil, nil]),
        Case(
            family: "qwen2", settings: [("use_sliding_window", true), ("sliding_window", 7)],
            windows: [nil, nil, nil]),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true), ("sliding_window", 7), ("max_window_layers", 1),
            ], windows: [nil, 7, 7]),
        Case(
            family: "qwen3",
            settings: [("use_sliding_window", true), ("max_window_layers", 0)],
            windows: [4096, 4096, 4096]),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true), ("max_window_layers", 0), ("sliding_window", .null),
            ], windows: [nil, nil, nil]),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true), ("sliding_window", 7), ("max_window_layers", 0),
                ("layer_types", ["full_attention", "sliding_attention", "full_attention"]),
            ], windows: [nil, 7, nil]),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true), ("sliding_window", 7),
                ("layer_types", ["full_attention", "sliding_attention"]),
            ], windows: nil),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true), ("sliding_window", 7),
                ("layer_types", ["full_attention", 1, "sliding_attention", "full_attention"]),
            ], windows: nil),
        Case(
            family: "qwen3",
            settings: [
                ("use_sliding_window", true), ("sliding_window", 7),
                ("layer_types", ["full_attention", "linear_attention", "full_attention"]),
            ], windows: nil),
        Case(
            family: "qwen2",
            settings: [
                ("use_sliding_window", true), ("sliding_window", 7), ("max_window_layers", -1),
            ], windows: nil),
    ]

    @Test(arguments: cases.indices)
    func windows_followTheFamily(_ index: Int) throws {
        let item = Self.cases[index]
        var config: Node = .object([
            "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128,
            "num_hidden_layers": 3, "num_attention_heads": 8, "num_key_value_heads": 8,
            "max_position_embeddings": 8192,
        ])
        for (key, value) in item.settings { config = config.setting(key, to: value) }
        if let windows = item.windows {
            #expect(try configuration(config, named(item.family)).windows == windows)
        } else {
            let error = #expect(throws: ModelError.self) {
                try configuration(config, named(item.family))
            }
            let key = item.settings.last?.0 ?? ""
            #expect(error?.description.contains("'\(key)'") == true)
        }
    }
}
