import Checkpoint
import Documents
import Foundation
import Posix
import TestSupport
import Testing

import Transformer

/// Every key of `config.json` that transformers looks at, as `Tests/Reference/config_keys.py` lists
/// them, is used, refused by its name, or known to say nothing of what a model computes.
struct ConfigKeyTests {
    enum Verdict {
        /// Another configuration is read with this value, or one that the key names is refused;
        /// beside `settings` where it means something only there.
        case used(Node, with: [(String, Node)] = [])
        case refused(Node)
        /// The checkpoint is refused, by the key.
        case refusedWithCheckpoint(Node)
        case irrelevant(String)
    }

    static let linear: Node = .object(["rope_type": "linear", "factor": 2])
    private static let llama3: Node = .object([
        "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
    ])

    /// Families without the key, or that never read it, by what they have instead.
    private static let exceptions: [String: [String: Verdict]] = [
        "llama": withoutWindow, "gemma": withoutWindow, "granite": withoutWindow,
        "olmo": withoutWindow.merging(withoutEpsilon) { $1 }, "olmo2": withoutWindow,
        "glm4": withoutWindow.merging(partial) { $1 }, "seed_oss": withoutWindow,
        "ernie4_5": withoutWindow, "hunyuan_v1_dense": withoutWindow, "arcee": withoutWindow,
        "apertus": withoutWindow.merging([
            "rope_theta": .used(77, with: [("rope_scaling", linear)])
        ]) { $1 },
        "internlm3": withoutWindow.merging([
            "qkv_bias": .used(true), "bias": .used(true),
        ]) { $1 },
        "qwen3_vl_text": withoutWindow.merging(seeing) { $1 }.merging(inside) { $1 },
        "qwen3_5": seeing, "qwen3_5_moe": seeing, "qwen3_5_text": hybrid,
        "qwen3_5_moe_text": hybrid.merging([
            "intermediate_size": none("a plain feed-forward")
        ]) { $1 },
        "qwen3_next": hybrid.merging(["norm_topk_prob": .used(false)]) { $1 },
        "lfm2": convolved.merging([
            "intermediate_size": .used(1024),
            "layer_types": .used(["conv", "full_attention"]),
        ]) { $1 },
        "lfm2_moe": convolved.merging([
            "layer_types": .used(["full_attention", "full_attention"]),
            "num_hidden_layers": .used(
                3, with: [("layer_types", ["conv", "conv", "full_attention"])]),
            "norm_topk_prob": .used(false),
        ]) { $1 },
        "qwen3_vl_moe_text": withoutWindow.merging(seeing) { $1 }.merging(inside) { $1 },
        "gemma4_text": seeing.merging(hearing) { $1 }.merging(gemma4) { $1 },
        "gemma4": seeing.merging(hearing) { $1 }.merging([
            "image_token_id": .used(5), "video_token_id": .used(5), "audio_token_id": .used(5),
        ]) { $1 },
        "qwen3_vl": seeing, "qwen3_vl_moe": seeing, "gemma3": seeing, "mistral3": seeing,
        "phi": withoutWindow.merging(withoutHeadSize) { $1 }.merging(partial) { $1 }
            .merging(withoutEpsilon) { $1 },
        "stablelm": withoutWindow.merging(withoutHeadSize) { $1 }.merging(partial) { $1 }
            .merging(withoutEpsilon) { $1 }.merging(["use_parallel_residual": .used(true)]) { $1 },
        "nemotron": withoutWindow.merging(partial) { $1 }.merging(withoutEpsilon) { $1 },
        "cohere": withoutWindow.merging(withoutEpsilon) { $1 },
        "cohere2": withoutHeadSize.merging(withoutEpsilon) { $1 }.merging([
            "layer_types": .used(["full_attention", "full_attention"])
        ]) { $1 },
        "mixtral": ["layer_types": none("layers that differ")],
        "qwen3_moe": ["layer_types": none("layers that differ")],
        "starcoder2": withoutEpsilon.merging(["layer_types": none("layers that differ")]) { $1 },
        "ministral3": [
            "layer_types": none("layers that differ"),
            "rope_theta": .used(77, with: [("rope_scaling", growing)]),
            "original_max_position_embeddings": .used(1024, with: [("rope_scaling", growing)]),
        ],
        "exaone4": ["layer_types": .used(["full_attention", "full_attention"])],
        "gemma3_text": seeing.merging([
            "text_config": .irrelevant("it is one"),
            "attn_logit_softcapping": .irrelevant("nothing reads it"),
            "final_logit_softcapping": .used(3),
            "layer_types": .used(["full_attention", "full_attention"]),
            "rope_scaling": .used(linear, with: [("sliding_window_pattern", 2)]),
            "rope_theta": .used(77, with: [("sliding_window_pattern", 2)]),
            "original_max_position_embeddings": .used(
                1024, with: [("rope_scaling", llama3), ("sliding_window_pattern", 2)]),
            "partial_rotary_factor": .used(
                0.5, with: [("rope_scaling", linear), ("sliding_window_pattern", 2)]),
        ]) { $1 },
        "olmo3": [
            "layer_types": .used(["full_attention", "full_attention"]),
            "rope_scaling": .used(linear, with: everySecond),
            "rope_theta": .used(77, with: everySecond),
            "original_max_position_embeddings": .used(
                1024, with: [("rope_scaling", llama3)] + everySecond),
            "partial_rotary_factor": .used(
                0.5, with: [("rope_scaling", linear)] + everySecond),
        ],
        "smollm3": [
            "use_sliding_window": .used(true, with: [("no_rope_layers", [0, 1])]),
            "sliding_window": .used(
                5, with: [("no_rope_layers", [0, 1]), ("use_sliding_window", true)]),
            "layer_types": .used(everySecond[0].1),
        ],
        "opt": withoutRotation,
        "gpt2": withoutRotation, "gpt_bigcode": withoutRotation,
        "gpt_neo": withoutRotation.merging([
            "num_heads": .used(2), "num_layers": .used(3, with: ofThree),
            "num_hidden_layers": .used(3, with: ofThree),
        ]) { $1 },
        "gptj": withoutRotation,
        "bloom": withoutRotation.merging([
            "max_position_embeddings": .irrelevant("positions are biases")
        ]) { $1 },
        "falcon": withoutWindow.merging(withoutHeadSize) { $1 }.merging(withoutEpsilon) { $1 }
            .merging([
                "partial_rotary_factor": .used(0.5, with: [("rope_scaling", linear)]),
                "num_kv_heads": .used(2, with: [("new_decoder_architecture", true)]),
                "num_ln_in_parallel_attn": .used(1, with: [("new_decoder_architecture", true)]),
                "multi_query": .used(false), "bias": .used(true), "activation": .used("relu"),
            ]) { $1 },
        "gpt_neox": [
            "sliding_window": none("a window"), "layer_types": none("a window"),
            "head_dim": .refused(4), "rms_norm_eps": .irrelevant("layer_norm_eps is read"),
            "rope_theta": .irrelevant("rotary_emb_base is read"),
            "partial_rotary_factor": .irrelevant("rotary_pct is read"),
        ],
        "phi3": [
            "layer_types": none("layers that differ"), "partial_rotary_factor": .used(0.5),
            "rope_scaling": .refused(linear), "rope_parameters": .refused(linear),
            "original_max_position_embeddings": .used(
                64, with: [("rope_scaling", longrope), ("max_position_embeddings", 256)]),
        ],
        "mistral": ["layer_types": .used(["full_attention", "sliding_attention"])],
    ]

