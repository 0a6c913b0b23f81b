"""published.py STADECTL [NAME..]: published configurations, their sizes scaled down, against transformers.

For each configuration of published.json (all, or those whose names contain one of NAME) a random checkpoint is made,
`stadectl prune` prunes half of its weights by magnitude, and the perplexities of the dense and of the pruned model are
compared with those of transformers, which reloads the output. What has to agree is 1e-5, relative.
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
from transformers import AutoConfig, AutoModelForCausalLM

LENGTH, WINDOWS, VOCABULARY = 64, 8, 311
HERE = os.path.dirname(os.path.abspath(__file__))


def scaled(config):
    """The same configuration with few and narrow layers; all else stays."""
    c = json.loads(json.dumps(config))
    heads, layers, hidden = c["num_attention_heads"], c["num_hidden_layers"], c["hidden_size"]
    kv = c.get("num_key_value_heads", heads)
    groups = min(2, kv)
    c["num_attention_heads"] = groups * min(heads // kv, 8)
    if "num_key_value_heads" in c:
        c["num_key_value_heads"] = groups
    head = 16
    ratio = hidden / heads / c.get("head_dim", hidden / heads)
    if "head_dim" in c:
        c["head_dim"] = head
    # A multiple of the heads, as some families want it.
    c["hidden_size"] = max(1, round(head * ratio)) * c["num_attention_heads"]
    for key in ("intermediate_size", "ffn_dim"):
        if key in c:
            c[key] = max(8, round(c[key] / hidden * c["hidden_size"]) // 8 * 8)
    if "word_embed_proj_dim" in c:
        c["word_embed_proj_dim"] = c["hidden_size"] * c["word_embed_proj_dim"] // hidden
    c["num_hidden_layers"] = min(3, layers)
    if "layer_types" in c:
        c["layer_types"] = c["layer_types"][:c["num_hidden_layers"]]
    if c.get("max_window_layers") is not None:
        c["max_window_layers"] = 1 if c["max_window_layers"] < layers else c["num_hidden_layers"]
    # So that it shows in short sequences.
    if c.get("sliding_window"):
        c["sliding_window"] = 23
    c["vocab_size"] = VOCABULARY
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if isinstance(c.get(key), int):
            c[key] %= VOCABULARY
    rope = c.get("rope_scaling") or {}
    pairs = int(head * c.get("partial_rotary_factor", 1)) // 2
    for key in ("short_factor", "long_factor"):
        if key in rope:
            rope[key] = rope[key][::len(rope[key]) // pairs][:pairs]
    return c


def make(directory, config, seed):
    """A random checkpoint whose every offset and bias counts, with the configuration as it was published."""
    with open(f"{directory}/config.json", "w") as file:
        json.dump(config, file)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(directory), dtype=torch.float32)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.6 if "embed" in name else 0.25)
            else:
                parameter.add_(0.2 * torch.randn_like(parameter) + 0.05)
    model.save_pretrained(directory)
    if config["model_type"] == "gpt_neox":
        # As old files of the family have them; nothing reads them.
        tensors = load_file(f"{directory}/model.safetensors")
        for layer in range(config["num_hidden_layers"]):
            tensors[f"gpt_neox.layers.{layer}.attention.masked_bias"] = torch.tensor(-math.inf)
        save_file(tensors, f"{directory}/model.safetensors", {"format": "pt"})
    with open(f"{directory}/config.json", "w") as file:
        json.dump(config, file)


def perplexity(directory, tokens):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    total = 0.0
    with torch.no_grad():
        for window in tokens.view(WINDOWS, LENGTH):
            logits = model(window[None].long()).logits[0].double()
            total += torch.nn.functional.cross_entropy(logits[:-1], window[1:].long(), reduction="sum").item()
    return math.exp(total / (WINDOWS * (LENGTH - 1)))


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
        wrong = [abs(found[name] / perplexity(f"{work}/{path}", tokens) - 1)
                 for name, path in [("dense", "model"), ("pruned", "out")]]
        return f"dense {found['dense']:.4f} ({wrong[0]:.1e}), pruned {found['pruned']:.4f} ({wrong[1]:.1e})", max(wrong)


def main():
    with open(f"{HERE}/published.json") as file:
        configs = json.load(file)
    names = [name for name in configs if not sys.argv[2:] or any(part in name for part in sys.argv[2:])]
    results = []
    for seed, name in enumerate(names):
        text, wrong = compare(os.path.abspath(sys.argv[1]), scaled(configs[name]), seed)
        results.append(wrong)
        print(f"{'ok ' if wrong is not None and wrong <= 1e-5 else 'NOT'} {name}: {text}", flush=True)
    agreed = sum(wrong is not None and wrong <= 1e-5 for wrong in results)
    print(f"{agreed} of {len(names)} agree")
    sys.exit(agreed != len(names))


main()
