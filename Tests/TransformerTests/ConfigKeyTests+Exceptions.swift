import Documents

/// What keys mean in single families, where it is not what they mean elsewhere.
extension ConfigKeyTests {
    /// Families without the key, or that never read it, by what they have instead.
    static let exceptions: [String: [String: Verdict]] = [
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

    static let gemma4: [String: Verdict] = [
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
    static let experts: [(String, Node)] = [
        ("enable_moe_block", true), ("num_experts", 4), ("top_k_experts", 2),
        ("moe_intermediate_size", 8),
    ]
    static let hearing: [String: Verdict] = Dictionary(
        uniqueKeysWithValues: [
            "attention_context_left", "attention_context_right", "attention_invalid_logits_value",
            "attention_logit_cap", "audio_config", "audio_token_id", "boa_token_id",
            "conv_kernel_size", "eoa_token_index", "gradient_clipping", "output_proj_dims",
            "pooling_kernel_size", "position_embedding_size", "residual_weight", "standardize",
            "subsampling_conv_channels", "use_clipped_linears",
        ].map { ($0, .irrelevant("of what is seen or heard")) })

    static let ofThree: [(String, Node)] = [("attention_types", [[["global"], 3]])]
    static let growing = llama3.setting("llama_4_scaling_beta", to: 0.1)
    /// Of blocks with the delta rule beside blocks with attention.
    static let hybrid = seeing.merging(partial) { $1 }.merging([
        "text_config": .irrelevant("it is one"), "sliding_window": none("a window"),
        "layer_types": .used(["full_attention", "linear_attention"]),
    ]) { $1 }
    /// Of blocks with a convolution beside blocks with attention.
    static let convolved = withoutEpsilon.merging([
        "sliding_window": none("a window")
    ]) { $1 }
    /// Of settings that stand inside of what sees.
    static let inside: [String: Verdict] = [
        "tie_word_embeddings": .irrelevant("it stands at the top"),
        "text_config": .irrelevant("it is one"),
    ]
    static let everySecond: [(String, Node)] = [
        ("layer_types", ["sliding_attention", "full_attention"])
    ]
    static let withoutWindow = [
        "sliding_window": none("a window"), "layer_types": none("a window"),
    ]
    static let withoutHeadSize = ["head_dim": none("a size of heads of their own")]
    static let withoutEpsilon = ["rms_norm_eps": none("this epsilon")]
    static let partial = ["partial_rotary_factor": Verdict.used(0.75)]
    static let withoutRotation = withoutWindow.merging(withoutHeadSize) { $1 }
        .merging(withoutEpsilon) { $1 }.merging([
            "rope_parameters": none("a rotation"), "rope_scaling": none("a rotation"),
            "rope_theta": none("a rotation"), "partial_rotary_factor": none("a rotation"),
            "original_max_position_embeddings": none("a rotation"),
        ]) { $1 }
    /// Of what is seen, which passes through.
    static let seeing: [String: Verdict] = Dictionary(
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

    static let sliding: [(String, Node)] = [
        ("use_sliding_window", true), ("max_window_layers", 1), ("sliding_window", 7),
    ]
}