    private static let gemma4: [String: Verdict] = [
        "text_config": .irrelevant("it is one"), "hidden_act": .irrelevant("of what is heard"),
        "attention_k_eq_v": .used(true), "global_head_dim": .used(8),
        "num_global_key_value_heads": .used(1, with: [("attention_k_eq_v", true)]),
        "num_kv_shared_layers": .used(
            2,
            with: [
                ("num_hidden_layers", 4),
                (
                    "layer_types",
                    [
                        "sliding_attention", "full_attention", "sliding_attention",
                        "full_attention",
                    ]
                ),
            ]), "kv_sharing_modes": .irrelevant("made of other keys"),
        "use_double_wide_mlp": .used(true), "hidden_size_per_layer_input": .used(8),
        "vocab_size_per_layer_input": .refused(10),
        "per_layer_config": .used(.object(["1": .object(["head_dim": 8])])),
        "layer_types": .used(["full_attention", "full_attention"]),
        "final_logit_softcapping": .used(3), "rope_scaling": .refused(linear),
        "rope_theta": .irrelevant("it stands in rope_parameters"),
        "partial_rotary_factor": .irrelevant("it stands in rope_parameters"),
        "original_max_position_embeddings": .irrelevant("no kind of rope reads it"),
        "enable_moe_block": .used(true, with: experts), "num_experts": .used(3, with: experts),
        "top_k_experts": .used(1, with: experts),
        "moe_intermediate_size": .used(24, with: experts),
    ]
    private static let experts: [(String, Node)] = [
        ("enable_moe_block", true), ("num_experts", 4), ("top_k_experts", 2),
        ("moe_intermediate_size", 8),
    ]
    private static let hearing: [String: Verdict] = Dictionary(
        uniqueKeysWithValues: [
            "attention_context_left", "attention_context_right", "attention_invalid_logits_value",
            "attention_logit_cap", "audio_config", "audio_token_id", "boa_token_id",
            "conv_kernel_size", "eoa_token_index", "gradient_clipping", "output_proj_dims",
            "pooling_kernel_size", "position_embedding_size", "residual_weight", "standardize",
            "subsampling_conv_channels", "use_clipped_linears",
        ].map { ($0, .irrelevant("of what is seen or heard")) })

