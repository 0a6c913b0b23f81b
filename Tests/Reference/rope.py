"""rope.py OUT.json: what transformers makes of rope settings, for RopeReferenceTests.

Each case is a family, the settings of its config.json beside the sizes, and what its rotary embedding then holds: the
frequencies (float32) and the factor, or that it refuses. Every family with rotary positions, the old form and the new
one, and both at once; seeded.
"""
import json
import os
import random
import sys
import tempfile
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.simplefilter("ignore")
import torch
from transformers import AutoConfig, AutoModelForCausalLM

FAMILIES = ["llama", "mistral", "qwen2", "qwen3", "gemma2", "phi3", "gpt_neox"]


def least(family, head):
    return dict(
        model_type=family, vocab_size=20, hidden_size=2 * head, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256, pad_token_id=0)


def number(r, *values):
    return r.choice(values)


def parameters(r, family, head):
    """A random object; now and then something is missing or odd."""
    kind = r.choice(["default", "linear", "dynamic", "yarn", "yarn", "longrope", "llama3", "llama3", "proportional", None])
    if family == "phi3" and r.random() < 0.6:
        kind = r.choice(["longrope", "su", "yarn", "default"])
    p = {}
    if kind:
        form = r.choice(["rope_type", "type", "both"])
        if form != "type":
            p["rope_type"] = kind
        if form != "rope_type":
            p["type"] = kind if r.random() < 0.8 else "linear"
    if kind not in (None, "default") or r.random() < 0.2:
        p["factor"] = number(r, 2.0, 4, 1.7, 8.0, 40.0)
    if r.random() < 0.5:
        p["rope_theta"] = number(r, 100.0, 10000, 5e5, 1e6, 70000.0)
    if kind == "llama3":
        p["low_freq_factor"] = number(r, 1.0, 1, 2.5)
        p["high_freq_factor"] = number(r, 4.0, 4, 3.5, 16.0)
    if kind == "yarn":
        for key, values in [("beta_fast", (32, 16.0, 0, None)), ("beta_slow", (1, 2.0, None)), ("mscale", (1.0, 0.7, 0)),
                            ("mscale_all_dim", (1.0, 0.5, 0)), ("truncate", (True, False, None)),
                            ("attention_factor", (1.0, 0.8, None))]:
            if r.random() < 0.35:
                p[key] = number(r, *values)
    if kind in ("longrope", "su") or family == "phi3" and kind == "yarn":
        share = 0.25 if family == "gpt_neox" else 1.0
        count = (int(head * share) + 1) // 2
        p["short_factor"] = [round(r.uniform(1, 3), 3) for _ in range(count)]
        p["long_factor"] = [round(r.uniform(2, 40), 3) for _ in range(count)]
        if r.random() < 0.3:
            p["attention_factor"] = number(r, 1.2, 1)
        if r.random() < 0.5:
            p.pop("factor", None)
    if r.random() < 0.5 and kind in ("yarn", "llama3", "longrope", "su"):
        p["original_max_position_embeddings"] = number(r, 32, 64, 128)
    if r.random() < 0.15:
        p["partial_rotary_factor"] = number(r, 0.5, 1.0, 0.75)
    odd = r.random()
    if odd < 0.06 and p:
        p.pop(r.choice(sorted(p)))
    elif odd < 0.12 and p:
        p[r.choice(sorted(p))] = None
    return p


def case(r):
    family = r.choice(FAMILIES)
    head = r.choice([16, 24, 32] if family == "gpt_neox" else [8, 12, 16])
    settings = {}
    form = r.choice(["none", "old", "new", "new", "both", "both"])
    if form in ("old", "both"):
        settings["rope_scaling"] = parameters(r, family, head) if r.random() < 0.9 else number(r, None, {})
    if form in ("new", "both"):
        settings["rope_parameters"] = parameters(r, family, head)
    for key, values in [("rope_theta", (500.0, 20000, 1e6)), ("rotary_emb_base", (500, 1e5)), ("rotary_pct", (0.5, 1.0)),
                        ("partial_rotary_factor", (0.5, 1.0, None)), ("original_max_position_embeddings", (16, 64, 100))]:
        if r.random() < 0.2:
            settings[key] = number(r, *values)
    if family in ("llama", "mistral", "qwen3", "gemma2"):
        settings["head_dim"] = head
    return family, head, settings


def expected(family, head, settings):
    with tempfile.TemporaryDirectory() as directory:
        with open(f"{directory}/config.json", "w") as file:
            json.dump(least(family, head) | settings, file)
        try:
            model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(directory)).eval()
            base = model.gpt_neox if family == "gpt_neox" else model.model
            embedding = base.rotary_emb
            with torch.no_grad():
                model(torch.tensor([[1, 2, 3]]))
        except Exception as error:
            return {"refused": f"{type(error).__name__}: {error}"[:60]}
    return {"frequencies": [float(f"{x:.9g}") for x in embedding.inv_freq.tolist()], "factor": float(embedding.attention_scaling)}


def main():
    r = random.Random(7)
    with open(sys.argv[1], "w") as file:
        lines = []
        for _ in range(450):
            family, head, settings = case(r)
            found = expected(family, head, settings)
            lines.append(json.dumps({"config": least(family, head) | settings} | found, separators=(",", ":")))
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


main()
