"""families.py STADE_ORACLE.py OUT [NAME..]: small fixtures of model families, for FamilyTests.

    python families.py STADE_ORACLE.py Tests/PipelineTests/Families gemma smollm3
    python families.py --check STADECTL Tests/PipelineTests/Families [NAME..]

A family is one entry of FAMILIES (all of them are written where no NAME is given). OUT/NAME receives

    config.json             as transformers writes it
    model.safetensors.gz    a random checkpoint as transformers writes it. Weights are multiples of 1/64, so that the file
                            packs well; every offset and bias is non-zero.
    expected.json           for each case: method, pattern, sparsity, compensation, perplexities, block_mse, weights
    expected.safetensors.gz `calibration` [samples, length] and `evaluation` [tokens], int32; for each case and layer
                            `CASE/LAYER.pruned` (one bit a weight, the lowest first, rows of [out, in]), `.bias_change` and
                            `.scale`; for the first case `.mean`, `.var` and `.norm2`, of the first layer of each input

What is expected comes from the reference program's own code. Cases whose name begins with `native` give biases only to
the layers that the family's configuration can give one (`carries`), as native_fallback.py has it; their perplexity is
that of the model as transformers reloads it.

--check prunes each fixture with the program and compares what transformers makes of the outputs, biases and narrower
blocks included, with what the program reports.
"""
import argparse
import gzip
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.simplefilter("ignore")
import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.pytorch_utils import Conv1D

from mixtures import FUSED, GATED as GATED_EXPERTS, LINEAR, NUMBERED, count_by_weight, unfuse
from native_fallback import let_layers_differ, load

transformers.utils.logging.disable_progress_bar()

VOCABULARY, LENGTH, SAMPLES, WINDOWS = 96, 40, 8, 6
# The first of them is the one with statistics.
CASES = [("stade-0.5", "stade", 0.5, "", ""), ("stade-obs-0.5", "stade-obs", 0.5, "", ""),
         ("wanda-2of4-scale", "wanda", 0.5, "2:4", "scale"), ("native-stade-0.5-affine", "stade", 0.5, "", "affine")]
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
GATED = ["gate_proj", "up_proj", "down_proj"]
SIZES = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def family(model_type, config=None, carries=(), sizes=SIZES, prefix=None, experts=(), names=(), expert_carries=(), leaves=()):
    """carries: last parts of the names of layers that the configuration can give a bias; prefix: of the blocks in the file,
    where memory has another; experts: what their layers are called in the file; names: what else it calls otherwise;
    expert_carries: the same as carries, of experts' layers; leaves: parts of the names of layers that are left as they are."""
    return dict(model_type=model_type, config=dict(sizes, **(config or {})), carries=carries, prefix=prefix, experts=experts,
                names=names, expert_carries=expert_carries, leaves=leaves)


def attention(config):
    """Which implementation: Falcon's eager one adds ALiBi twice."""
    return "sdpa" if getattr(config, "alibi", False) else "eager"


def gpt(model_type, config=None, carries=(), **more):
    sizes = dict(vocab_size=VOCABULARY, n_embd=32, n_layer=3, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)
    return family(model_type, config, carries, sizes=sizes, **more)


SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
VISION = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=16, patch_size=8)
GPT2 = ["c_attn", "c_proj", "c_fc"]
FALCON = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]
LLAMA3 = dict(rope_type="llama3", rope_theta=1e4, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
YARN = dict(rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=16)
# The gated delta rule and the attention beside it, in heads whose sizes fill no vector.
DELTA = dict(head_dim=16, linear_conv_kernel_dim=4, linear_key_head_dim=10, linear_value_head_dim=12, linear_num_key_heads=2,
             linear_num_value_heads=4, layer_types=["linear_attention", "full_attention", "linear_attention"])
SEEN = dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, out_hidden_size=32, patch_size=8, num_position_embeddings=16)
SEEING = dict(
    vision_config=dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, out_hidden_size=32, patch_size=8,
                       deepstack_visual_indexes=[0], num_position_embeddings=16),
    image_token_id=90, video_token_id=91, vision_start_token_id=92, vision_end_token_id=93)
