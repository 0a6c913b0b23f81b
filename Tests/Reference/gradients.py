"""gradients.py OUT.json [NAME..]: gradients of a block's loss by its kept weights, biases and norms, for TuningTests.

    python gradients.py Tests/TransformerTests/Fixtures/gradients.json

The models are the fixtures in Tests/PipelineTests (Fixtures, Families). Of each, some blocks: what they read and should
make is made of numbers, as `numbers` says, and so are the masks of their linear layers. The loss is the mean over all
tokens of |y - t|^2 / (|t|^2 + features 1e-8). Gradients are autograd's, in float64.

OUT.json has for each model, block and parameter, under its name in the checkpoint and inside of the block: `max`, the
largest gradient; `some`, those at the places that `places` names; `sums`, the sums over all, each times a number of
`numbers`. Gradients of weights that are 0 count as 0. NAME.. writes these again and leaves the others.

Of a mixture, the router and what it reads are constants: which experts serve a token, and with which weights, has no part in
the gradient. Its first three experts are written. Another block's keys and values are constants, too, made of numbers, and
so is the second embedding, of the tokens 7 i mod 50.
"""
import json
import os
import pathlib
import re
import sys
import tempfile
import warnings

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.simplefilter("ignore")
import numpy
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig

from families import FAMILIES, MIXTURES, attention, blocks_of, model_class, plain, step_by_step, unpack
from mixtures import Experts, unfuse

transformers.utils.logging.disable_progress_bar()
ROOT = pathlib.Path(__file__).parents[1] / "PipelineTests"
PLAIN = ["gemma2", "gpt-neox", "llama", "llama-biased", "llama-tied-rope-scaled", "mistral-window", "opt", "opt-post-norm",
         "phi3", "qwen2", "qwen3"]
WINDOWS, LENGTH = 2, 40
# Whose second block is of another kind than the first.
TWO = ["gemma4", "lfm2", "qwen3-5", "qwen3_5_moe", "qwen3_next", "gemma2", "gemma3-text", "gpt-neo", "gpt2", "smollm3",
       "cohere2", "olmo3", "exaone4"]
# Whose last blocks read the keys and values of earlier ones.
ALL = ["gemma4-text"]
# The second embedding's layers.
SECOND = ["per_layer_input_gate", "per_layer_projection"]
# What is no parameter of a layer that is pruned or of a norm stays, and routers do.
FIXED = ["act_fn.", "conv.conv.", "linear_attn.conv1d.", "A_log", "dt_bias", "sinks", "router", ".gate.weight", ".gate.bias",
         "e_score_correction_bias", *SECOND]
ROUTERS = ("gate", "router")


def numbers(count, seed):
    """Between -1 and 1: the low 32 bits of (i + 1) (2 seed + 1) 2654435761 + seed 40503, then mixed."""
    i = numpy.arange(1, count + 1, dtype=numpy.uint64)
    bits = (i * numpy.uint64((2 * seed + 1) * 2654435761) + numpy.uint64(seed * 40503)) & numpy.uint64(0xFFFFFFFF)
    bits = ((bits ^ (bits >> numpy.uint64(15))) * numpy.uint64(2246822519)) & numpy.uint64(0xFFFFFFFF)
    bits ^= bits >> numpy.uint64(13)
    return torch.from_numpy(bits.astype(numpy.float64) / 2**31 - 1)


def places(count):
    return [(k * 7919 + 31) % count for k in range(12)]


def short(value):
    return float(f"{value:.7g}")