    private static let ofThree: [(String, Node)] = [("attention_types", [[["global"], 3]])]
    private static let growing = llama3.setting("llama_4_scaling_beta", to: 0.1)
    /// Of blocks with the delta rule beside blocks with attention.
    private static let hybrid = seeing.merging(partial) { $1 }.merging([
        "text_config": .irrelevant("it is one"), "sliding_window": none("a window"),
        "layer_types": .used(["full_attention", "linear_attention"]),
    ]) { $1 }
    /// Of blocks with a convolution beside blocks with attention.
    private static let convolved = withoutEpsilon.merging([
        "sliding_window": none("a window")
    ]) { $1 }
    /// Of settings that stand inside of what sees.
    private static let inside: [String: Verdict] = [
        "tie_word_embeddings": .irrelevant("it stands at the top"),
        "text_config": .irrelevant("it is one"),
    ]
    private static let everySecond: [(String, Node)] = [
        ("layer_types", ["sliding_attention", "full_attention"])
    ]
    static let withoutWindow = [
        "sliding_window": none("a window"), "layer_types": none("a window"),
    ]
    private static let withoutHeadSize = ["head_dim": none("a size of heads of their own")]
    private static let withoutEpsilon = ["rms_norm_eps": none("this epsilon")]
    static let partial = ["partial_rotary_factor": Verdict.used(0.75)]
    private static let withoutRotation = withoutWindow.merging(withoutHeadSize) { $1 }
        .merging(withoutEpsilon) { $1 }.merging([
            "rope_parameters": none("a rotation"), "rope_scaling": none("a rotation"),
            "rope_theta": none("a rotation"), "partial_rotary_factor": none("a rotation"),
            "original_max_position_embeddings": none("a rotation"),
        ]) { $1 }
    /// Of what is seen, which passes through.
    private static let seeing: [String: Verdict] = Dictionary(
        uniqueKeysWithValues: [
            "vision_config", "boi_token_id", "boi_token_index", "eoi_token_id", "eoi_token_index",
            "image_token_id", "image_token_index", "mm_tokens_per_image", "video_token_id",
            "vision_end_token_id", "vision_start_token_id", "multimodal_projector_bias",
            "projector_hidden_act", "spatial_merge_size", "vision_feature_layer",
            "deepstack_visual_indexes", "depth", "in_channels", "num_position_embeddings",
            "out_hidden_size", "patch_size", "temporal_patch_size",
        ].map { ($0, .irrelevant("of what is seen")) })

