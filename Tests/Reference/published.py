"""published.py STADECTL [NAME..]: published configurations, their sizes scaled down, against transformers.

For each configuration of published.json (all, or those whose names contain one of NAME) a random checkpoint is made,
`stadectl prune` prunes half of its weights by magnitude, and the perplexities of the dense and of the pruned model are
compared with those of transformers, which reloads the output. They have to agree to 1e-5, relative. Where they do not
and transformers' own float32 is more than half of that from its float64, the float64 is what they have to agree with.
LENGTH is that of a sequence, 64 where nothing is said.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.simplefilter("ignore")
import torch
from safetensors.torch import load_file, save_file
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

BAR = 1e-5
LENGTH, WINDOWS, VOCABULARY = int(os.environ.get("LENGTH", 64)), 8, 311
HERE = os.path.dirname(os.path.abspath(__file__))


# Names of sizes, and what families have in their place.
NAMES = {"hidden_size": ["n_embd", "n_embed"], "num_attention_heads": ["n_head", "num_heads"],
         "num_hidden_layers": ["n_layer", "num_layers"], "num_key_value_heads": ["num_kv_heads"],
         "intermediate_size": ["ffn_dim", "n_inner", "ffn_hidden_size", "block_ff_dim"]}


def scaled(config):
    """The same configuration with few and narrow layers; all else stays."""
    c = json.loads(json.dumps(config))
    if "text_config" in c:
        c["text_config"] = scaled_text(c["text_config"], CONFIG_MAPPING[c["model_type"]]().text_config)
        c["vision_config"] = {k: v for k, v in c.get("vision_config", {}).items() if k == "model_type"} | VISION.get(
            c["model_type"], {})
        if c.get("audio_config"):
            c["audio_config"] = c["audio_config"] | AUDIO
        for key in c:
            if key.endswith(("_token_id", "_token_index")) and isinstance(c[key], int):
                c[key] %= VOCABULARY
        return c
    return scaled_text(c, CONFIG_MAPPING[c["model_type"]]())


SEEN = dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, out_hidden_size=0, patch_size=8, num_position_embeddings=16)
VISION = {
    "gemma3": dict(model_type="siglip_vision_model", hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                   num_attention_heads=2, image_size=16, patch_size=8),
    "mistral3": dict(model_type="pixtral", hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
                     image_size=16, patch_size=8, head_dim=8),
    "qwen3_5": SEEN, "qwen3_5_moe": SEEN,
    "qwen3_vl": dict(depth=1, hidden_size=16, intermediate_size=24, num_heads=2, out_hidden_size=0, patch_size=8,
                     deepstack_visual_indexes=[0], num_position_embeddings=16)}


VISION["qwen3_vl_moe"] = VISION["qwen3_vl"]
VISION["gemma4"] = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
                        num_key_value_heads=2, head_dim=8, patch_size=4, position_embedding_size=16)
AUDIO = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, output_proj_dims=16, subsampling_conv_channels=[4, 4])


def scale_gemma4(c, head, old, new):
    """Both kinds of blocks, twice, of which the last two read the keys of others where such blocks are."""
    c["num_hidden_layers"] = 4
    c["layer_types"] = ["sliding_attention", "full_attention"] * 2
    c["global_head_dim"] = round(head * c["global_head_dim"] / 256)
    c["num_kv_shared_layers"] = min(c["num_kv_shared_layers"], 2)
    if c["num_global_key_value_heads"]:
        c["num_global_key_value_heads"] = 1
    c["vocab_size_per_layer_input"] = VOCABULARY
    c["hidden_size_per_layer_input"] = round(c["hidden_size_per_layer_input"] / old * new)
    if c["top_k_experts"]:
        c["top_k_experts"], c["num_experts"] = 3, 8


def scaled_text(c, defaults):
    """Of a language model; what is absent is what its class has."""
    def key(name):
        return next((other for other in [name] + NAMES.get(name, []) if other in c), name)

    def size(name):
        return c.get(key(name)) or getattr(defaults, name, None)

    heads, layers, hidden = size("num_attention_heads"), size("num_hidden_layers"), size("hidden_size")
    kv = size("num_key_value_heads") or heads
    inner = size("intermediate_size")
    groups = min(2, kv)
    own = c.get("head_dim") or ("text" in type(defaults).__name__.lower() and getattr(defaults, "head_dim", None))
    # A multiple of the heads, as some families want it.
    head = 16
    ratio = hidden / heads / (own or hidden / heads)
    c[key("num_attention_heads")] = groups * min(heads // kv, 8)
    if c.get(key("num_key_value_heads")) or own:
        c[key("num_key_value_heads")] = groups
    if own:
        c["head_dim"] = head
    c[key("hidden_size")] = max(1, round(head * ratio)) * c[key("num_attention_heads")]
    if inner and (c.get(key("intermediate_size")) or own):
        c[key("intermediate_size")] = max(8, round(inner / hidden * c[key("hidden_size")]) // 8 * 8)
    if "word_embed_proj_dim" in c:
        c["word_embed_proj_dim"] = c["hidden_size"] * c["word_embed_proj_dim"] // hidden
    # So many that each kind of blocks is there.
    c[key("num_hidden_layers")] = count = min(layers, 4 if any(word in json.dumps(c) for word in ("sliding", "no_rope", "linear_num")) else 3)
    for name in ("layer_types", "no_rope_layers", "attention_layers"):
        if isinstance(c.get(name), list):
            c[name] = c[name][:count]
    scale_experts(c, hidden, c[key("hidden_size")], count)
    if "linear_num_key_heads" in c:
        c["linear_num_value_heads"] = 2 * c["linear_num_value_heads"] // c["linear_num_key_heads"]
        c["linear_num_key_heads"] = 2
        c["linear_key_head_dim"], c["linear_value_head_dim"] = 16, 24
    if "num_experts" in c and "linear_num_key_heads" in c or c["model_type"] == "lfm2_moe":
        c["num_experts"], c["num_experts_per_tok"] = 8, min(3, c["num_experts_per_tok"])
        c["moe_intermediate_size"] = 24
        if "shared_expert_intermediate_size" in c:
            c["shared_expert_intermediate_size"] = 40
    if "full_attn_idxs" in c:
        c["full_attn_idxs"] = [index for index in c["full_attn_idxs"] if index < count]
    if "attention_types" in c:
        count = c[key("num_hidden_layers")] = 4
        c["attention_types"] = [[c["attention_types"][0][0], 2]]
        c["attention_layers"] = c["attention_types"][0][0] * 2
        c["window_size"] = 23
    if c.get("max_window_layers") is not None:
        c["max_window_layers"] = 1 if c["max_window_layers"] < layers else count
    if c.get("model_type") == "gemma4_text":
        scale_gemma4(c, head, hidden, c["hidden_size"])
    # So that it shows in short sequences.
    if c.get("sliding_window"):
        c["sliding_window"] = 23
    if c.get("rotary_dim"):
        c["rotary_dim"] = round(head * c["rotary_dim"] / (hidden / heads))
    c["vocab_size"] = VOCABULARY
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if isinstance(c.get(name), int):
            c[name] %= VOCABULARY
    scale_latents(c)
    for rope in [c.get("rope_scaling") or {}, c.get("rope_parameters") or {}]:
        pairs = int(head * (rope.get("partial_rotary_factor") or c.get("partial_rotary_factor", 1))) // 2
        for name in ("short_factor", "long_factor"):
            if name in rope:
                rope[name] = (rope[name] * pairs)[::max(1, len(rope[name]) // pairs)][:pairs]
        if "mrope_section" in rope:
            rope["mrope_section"] = [3, 3, 2]
    return c


# How many experts, and how many serve a token.
EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
CHOSEN = ("num_experts_per_tok", "experts_per_token", "moe_k")


def scale_experts(c, old, new, layers):
    """Fewer and narrower experts, of hidden sizes `old` and `new`; so that both kinds of blocks are there."""
    for name in EXPERTS:
        if name in c:
            c[name] = 8
    for name in CHOSEN:
        if name in c:
            c[name] = min(c[name], 3)
    for name in ("moe_intermediate_size", "shared_expert_intermediate_size", "shared_intermediate_size"):
        if c.get(name):
            c[name] = max(8, round(c[name] / old * new) // 8 * 8)
    if "first_k_dense_replace" in c:
        c["first_k_dense_replace"] = min(c["first_k_dense_replace"], 1)
    if "moe_layer_end_index" in c:
        c["moe_layer_start_index"], c["moe_layer_end_index"] = min(c["moe_layer_start_index"], 2), layers - 1
    # The random checkpoint is in plain floats.
    if any(name in c for name in EXPERTS):
        c.pop("quantization_config", None)


def scale_latents(c):
    """Narrow latents, each of another width; groups of two of the experts that are left."""
    for name, size in dict(q_lora_rank=24, kv_lora_rank=20, qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=10).items():
        if c.get(name):
            c[name] = size
    if c.get("head_dim") and "qk_rope_head_dim" in c:
        c["head_dim"], c["qk_head_dim"] = 8, 20
    if (c.get("n_group") or 1) > 1:
        c["n_group"], c["topk_group"] = 4, 2


def model_class(config):
    return AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM


def make(directory, config, seed):
    """A random checkpoint whose every offset and bias counts, with the configuration as it was published."""
    with open(f"{directory}/config.json", "w") as file:
        json.dump(config, file)
    torch.manual_seed(seed)
    settings = AutoConfig.from_pretrained(directory)
    if hasattr(settings, "vision_config") and hasattr(settings.vision_config, "out_hidden_size"):
        config["vision_config"]["out_hidden_size"] = settings.vision_config.out_hidden_size = settings.text_config.hidden_size
    model = model_class(settings).from_config(settings, dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "e_score_correction_bias" in name:
                parameter.normal_(0, 0.1)
            elif parameter.dim() > 1:
                parameter.normal_(0, 0.6 if any(part in name for part in ("embed", "wte", "wpe")) else 0.25)
            else:
                parameter.add_(0.2 * torch.randn_like(parameter) + 0.05)
        for name, buffer in model.named_buffers():
            if "e_score_correction_bias" in name:
                buffer.normal_(0, 0.1)
            if name.endswith("layer_scalar"):
                buffer.fill_(0.9)
    model.save_pretrained(directory)
    if config["model_type"] == "gpt_neox":
        # As old files of the family have them; nothing reads them.
        tensors = load_file(f"{directory}/model.safetensors")
        for layer in range(config["num_hidden_layers"]):
            tensors[f"gpt_neox.layers.{layer}.attention.masked_bias"] = torch.tensor(-math.inf)
        save_file(tensors, f"{directory}/model.safetensors", {"format": "pt"})
    with open(f"{directory}/config.json", "w") as file:
        json.dump(config, file)


def perplexity(directory, tokens, precision=torch.float32):
    config = AutoConfig.from_pretrained(directory)
    # Falcon's eager attention adds ALiBi twice.
    attention = "sdpa" if getattr(config, "alibi", False) else "eager"
    # What multiplies all experts at once knows no float64.
    experts = {"experts_implementation": "eager"} if precision == torch.float64 else {}
    model = model_class(config).from_pretrained(
        directory, dtype=precision, attn_implementation=attention, **experts).eval()
    total = 0.0
    with torch.no_grad():
        for window in tokens.view(WINDOWS, LENGTH):
            logits = model(window[None].long()).logits[0].double()
            total += torch.nn.functional.cross_entropy(logits[:-1], window[1:].long(), reduction="sum").item()
    return math.exp(total / (WINDOWS * (LENGTH - 1)))


def distance(found, directory, tokens):
    """What is said of a perplexity, and its relative error."""
    single = perplexity(directory, tokens)
    wrong = abs(found / single - 1)
    if wrong <= BAR:
        return f"{wrong:.1e}", wrong
    double = perplexity(directory, tokens, torch.float64)
    exact, own = abs(found / double - 1), abs(single / double - 1)
    text = f"{wrong:.1e}; {exact:.1e} from float64, of which transformers' float32 is {own:.1e} away"
    return text, exact if own > BAR / 2 else wrong


def compare(stadectl, config, seed):
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(f"{work}/model")
        try:
            make(f"{work}/model", config, seed)
        except Exception as error:
            return f"transformers refuses it: {type(error).__name__}: {error}"[:150], None
        tokens = torch.randint(0, VOCABULARY, (WINDOWS * LENGTH,), generator=torch.Generator().manual_seed(seed),
                               dtype=torch.int32)
        save_file({"evaluation": tokens}, f"{work}/tokens.safetensors")
        with open(f"{work}/job.yaml", "w") as file:
            file.write(f"""version: 1