def load(name, work):
    if name in PLAIN:
        directory = ROOT / "Fixtures" / name
        tokens = load_file(directory / "tokens.safetensors")["calibration"]
        entry = dict(prefix=None, names=())
    else:
        entry, directory = (MIXTURES | FAMILIES)[name], work
        unpack(ROOT / ("Fixtures/mixtures" if name in MIXTURES else "Families") / name, work)
        tokens = load_file(f"{work}/expected.safetensors")["calibration"]
    config = AutoConfig.from_pretrained(directory)
    model = step_by_step(plain(model_class(config).from_pretrained(
        directory, dtype=torch.float64, attn_implementation=attention(config)).eval()))
    if name in MIXTURES:
        model.config._experts_implementation = "eager"
        unfuse(model, entry["experts"])
        for inner, module in model.named_modules():
            if inner.rsplit(".", 1)[-1] in ROUTERS:
                module.register_forward_pre_hook(lambda _, a: tuple(x.detach() if torch.is_tensor(x) else x for x in a))
                module.register_forward_hook(lambda _, a, out: out.detach() if torch.is_tensor(out) else out)
    tokens = tokens[:WINDOWS, :LENGTH].long()
    if name in ALL:
        tokens = (torch.arange(tokens.numel()) * 7 % 50).view(tokens.shape)
    return model, tokens, entry


def gradients(name, work):
    model, tokens, entry = load(name, work)
    path, blocks = blocks_of(model)
    caught = {}
    hooks = [block.register_forward_pre_hook(lambda _, a, k, i=i: caught.__setitem__(i, (a, k)), with_kwargs=True)
             for i, block in enumerate(blocks)]
    with torch.no_grad():
        model(tokens, use_cache=False)
    for hook in hooks:
        hook.remove()
    found = {}
    first = [index for index, block in enumerate(blocks) if any(isinstance(m, Experts) for m in block.modules())][:1]
    for index in range(len(blocks)) if name in ALL else (0, 1) if name in TWO else first or (0,):
        block = blocks[index]
        arguments, keywords = caught[index]
        arguments, keywords = arguments[1:], {k: v for k, v in keywords.items() if k != "hidden_states"}
        size = model.config.get_text_config().hidden_size
        x, target = (numbers(tokens.numel() * size, seed).view(*tokens.shape, size) * 2 for seed in (1, 2))
        if name in ALL and block.self_attn.is_kv_shared_layer:
            kind = block.self_attn.layer_type
            keywords["shared_kv_states"] = {kind: tuple(
                numbers(kv.numel(), seed).view(kv.transpose(1, 2).shape).transpose(1, 2)
                for kv, seed in zip(keywords["shared_kv_states"][kind], (8, 9)))}
        for inner, layer in block.named_modules():
            if isinstance(layer, torch.nn.Linear) and not any(part in ROUTERS + tuple(SECOND) for part in inner.split(".")):
                layer.weight.data[(numbers(layer.weight.numel(), 3) < -0.2).view_as(layer.weight)] = 0
        y = block(x, *arguments, **keywords)
        y = y[0] if isinstance(y, tuple) else y
        loss = (((y - target) ** 2).sum(-1) / ((target**2).sum(-1) + 1e-8 * size)).mean()
        model.zero_grad()
        loss.backward()
        report = found[str(index)] = dict(loss=short(loss.item()), parameters={})
        for inner, parameter in block.named_parameters():
            if any(part in inner for part in FIXED) or re.search(r"experts\.([3-9]|\d\d)", inner):
                continue
            gradient = parameter.grad
            if gradient is None:
                raise SystemExit(f"{name}: {inner} has no gradient")
            if parameter.dim() > 1:
                gradient = gradient * (parameter != 0)
            gradient = gradient.flatten()
            for old, new in entry["names"]:
                inner = f".{inner}".replace(old, new)[1:]
            report["parameters"][inner] = dict(
                max=short(gradient.abs().max().item()),
                some=[short(gradient[i].item()) for i in places(len(gradient))],
                sums=[short((gradient * numbers(len(gradient), seed)).sum().item()) for seed in (4, 5, 6, 7)])
    return found


def main():
    out = pathlib.Path(sys.argv[1])
    names = sys.argv[2:] or PLAIN + sorted(FAMILIES | MIXTURES)
    found = json.loads(out.read_text()) if sys.argv[2:] and out.exists() else {}
    for name in names:
        with tempfile.TemporaryDirectory() as work:
            found[name] = gradients(name, work)
        print(name, {index: (block["loss"], len(block["parameters"])) for index, block in found[name].items()}, flush=True)
    out.write_text(json.dumps(dict(sorted(found.items())), separators=(",", ":")) + "\n")

if __name__ == "__main__":
    main()