    static let longrope: Node = .object([
        "rope_type": "longrope", "short_factor": Node([Node](repeating: 1, count: 8)),
        "long_factor": Node([Node](repeating: 2, count: 8)),
    ])

    static func none(_ what: String) -> Verdict { .irrelevant("no layer has \(what)") }

    private static let sliding: [(String, Node)] = [
        ("use_sliding_window", true), ("max_window_layers", 1), ("sliding_window", 7),
    ]

    private static let verdicts: [String: Verdict] = [
        // Sizes.
        "vocab_size": .used(30), "hidden_size": .used(48), "intermediate_size": .used(24),
        "ffn_dim": .used(24), "num_hidden_layers": .used(3), "num_attention_heads": .used(2),
        "num_key_value_heads": .used(1), "head_dim": .used(4),
        "word_embed_proj_dim": .used(16), "max_position_embeddings": .used(64),
        // Functions.
        "hidden_act": .used("relu"), "hidden_activation": .used("relu"),
        "activation_function": .used("gelu"), "rms_norm_eps": .used(1e-3),
        "layer_norm_eps": .used(1e-3), "layer_norm_elementwise_affine": .used(false),
        "do_layer_norm_before": .used(false), "_remove_final_layer_norm": .used(true),
        "attention_bias": .used(.null), "mlp_bias": .used(true), "enable_bias": .used(false),
        "use_parallel_residual": .used(false), "query_pre_attn_scalar": .used(9),
        "attn_logit_softcapping": .used(.null), "final_logit_softcapping": .used(.null),
        "tie_word_embeddings": .used(.null),
        // Windows.
        "sliding_window": .used(5, with: [("use_sliding_window", true), ("max_window_layers", 1)]),
        "use_sliding_window": .used(true, with: Array(sliding.dropFirst())),
        "max_window_layers": .used(0, with: sliding),
        "layer_types": .used(["full_attention", "full_attention"], with: sliding),
        // Rotation.
        "rope_parameters": .used(linear), "rope_scaling": .used(linear), "rope_theta": .used(77),
        "rotary_emb_base": .used(77), "rotary_pct": .used(0.5),
        "partial_rotary_factor": .used(0.5, with: [("rope_scaling", linear)]),
        "original_max_position_embeddings": .used(1024, with: [("rope_scaling", llama3)]),
        "no_rope_layers": .used([0, 1]), "no_rope_layer_interval": .used(2),
        "sliding_window_pattern": .used(1), "rope_local_base_freq": .used(77),
        "rotary_dim": .used(8), "alibi": .used(true), "new_decoder_architecture": .used(true),
        "parallel_attn": .used(false), "num_ln_in_parallel_attn": .used(1),
        // Names and functions of GPT and what came after it.
        "n_embd": .used(48), "n_embed": .used(48), "n_head": .used(2), "num_heads": foreign,
        "n_layer": .used(3), "num_layers": .used(3), "n_positions": .used(64),
        "n_inner": .used(24), "ffn_hidden_size": .used(24), "layer_norm_epsilon": .used(1e-3),
        "norm_epsilon": .used(1e-3), "norm_eps": .used(1e-3),
        "scale_attn_weights": .used(false), "scale_attn_by_inverse_layer_idx": .used(true),
        "attention_types": .used([[["local"], 2]]), "window_size": .used(5),
        "multi_query": .used(false), "use_bias": .used(.null), "use_qkv_bias": .used(true),
        "attention_out_bias": .used(true), "qkv_bias": .used(.null), "qk_layernorm": .used(true),
        "use_qk_norm": .used(true),
        "attention_multiplier": .used(3), "embedding_multiplier": .used(3),
        "residual_multiplier": .used(3), "logits_scaling": .used(3), "logit_scale": .used(3),
        "clip_qkv": .used(3), "add_cross_attention": .refused(true),
        "apply_residual_connection_post_layernorm": .refused(true),
        // Mixtures of experts.
        "num_experts": .used(4), "num_local_experts": .used(4), "num_experts_per_tok": .used(1),
        "moe_intermediate_size": .used(24), "shared_expert_intermediate_size": .used(24),
        "norm_topk_prob": .used(true), "decoder_sparse_step": .used(2),
        "mlp_only_layers": .used([0]), "output_router_logits": output,
        "router_aux_loss_coef": training, "router_jitter_noise": training,
        // What stands in place of the attention.
        "linear_conv_kernel_dim": .used(2), "linear_key_head_dim": .used(8),
        "linear_value_head_dim": .used(8), "linear_num_key_heads": .used(8),
        "linear_num_value_heads": .used(16), "full_attention_interval": .used(2),
        "conv_L_cache": .used(4), "conv_bias": .used(true), "full_attn_idxs": .used([0]),
        "block_auto_adjust_ff_dim": .used(false), "block_ff_dim": .used(1024),
        "block_ffn_dim_multiplier": .used(40), "block_multiple_of": .used(8),
        "tie_embedding": .used(.null), "num_dense_layers": .used(1),
        "routed_scaling_factor": .used(3), "use_expert_bias": .used(false),
        // What sees beside the language model.
        "text_config": .used(.object(["hidden_size": 48])),
        // What makes another function, or another file.
        "is_causal": .refused(false), "use_bidirectional_attention": .refused(true),
        "per_layer_config": .refused(.object(["0": .object(["head_dim": 2])])),
        "transformers_weights": .refused("other.safetensors"),
        "quantization_config": .refusedWithCheckpoint(.object(["quant_method": "gptq"])),
        // What says nothing here.
        "attention_dropout": training, "dropout": training, "hidden_dropout": training,
        "attn_pdrop": training, "embed_dropout": training, "resid_dropout": training,
        "embedding_dropout": training, "residual_dropout": training,
        "embd_pdrop": training, "resid_pdrop": training, "layerdrop": training,
        "initializer_range": training, "init_std": training, "initializer_factor": training,
        "gradient_checkpointing": training,
        "classifier_dropout": task, "id2label": task, "label2id": task, "num_labels": task,
        "problem_type": task, "token_classification_bias": task,
        "output_hidden_states": output, "output_attentions": output, "return_dict": output,
        "attn_implementation": kernel, "experts_implementation": kernel,
        "fusion_config": kernel, "distributed_config": kernel, "chunk_size_feed_forward": kernel,
        "pretraining_tp": kernel, "reorder_and_upcast_attn": kernel,
        "attention_softmax_in_fp32": kernel, "scale_attention_softmax_in_fp32": kernel,
        "slow_but_exact": kernel, "_is_quantized": kernel,
        "summary_activation": task, "summary_first_dropout": task, "summary_last_dropout": task,
        "summary_proj_to_labels": task, "summary_type": task, "summary_use_proj": task,
        "attention_layers": .irrelevant("made of attention_types"),
        "dtype": .irrelevant("weights have the type that they are stored in"),
        "torch_dtype": .irrelevant("weights have the type that they are stored in"),
        "architectures": .irrelevant("a causal model is wanted, whatever it was saved from"),
        "transformers_version": record, "_name_or_path": record, "name_or_path": record,
        "bos_token_id": tokens, "eos_token_id": tokens, "pad_token_id": tokens,
        "sep_token_id": tokens, "eod_token_id": tokens,
        "is_decoder": .irrelevant("a causal model is one, whatever it says"),
        "is_encoder_decoder": .irrelevant("no family here is one"),
        "attention_chunk_size": .irrelevant("no family here attends in chunks"),
        "embed_dim": foreign, "first_k_dense_replace": foreign,
        "mlp_layer_types": foreign, "chain_hidden_post_norm": prediction,
        "logits_mup_width_multiplier": prediction, "unpadded_vocab_size": prediction,
        "mtp_hidden_states_first": prediction, "mtp_layer_types": prediction,
        "mtp_mlp_layer_types": prediction, "mtp_per_layer_config": prediction,
        "num_mtp_layers": prediction,
    ]

