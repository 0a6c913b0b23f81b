import Documents

/// What keys mean in every family that says nothing else.
extension ConfigKeyTests {
    static let verdicts: [String: Verdict] = [
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
    static let task = Verdict.irrelevant("belongs to models with another head")
    static let output = Verdict.irrelevant("what is returned beside the logits")
    static let kernel = Verdict.irrelevant("how it is computed, not what")
    static let record = Verdict.irrelevant("where the file comes from")
    static let tokens = Verdict.irrelevant("for generation and padding")
    static let foreign = Verdict.irrelevant("of families that are not here")
    static let prediction = Verdict.irrelevant("of drafts for generation")
}