GEMMA4 = dict(
    num_hidden_layers=4, head_dim=12, global_head_dim=20, sliding_window=9, final_logit_softcapping=20.0,
    layer_types=["sliding_attention", "full_attention"] * 2, vocab_size_per_layer_input=VOCABULARY,
    rope_parameters={"full_attention": dict(rope_type="proportional", partial_rotary_factor=0.4, rope_theta=1e3),
                     "sliding_attention": dict(rope_type="default", rope_theta=100.0)})
EXPERTS = dict(moe_intermediate_size=24, num_experts=8, num_experts_per_tok=2)
GRANITE = dict(intermediate_size=24, num_local_experts=8, num_experts_per_tok=2, embedding_multiplier=3.0, logits_scaling=2.0,
               residual_multiplier=0.7, attention_multiplier=0.3, attention_bias=True)
GRANITE_NAMES = [(".experts.", ".")]
LATENTS = dict(num_key_value_heads=4, q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=6, qk_rope_head_dim=8, v_head_dim=10)
DEEPSEEK = dict(LATENTS, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=2)
LATENT = ["q_a_proj", "kv_a_proj_with_mqa", "o_proj"]
# Written to Fixtures/mixtures, for MixtureTests.
MIXTURES = {
    "qwen3_moe": family("qwen3_moe", dict(EXPERTS, head_dim=12, norm_topk_prob=True, mlp_only_layers=[1], attention_bias=True),
                        carries=ATTENTION, experts=GATED_EXPERTS),
    "mixtral": family("mixtral", dict(intermediate_size=24, num_local_experts=6, num_experts_per_tok=2, sliding_window=17),
                      experts=NUMBERED, names=[(".mlp.", ".block_sparse_moe.")]),
    "qwen3_vl_moe": family("qwen3_vl_moe", dict(
        text_config=dict(SIZES, **EXPERTS, head_dim=12, mlp_only_layers=[1], rope_parameters=dict(
            rope_type="default", rope_theta=1e4, mrope_section=[2, 2, 2], mrope_interleaved=True)), **SEEING),
        ATTENTION, sizes={}, experts=FUSED),
    "gemma4_moe": family("gemma4_text", dict(
        GEMMA4, num_hidden_layers=2, layer_types=["sliding_attention", "full_attention"], intermediate_size=40,
        hidden_size_per_layer_input=0, enable_moe_block=True, num_experts=6, top_k_experts=2, moe_intermediate_size=24,
        attention_k_eq_v=True, num_global_key_value_heads=1), ATTENTION, experts=FUSED, leaves=["mlp."]),
    "qwen2_moe": family("qwen2_moe", dict(EXPERTS, shared_expert_intermediate_size=40, decoder_sparse_step=2),
                        carries=ATTENTION[:3], experts=GATED_EXPERTS),
    "gpt_oss": family("gpt_oss", dict(head_dim=12, intermediate_size=32, num_local_experts=8, num_experts_per_tok=3,
                                      sliding_window=9, swiglu_limit=1.0, swiglu_alpha=1.5),
                      carries=ATTENTION, experts=FUSED, expert_carries=FUSED),
    "olmoe": family("olmoe", dict(intermediate_size=24, num_experts=8, num_experts_per_tok=3, clip_qkv=0.8,
                                  attention_bias=True), carries=ATTENTION, experts=GATED_EXPERTS),
    "granitemoe": family("granitemoe", dict(GRANITE), carries=ATTENTION, experts=LINEAR, names=GRANITE_NAMES),
    "granitemoeshared": family("granitemoeshared", dict(GRANITE, shared_intermediate_size=40), carries=ATTENTION,
                               experts=LINEAR, names=GRANITE_NAMES),
    "phimoe": family("phimoe", dict(
        intermediate_size=24, num_local_experts=8, router_jitter_noise=0.1, attention_bias=True, lm_head_bias=True,
        sliding_window=17, max_position_embeddings=256, original_max_position_embeddings=64,
        rope_parameters=dict(rope_type="longrope", rope_theta=1e4, short_mscale=1.2, long_mscale=1.3,
                             short_factor=[1.0, 1.1, 1.5, 3.0], long_factor=[1.0, 2.0, 5.0, 9.0],
                             original_max_position_embeddings=64)),
        carries=ATTENTION, experts=NUMBERED, names=[(".mlp.", ".block_sparse_moe.")]),
    "glm4_moe": family("glm4_moe", dict(
        head_dim=12, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2,
        n_shared_experts=2, first_k_dense_replace=1, routed_scaling_factor=1.5, use_qk_norm=True, attention_bias=True),
        carries=ATTENTION[:3], experts=GATED_EXPERTS),
    "ernie4_5_moe": family("ernie4_5_moe", dict(
        moe_intermediate_size=24, moe_num_experts=8, moe_k=2, moe_num_shared_experts=2, moe_layer_start_index=1,
        use_bias=True), carries=ATTENTION + GATED, experts=GATED_EXPERTS),
    "qwen3_5_moe": family("qwen3_5_moe", dict(
        text_config=dict({k: v for k, v in SIZES.items() if k != "intermediate_size"}, **EXPERTS,
                         **DELTA | dict(linear_key_head_dim=16), shared_expert_intermediate_size=40),
        vision_config=SEEN, image_token_id=90, video_token_id=91, vision_start_token_id=92, vision_end_token_id=93),
        carries=ATTENTION, experts=GATED_EXPERTS, sizes={}),
    "qwen3_next": family("qwen3_next", dict(EXPERTS, **DELTA, shared_expert_intermediate_size=40, mlp_only_layers=[1],
                                            attention_bias=True), carries=ATTENTION, experts=GATED_EXPERTS),
    "lfm2_moe": family("lfm2_moe", dict(EXPERTS, num_dense_layers=1, conv_L_cache=3, routed_scaling_factor=1.5,
                                        layer_types=["conv", "full_attention", "conv"]), experts=NUMBERED),
    "deepseek_v3": family("deepseek_v3", dict(
        DEEPSEEK, n_group=4, topk_group=2, first_k_dense_replace=1, routed_scaling_factor=1.5, attention_bias=True,
        rms_norm_eps=1e-3, rope_parameters=YARN | dict(mscale=0.7, mscale_all_dim=0.9)),
        carries=LATENT, experts=GATED_EXPERTS),
    "deepseek_v2": family("deepseek_v2", dict(
        DEEPSEEK, topk_method="group_limited_greedy", n_group=4, topk_group=2, routed_scaling_factor=3.0, mlp_bias=True,
        rope_parameters=YARN | dict(mscale=0.707, mscale_all_dim=0.707)), carries=LATENT + GATED, experts=GATED_EXPERTS),
    "deepseek_v2_lite": family("deepseek_v2", dict(
        DEEPSEEK, q_lora_rank=None, first_k_dense_replace=1), carries=LATENT + GATED, experts=GATED_EXPERTS),
    "glm4_moe_lite": family("glm4_moe_lite", dict(
        DEEPSEEK, q_lora_rank=None, n_group=1, topk_group=1, mlp_layer_types=["sparse", "dense", "sparse"],
        attention_bias=True), carries=LATENT, experts=GATED_EXPERTS),
}
FAMILIES = {
    "gemma": family("gemma", dict(head_dim=12), ATTENTION),
    "gemma3-text": family("gemma3_text", dict(
        head_dim=12, query_pre_attn_scalar=20, sliding_window=9, layer_types=SLIDING, final_logit_softcapping=20.0,
        rope_parameters={"full_attention": dict(rope_type="linear", factor=2.0, rope_theta=1e5),
                         "sliding_attention": dict(rope_type="default", rope_theta=100.0)}), ATTENTION),
    "gemma3": family("gemma3", dict(
        text_config=dict(SIZES, head_dim=12, query_pre_attn_scalar=20, sliding_window=9, sliding_window_pattern=2),
        vision_config=dict(VISION, model_type="siglip_vision_model"), mm_tokens_per_image=4, image_token_index=90,
        boi_token_index=91, eoi_token_index=92), ATTENTION, sizes={}, prefix="language_model.model.layers"),
    "gemma4-text": family("gemma4_text", dict(
        GEMMA4, hidden_size_per_layer_input=6, num_kv_shared_layers=2, use_double_wide_mlp=True), ATTENTION,
        leaves=["per_layer"]),
    "gemma4": family("gemma4", dict(
        text_config=dict(SIZES, **GEMMA4, hidden_size_per_layer_input=0, attention_k_eq_v=True,
                         num_global_key_value_heads=1, use_bidirectional_attention="vision"),
        vision_config=dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
                           num_key_value_heads=2, head_dim=8, patch_size=4, position_embedding_size=16),
        audio_config=None, image_token_id=90, video_token_id=91, audio_token_id=92, boi_token_id=93, eoi_token_id=94,
        boa_token_id=93, eoa_token_index=94), ATTENTION, sizes={}),
    "smollm3": family("smollm3", dict(
        no_rope_layers=[1, 0, 1], use_sliding_window=True, sliding_window=9, tie_word_embeddings=False), ATTENTION + GATED),
    "gpt2": gpt("gpt2", dict(n_inner=56, scale_attn_by_inverse_layer_idx=True), GPT2),
    "phi": family("phi", dict(partial_rotary_factor=0.5, qk_layernorm=True),
                 ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
    "granite": family("granite", dict(
        embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.6, logits_scaling=1.5, attention_bias=True),
        ATTENTION + GATED),
    "olmo2": family("olmo2", {}, ATTENTION),
    "olmo": family("olmo", dict(clip_qkv=0.8), ATTENTION),
    "olmo3": family("olmo3", dict(
        sliding_window=9, layer_types=SLIDING,
        rope_parameters={"full_attention": YARN, "sliding_attention": dict(rope_type="default", rope_theta=100.0)}), ATTENTION),
    "phi3-longrope": family("phi3", dict(
        num_attention_heads=2, num_key_value_heads=1, partial_rotary_factor=0.75, original_max_position_embeddings=64, max_position_embeddings=256,
        rope_parameters=dict(rope_type="longrope", rope_theta=1e4, short_factor=[1.0, 1.1, 1.2, 1.5, 2.0, 3.0],
                             long_factor=[1.0, 2.0, 3.0, 5.0, 7.0, 9.0]))),
    "phi3-longrope-long": family("phi3", dict(
        original_max_position_embeddings=32, max_position_embeddings=64, rope_parameters=dict(
            rope_type="longrope", rope_theta=1e4, short_factor=[1.0, 1.1, 1.2, 1.5], long_factor=[1.0, 2.0, 3.0, 5.0]))),
    "starcoder2": family("starcoder2", dict(sliding_window=9), ["q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"]),
    "stablelm": family("stablelm", dict(partial_rotary_factor=0.5, qk_layernorm=True, use_qkv_bias=True), ATTENTION[:3]),
    "stablelm-parallel": family("stablelm", dict(use_parallel_residual=True), ATTENTION[:3]),
    "cohere": family("cohere", dict(use_qk_norm=True, logit_scale=0.3), ATTENTION),
    "cohere2": family("cohere2", dict(sliding_window=9, layer_types=SLIDING, logit_scale=0.3, attention_bias=True), ATTENTION),
    "ministral3": family("ministral3", dict(
        head_dim=12, sliding_window=9, rope_parameters=YARN | dict(llama_4_scaling_beta=0.4))),
    "mistral3": family("mistral3", dict(
        text_config=dict(SIZES, model_type="mistral", head_dim=12, sliding_window=None),
        vision_config=dict(VISION, model_type="pixtral", head_dim=8), image_token_index=90, spatial_merge_size=1),
        sizes={}, prefix="language_model.model.layers"),
    "glm4": family("glm4", dict(head_dim=12, attention_bias=True), ATTENTION[:3]),
    "exaone4": family("exaone4", dict(sliding_window=9, layer_types=SLIDING)),
    "seed-oss": family("seed_oss", dict(head_dim=12), ATTENTION + GATED),
    "ernie4-5": family("ernie4_5", dict(head_dim=12, use_bias=True), ATTENTION + GATED),
    "hunyuan-v1-dense": family("hunyuan_v1_dense", dict(
        head_dim=12, rope_parameters=dict(rope_type="dynamic", rope_theta=100.0, factor=1.0, alpha=50.0)), ATTENTION),
    "nemotron": family("nemotron", {}, ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]),
    "arcee": family("arcee", dict(rope_parameters=YARN), ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]),
    "apertus": family("apertus", dict(rope_parameters=LLAMA3), ATTENTION),
    "qwen3-vl": family("qwen3_vl", dict(
        text_config=dict(SIZES, head_dim=12, rope_parameters=dict(
            rope_type="default", rope_theta=1e4, mrope_section=[2, 2, 2], mrope_interleaved=True)),
        **SEEING), ATTENTION, sizes={}),
    "qwen3-5": family("qwen3_5", dict(
        text_config=dict(SIZES, **DELTA, rope_parameters=dict(
            rope_type="default", rope_theta=1e4, partial_rotary_factor=0.5, mrope_section=[2, 1, 1], mrope_interleaved=True)),
        vision_config=SEEN, image_token_id=90, video_token_id=91, vision_start_token_id=92, vision_end_token_id=93),
        ATTENTION, sizes={}),
    "lfm2": family("lfm2", dict(block_multiple_of=8, layer_types=["conv", "full_attention", "conv"])),
    "lfm2-biased": family("lfm2", dict(block_auto_adjust_ff_dim=False, conv_bias=True, conv_L_cache=4,
                                       layer_types=["conv", "conv", "full_attention"]), ["conv.in_proj", "conv.out_proj"]),
    "gpt-neo": family("gpt_neo", dict(attention_types=[[["global", "local"], 1], [["local"], 1]], window_size=9),
                      ["out_proj", "c_fc", "c_proj"],
                      sizes=dict(vocab_size=VOCABULARY, hidden_size=32, num_layers=3, num_heads=4, intermediate_size=56,
                                 max_position_embeddings=64, bos_token_id=1, eos_token_id=2)),
    "gptj": gpt("gptj", dict(n_inner=56, rotary_dim=4), ["fc_in", "fc_out"]),
    "gpt-bigcode": gpt("gpt_bigcode", dict(n_inner=56), GPT2),
    "gpt-bigcode-heads": gpt("gpt_bigcode", dict(n_inner=56, multi_query=False), GPT2),
    "falcon": family("falcon", dict(ffn_hidden_size=56), FALCON),
    "falcon-alibi": family("falcon", dict(
        ffn_hidden_size=56, alibi=True, multi_query=False, parallel_attn=False, bias=True, num_attention_heads=4), FALCON),
    "falcon-groups": family("falcon", dict(
        ffn_hidden_size=56, new_decoder_architecture=True, num_kv_heads=2, tie_word_embeddings=False), FALCON),
    "bloom": family("bloom", {}, FALCON, sizes=dict(
        vocab_size=VOCABULARY, hidden_size=24, n_layer=3, n_head=6, bos_token_id=1, eos_token_id=2, pad_token_id=0)),
    "internlm3": family("internlm3", dict(head_dim=12, rope_parameters=YARN), ATTENTION + GATED),
}