    static let training = Verdict.irrelevant("counts in training alone")
    private static let task = Verdict.irrelevant("belongs to models with another head")
    private static let output = Verdict.irrelevant("what is returned beside the logits")
    private static let kernel = Verdict.irrelevant("how it is computed, not what")
    private static let record = Verdict.irrelevant("where the file comes from")
    private static let tokens = Verdict.irrelevant("for generation and padding")
    private static let foreign = Verdict.irrelevant("of families that are not here")
    private static let prediction = Verdict.irrelevant("of drafts for generation")

    private static func least(_ family: String) -> Node {
        let sizes: [(String, String, Node)] = [
            ("hidden_size", "n_embd", 64), ("num_hidden_layers", "n_layer", 2),
            ("num_attention_heads", "n_head", 4), ("max_position_embeddings", "n_positions", 128),
        ]
        let hasOwnNames = ["gpt2", "gptj", "gpt_bigcode"].contains(family)
        let own = [
            "gpt_neo": ["num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"],
            "bloom": ["num_hidden_layers": "n_layer", "num_attention_heads": "n_head"],
        ]
        let names = own[family] ?? [:]
        let base: Node = .object([
            "model_type": Node(family), "vocab_size": 20, "intermediate_size": 16, "ffn_dim": 16,
            "num_key_value_heads": 2, "sliding_window": 9,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 9, "rotary_dim": 4,
            "layer_types": family == "lfm2_moe" ? ["conv", "full_attention"] : .null,
        ])
        let found = sizes.reduce(base) {
            $0.setting(hasOwnNames ? $1.1 : names[$1.0] ?? $1.0, to: $1.2)
        }
        if latents[family] != nil { return leastOfLatents(found) }
        // Where a window is refused.
        return family == "olmoe" ? found.removing("sliding_window") : found
    }