model: model
output: out
prune: {{method: magnitude, sparsity: 0.5}}
evaluation: {{tokens: tokens.safetensors, length: {LENGTH}, windows: {WINDOWS}}}
compute: {{precision: float32}}
""")
        done = subprocess.run([stadectl, "prune", "job.yaml"], cwd=work, capture_output=True, text=True)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1][:150], None
        with open(f"{work}/out/stade-report.json") as file:
            found = json.load(file)["perplexity"]
        texts, errors = [], []
        for name, path in [("dense", "model"), ("pruned", "out")]:
            text, wrong = distance(found[name], f"{work}/{path}", tokens)
            texts.append(f"{name} {found[name]:.4f} ({text})")
            errors.append(wrong)
        return ", ".join(texts), max(errors)


def main():
    with open(f"{HERE}/published.json") as file:
        configs = json.load(file)
    names = [name for name in configs if not sys.argv[2:] or any(part in name for part in sys.argv[2:])]
    results = []
    seeds = {name: seed for seed, name in enumerate(configs)}
    for name in names:
        text, wrong = compare(os.path.abspath(sys.argv[1]), scaled(configs[name]), seeds[name])
        results.append(wrong)
        print(f"{'ok ' if wrong is not None and wrong <= BAR else 'NOT'} {name}: {text}", flush=True)
    agreed = sum(wrong is not None and wrong <= BAR for wrong in results)
    print(f"{agreed} of {len(names)} agree")
    sys.exit(agreed != len(names))


main()