def model_class(config):
    return AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM


def randomise(model, generator):
    """Every parameter a multiple of 1/64, none where it was."""
    corrections = [pair for pair in model.named_buffers() if pair[0].endswith("e_score_correction_bias")]
    for name, parameter in [*model.named_parameters(), *corrections]:
        noise = torch.randn(parameter.shape, generator=generator)
        if "e_score_correction_bias" in name:
            value = 0.1 * noise
        elif parameter.dim() < 2:
            value = parameter.data + 0.05 + 0.2 * noise
        elif "embed" in name or "wte" in name or "wpe" in name:
            value = 0.05 + 0.3 * noise
        else:
            value = noise * 1.3 / min(parameter.shape) ** 0.5
        parameter.data = (value * 64).round() / 64
        # Not where it was, and a norm's weight never 0.
        if parameter.dim() < 2:
            parameter.data[parameter.data == 0] = 1 / 64
    for name, buffer in model.named_buffers():
        if name.endswith("layer_scalar"):
            buffer.fill_(round(64 * (0.9 + 0.2 * torch.rand((), generator=generator).item())) / 64)


def step_by_step(model):
    """The gated delta rule token by token: in chunks, float32 loses some of the digits that are compared."""
    module = sys.modules[type(model).__module__]
    if hasattr(module, "torch_recurrent_gated_delta_rule"):
        module.torch_chunk_gated_delta_rule = module.torch_recurrent_gated_delta_rule
    return model