    /// The family whose model has this one as its language model.
    private static let outer = [
        "qwen3_vl_text": "qwen3_vl", "qwen3_vl_moe_text": "qwen3_vl_moe",
    ]
    /// Families whose language model's settings stand inside.
    private static let nesting = [
        "gemma3", "gemma4", "mistral3", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe",
    ]

    /// What is read of a configuration, as text.
    private static func reading(_ config: Node, _ family: String) throws -> String {
        var (config, family) = (config, family)
        if let outside = outer[family] {
            config = .object(["model_type": Node(outside), "text_config": config])
            family = outside
        } else if nesting.contains(family), config["text_config"] == nil {
            config = config.setting(
                "text_config", to: least(family).removing("model_type"))
        }
        let architecture = try #require(Architecture.of(config, named: family))
        let found = try configuration(config, architecture)
        return Mirror(reflecting: found).children.map { child in
            let value = (child.value as? Set<Role>).map { "\($0.sorted())" } ?? "\(child.value)"
            return "\(child.label ?? "") \(value)"
        }.joined(separator: "\n") + "\(architecture.interleavesHeads)"
            + "\(architecture.mixture?.correction ?? [])"
    }

    private static func list() throws -> Node {
        let path = Fixtures.own("config-keys.json")
        return try JSON.parse(readFile(path), file: path)
    }

    private static let families: [String] = {
        let list = try? Self.list()["families"]?.members?.map(\.key)
        return list ?? []
    }()

    @Test func everyFamily_isListed() {
        let names = Set(Architecture.all.map(\.name))
        #expect(names.subtracting(Self.families) == [])
    }

    @Test(arguments: families)
    func everyKey_isUsedRefusedOrIrrelevant(_ family: String) throws {
        let list = try Self.list()
        let own = list["families"]?[family]?.array ?? []
        // At the top of what sees nothing else counts.
        let shared = Self.nesting.contains(family) ? [] : list["shared"]?.array ?? []
        let keys = (own + shared).compactMap(\.string)
        #expect(own.count >= 3 && keys.count >= own.count)
        for key in keys { try check(key, family) }
    }

