"""settings.py FIXTURES: the perplexity that transformers gives models of the fixtures with other settings in config.json.

FIXTURES is Tests/PipelineTests/Fixtures, where settings.json is written, for JobSettingReferenceTests.
"""
import json
import math
import os
import shutil
import sys
import tempfile
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.simplefilter("ignore")
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.activations import ACT2CLS

LENGTH, WINDOWS = 64, 2
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)
CASES = [
    ("llama", {"rope_scaling": {"type": "linear", "factor": 2.0}}),
    ("llama", {"rope_scaling": LLAMA3, "original_max_position_embeddings": 32, "rope_theta": 500.0}),
    ("llama", {"rope_scaling": YARN, "rope_parameters": {"rope_type": "default", "rope_theta": 77.0}}),
    ("llama", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}),
    ("llama", {"rope_scaling": {"rope_type": "longrope", "short_factor": [1 + i / 4 for i in range(8)],
                                "long_factor": [2.0] * 8, "original_max_position_embeddings": 64}}),
    ("llama-tied-rope-scaled", {"rope_parameters": None, "rope_scaling": YARN, "rope_theta": 1e4}),
    ("qwen3", {"rope_scaling": YARN | {"mscale": 1.0, "mscale_all_dim": 0.5, "truncate": False}}),
    ("gemma2", {"rope_scaling": {"type": "linear", "factor": 3.0}}),
    ("gpt-neox", {"rope_scaling": LLAMA3 | {"original_max_position_embeddings": 32}}),
    ("phi3", {"rope_scaling": {"type": "longrope", "short_factor": 1.5, "long_factor": 9.0},
              "original_max_position_embeddings": 64, "max_position_embeddings": 512}),
    ("mistral-window", {"sliding_window": 9, "head_dim": 0, "layer_types": ["sliding_attention", "full_attention"]}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 9, "layer_types": ["sliding_attention", "full_attention"]}),
] + [(family, {key: name}) for family, key in [("llama", "hidden_act"), ("opt", "activation_function")]
     for name in ACT2CLS if name not in ("prelu", "xielu", "swish", "relu", "silu", "gelu_python", "sqrtsoftplus")]


def prepare(config, change):
    """Lists as long as the fixture's layers or pairs want them."""
    config = config | change
    layers, head = config["num_hidden_layers"], config["hidden_size"] // config["num_attention_heads"]
    head = config.get("head_dim") or head
    if "head_dim" in change:
        config["head_dim"] = head
    if "layer_types" in change:
        config["layer_types"] = (change["layer_types"] * layers)[:layers]
    rope = config.get("rope_scaling") or {}
    pairs = int(head * ((config.get("rope_parameters") or {}).get("partial_rotary_factor") or config.get(
        "partial_rotary_factor", 1))) // 2
    for key in ("short_factor", "long_factor"):
        if key in rope:
            first = rope[key] if isinstance(rope[key], float) else rope[key][0]
            rope[key] = [first + i / 4 for i in range(pairs)]
    if "rope_scaling" in change and config["model_type"] == "phi3":
        rope["partial_rotary_factor"] = 2 * pairs / head
    return config


def perplexity(directory):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    tokens = load_file(f"{directory}/tokens.safetensors")["evaluation"][:WINDOWS * LENGTH].view(WINDOWS, LENGTH)
    total = 0.0
    with torch.no_grad():
        for window in tokens.long():
            logits = model(window[None]).logits[0].double()
            total += torch.nn.functional.cross_entropy(logits[:-1], window[1:], reduction="sum").item()
    return math.exp(total / (WINDOWS * (LENGTH - 1)))


def main():
    root = sys.argv[1]
    lines = []
    for family, change in CASES:
        with tempfile.TemporaryDirectory() as work:
            for name in ("model.safetensors", "tokens.safetensors"):
                shutil.copy(f"{root}/{family}/{name}", work)
            with open(f"{root}/{family}/config.json") as file:
                config = json.load(file)
            before = dict(config)
            config = prepare(config, change)
            with open(f"{work}/config.json", "w") as file:
                json.dump(config, file)
            found = perplexity(work)
        settings = {key: value for key, value in config.items() if key not in before or before[key] != value}
        lines.append(json.dumps({"family": family, "settings": settings, "perplexity": found}, separators=(",", ":")))
    # A head of its own where there should be none, and a head in place of the embedding.
    for kind in ("differs", "alone"):
        with tempfile.TemporaryDirectory() as work:
            family = "qwen2"
            for name in ("config.json", "tokens.safetensors"):
                shutil.copy(f"{root}/{family}/{name}", work)
            tensors = load_file(f"{root}/{family}/model.safetensors")
            table = tensors["model.embed_tokens.weight"]
            if kind == "differs":
                tensors["lm_head.weight"] = 2 * table
            else:
                tensors["lm_head.weight"] = tensors.pop("model.embed_tokens.weight")
            save_file(tensors, f"{work}/model.safetensors", {"format": "pt"})
            lines.append(json.dumps({"family": family, "head": kind, "perplexity": perplexity(work)},
                                    separators=(",", ":")))
    with open(f"{root}/settings.json", "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


main()