def plain(model):
    """The same model with linear layers in place of those that hold their weights as [in, out]."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv1D):
                layer = torch.nn.Linear(*child.weight.shape)
                layer.weight.data, layer.bias.data = child.weight.data.T.contiguous(), child.bias.data
                setattr(parent, name, layer)
    return model


def blocks_of(model):
    """The path and the blocks of the language model: the longest list of modules outside of all that sees or hears."""
    config = model.config.get_text_config()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == config.num_hidden_layers and not any(
                part in name for part in ("vision", "visual", "audio")):
            return name, module
    raise SystemExit(f"no blocks in {type(model).__name__}")


def leave(oracle, parts):
    """Has the reference leave layers alone."""
    linears = oracle.linears
    oracle.linears = lambda block: {
        name: layer for name, layer in linears(block).items() if not any(part in name for part in parts)}


def pack(source, target):
    with open(source, "rb") as file, open(target, "wb") as out:
        # No time and no name in the header: the same bytes every time.
        with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=9) as packed:
            shutil.copyfileobj(file, packed)


def unpack(directory, work):
    """The fixture as a checkpoint with its tokens."""
    shutil.copy(directory / "config.json", work)
    for name in ("model", "expected"):
        with gzip.open(directory / f"{name}.safetensors.gz") as file, open(f"{work}/{name}.safetensors", "wb") as out:
            shutil.copyfileobj(file, out)


def shortened(case, expected, prefixes, isFirst, names=()):
    """What the tests need of the reference's tensors, under the names of the file."""
    found, seen = {}, []
    for name, value in expected.items():
        layer, kind = name.rsplit(".", 1)
        layer = prefixes[1] + layer.removeprefix(prefixes[0])
        for old, new in names:
            layer = layer.replace(old, new)
        if kind == "pruned":
            value = torch.from_numpy(numpy.packbits(value.numpy().reshape(-1), bitorder="little"))
        elif kind in ("mean", "var", "norm2"):
            if not isFirst or any(torch.equal(value, other) for other in seen):
                continue
            seen.append(value)
        found[f"{case}/{layer}.{kind}"] = value
    return found