    private func check(_ key: String, _ family: String) throws {
        let base = Self.least(family)
        guard
            let verdict = Self.exceptions[family]?[key] ?? Self.mixtures[family]?[key]
                ?? Self.latents[family]?[key] ?? Self.verdicts[key] ?? Self.mixtureVerdicts[key]
        else {
            Issue.record("nothing is known of \(key) of \(family)")
            return
        }
        switch verdict {
        case .used(let value, let settings):
            let start = settings.reduce(base) {
                $1.0 == key ? $0 : $0.setting($1.0, to: $1.1)
            }
            // Null: the other flag than the one that is the default.
            for value in value.isNull && !key.hasSuffix("softcapping") ? [true, false] : [value] {
                let changed = start.setting(key, to: value)
                guard let other = try? Self.reading(changed, family) else {
                    let error = #expect(throws: ModelError.self) {
                        try Self.reading(changed, family)
                    }
                    #expect(error?.description.contains(key) == true, "\(key) of \(family)")
                    return
                }
                if other != (try? Self.reading(start, family)) { return }
            }
            Issue.record("\(key) of \(family) changes nothing")
        case .refused(let value):
            let error = #expect(throws: ModelError.self, "\(key) of \(family)") {
                try Self.reading(base.setting(key, to: value), family)
            }
            #expect(error?.description.contains(key) == true, "\(error.debugDescription)")
        case .refusedWithCheckpoint(let value):
            let scratch = try Scratch()
            try scratch.write("config.json", JSON.encode(base.setting(key, to: value)))
            let error = #expect(throws: CheckpointError.self) {
                try Checkpoint(directory: scratch.path)
            }
            #expect(error?.description.contains("'\(key)'") == true)
        case .irrelevant(let reason):
            #expect(!reason.isEmpty)
            let start = try Self.reading(base, family)
            for value in [3, "other", true, .null] as [Node] {
                #expect(
                    try Self.reading(base.setting(key, to: value), family) == start,
                    "\(key) of \(family) changes something")
            }
        }
    }

    /// Each parameter of rope, in an object where it counts.
    @Test func everyRopeParameter_isUsed() throws {
        let yarn: Node = .object([
            "rope_type": "yarn", "factor": 4, "mscale": 1, "mscale_all_dim": 0.5,
            "beta_fast": 8, "beta_slow": 1, "original_max_position_embeddings": 2048,
        ])
        let cases: [String: (Node, Node)] = [
            "attention_factor": (yarn, 3), "beta_fast": (yarn, 20), "beta_slow": (yarn, 3),
            "factor": (yarn, 2), "mscale": (yarn, 2), "mscale_all_dim": (yarn, 2),
            "truncate": (yarn, false), "original_max_position_embeddings": (yarn, 32),
            "rope_theta": (yarn, 50), "rope_type": (yarn, "linear"),
            "type": (.object(["factor": 2]), "linear"), "high_freq_factor": (Self.llama3, 9),
            "low_freq_factor": (Self.llama3, 2), "partial_rotary_factor": (Self.linear, 0.5),
            "short_factor": (Self.longrope, Node([3] + [Node](repeating: 1, count: 7))),
            "long_factor": (
                Self.longrope.setting("original_max_position_embeddings", to: 16),
                Node([Node](repeating: 1, count: 8))
            ),
        ]
        let keys = try #require(Self.list()["rope"]?.array).compactMap(\.string)
        #expect(keys.count >= 15)
        for key in keys where key != "mrope_section" {
            let (object, value) = try #require(cases[key], "nothing is known of \(key)")
            func read(_ object: Node) throws -> String {
                try Self.reading(
                    Self.least("llama").setting("rope_scaling", to: object), "llama")
            }
            let start = try read(object)
            do {
                #expect(try read(object.setting(key, to: value)) != start, "\(key)")
            } catch {
                #expect("\(error)".contains(key), "\(error)")
            }
        }
        // Of models that see: positions in three dimensions.
        let mrope = Self.linear.setting("mrope_section", to: [1, 1, 2])
        #expect(
            try Self.reading(Self.least("llama").setting("rope_scaling", to: mrope), "llama")
                == Self.reading(
                    Self.least("llama").setting("rope_scaling", to: Self.linear), "llama"))
    }

    /// Settings of generation say nothing of what is pruned.
    @Test func settingsOfGeneration_areIgnored() throws {
        let keys = try #require(Self.list()["generation"]?.array).compactMap(\.string)
        #expect(keys.count > 20)
        let start = try Self.reading(Self.least("llama"), "llama")
        for key in keys {
            let changed = Self.least("llama").setting(key, to: 7)
            #expect(try Self.reading(changed, "llama") == start)
        }
    }
}