def write(oracle_path, name, out):
    entry = (MIXTURES | FAMILIES)[name]
    directory = out / name
    directory.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    torch.manual_seed(0)
    config = AutoConfig.for_model(entry["model_type"], **entry["config"])
    model = model_class(config).from_config(config, dtype=torch.float32)
    randomise(model, generator)
    tensors = {"calibration": torch.randint(3, VOCABULARY, (SAMPLES, LENGTH), generator=generator, dtype=torch.int32),
               "evaluation": torch.randint(3, VOCABULARY, (WINDOWS * LENGTH,), generator=generator, dtype=torch.int32)}
    reports = {}
    with tempfile.TemporaryDirectory() as work:
        model.save_pretrained(work)
        shutil.copy(f"{work}/config.json", directory)
        pack(f"{work}/model.safetensors", directory / "model.safetensors.gz")
        for case, method, sparsity, pattern, compensation in CASES:
            oracle = load(oracle_path)
            oracle.blocks_of = blocks_of
            if case.startswith("native"):
                let_layers_differ(oracle, set(entry["carries"]), set(entry["expert_carries"]))
            if entry["experts"]:
                count_by_weight(oracle)
            leave(oracle, entry["leaves"])
            pruned = step_by_step(plain(model_class(config).from_pretrained(
                work, dtype=torch.float32, attn_implementation=attention(config)).eval()))
            if entry["experts"]:
                unfuse(pruned, entry["experts"])
            reports[case] = report = dict(method=method, pattern=pattern or "unstructured", sparsity=sparsity,
                                          compensation=compensation or "as published")
            report["perplexity_dense"] = oracle.perplexity(pruned, tensors["evaluation"], LENGTH)
            expected, report["block_mse"] = oracle.prune(
                pruned, tensors["calibration"], method, sparsity, pattern, compensation)
            report["perplexity_pruned"] = oracle.perplexity(pruned, tensors["evaluation"], LENGTH)
            report["weights"] = sum(value.numel() for key, value in expected.items() if key.endswith(".pruned"))
            if case.startswith("native"):
                # What is compared is the output as it is read again.
                continue
            path = blocks_of(pruned)[0]
            tensors |= shortened(case, expected, (path, entry["prefix"] or path), case == CASES[0][0], entry["names"])
        save_file(tensors, f"{work}/expected.safetensors")
        pack(f"{work}/expected.safetensors", directory / "expected.safetensors.gz")
    with open(directory / "expected.json", "w") as file:
        json.dump(dict(transformers=transformers.__version__, cases=reports), file, indent=1)
        file.write("\n")
    size = sum(file.stat().st_size for file in directory.iterdir())
    native = reports[CASES[-1][0]]
    print(f"{name}: {size // 1024} KB, dense {native['perplexity_dense']:.4f}, pruned {native['perplexity_pruned']:.4f}")


def perplexity(directory, tokens):
    """As transformers loads it."""
    config = AutoConfig.from_pretrained(directory)
    model = model_class(config).from_pretrained(
        directory, dtype=torch.float32, attn_implementation=attention(config)).eval()
    total = 0.0
    with torch.no_grad():
        for window in tokens.view(-1, LENGTH):
            logits = model(window[None].long()).logits[0].double()
            total += torch.nn.functional.cross_entropy(logits[:-1], window[1:].long(), reduction="sum").item()
    return math.exp(total / (tokens.numel() // LENGTH * (LENGTH - 1)))


JOBS = {"native": "{method: stade, sparsity: 0.5, compensation: affine}",
        "channels": "{method: wanda, sparsity: 0.4, pattern: channels}"}


def check(stadectl, name, out):
    """Whether transformers says of the program's outputs what the program says."""
    isGood = True
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(f"{work}/model")
        unpack(out / name, f"{work}/model")
        shutil.move(f"{work}/model/expected.safetensors", f"{work}/tokens.safetensors")
        tokens = load_file(f"{work}/tokens.safetensors")["evaluation"]
        for job, prune in JOBS.items():
            with open(f"{work}/job.yaml", "w") as file:
                file.write(f"version: 1\nmodel: model\noutput: {job}\nprune: {prune}\n"
                           "calibration: {tokens: tokens.safetensors}\n"
                           f"evaluation: {{tokens: tokens.safetensors, length: {LENGTH}}}\n"
                           "compute: {precision: float32}\n")
            done = subprocess.run([stadectl, "prune", "job.yaml"], cwd=work, capture_output=True, text=True)
            if done.returncode and "the 0.0 that can go" in done.stderr:
                print(f"ok  {name} {job}: has none to lose")
                continue
            if done.returncode:
                print(f"NOT {name} {job}: {done.stderr.strip().splitlines()[-1][:200]}")
                isGood = False
                continue
            with open(f"{work}/{job}/stade-report.json") as file:
                found = json.load(file)["perplexity"]
            wrong = [abs(found[key] / perplexity(f"{work}/{path}", tokens) - 1)
                     for key, path in [("dense", "model"), ("pruned", job)]]
            isGood &= max(wrong) <= 1e-5
            print(f"{'ok ' if max(wrong) <= 1e-5 else 'NOT'} {name} {job}: dense {found['dense']:.4f} ({wrong[0]:.1e}), "
                  f"pruned {found['pruned']:.4f} ({wrong[1]:.1e})", flush=True)
    return isGood


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", action="store_true"), p.add_argument("program"), p.add_argument("out", type=pathlib.Path)
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    if a.check:
        names = a.names or sorted(path.name for path in a.out.iterdir() if path.is_dir())
        raise SystemExit(not all([check(os.path.abspath(a.program), name, a.out) for name in names]))
    for name in a.names or FAMILIES:
        write(a.program, name, a.out)


if __name__ == "__main__":
    main()
