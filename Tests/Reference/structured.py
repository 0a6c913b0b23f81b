"""structured.py STADE_ORACLE.py FIXTURES [NAME..]: whole channels of mixtures, and how zeros are shared out in them.

    python structured.py STADE_ORACLE.py Tests/PipelineTests/Fixtures/mixtures

FIXTURES/NAME is a fixture that families.py has written; it receives structured.json, for MixtureChannelsTests and
MixtureAllocationTests:

    channels    for each method: `widths` that stay by the widths that were, `kept` channels of each layer that loses columns, and
                `perplexity` of the model without the others (here their columns are zero, which computes the same)
    owl, error  the sparsity of each layer

Everything follows docs/methods.md; masks, statistics and passes are the reference program's own code, with mixtures.py's.
"""
import argparse
import json
import os
import pathlib
import shutil
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoConfig

import families as F
from mixtures import count_by_weight, unfuse
from native_fallback import let_layers_differ, load

NAMES = ["qwen3_moe", "mixtral", "gpt_oss", "deepseek_v3", "granitemoe", "gemma4_moe", "qwen2_moe"]
SPARSITY, CHANNELS, LEVELS = 0.5, 0.25, 256
# Bounds that are whole columns: nothing has to be made up for.
M, LAMBDA, REACH = 5, 0.08, 0.125


class Case:
    """A fixture's model with experts as linear layers, and the reference program as families.py has it."""

    def __init__(self, oracle_path, name, directory):
        self.entry = F.MIXTURES[name]
        self.oracle = load(oracle_path)
        self.oracle.blocks_of = F.blocks_of
        self.every = self.oracle.linears
        let_layers_differ(self.oracle, set(self.entry["carries"]), set(self.entry["expert_carries"]))
        count_by_weight(self.oracle)
        F.leave(self.oracle, self.entry["leaves"])
        config = AutoConfig.from_pretrained(directory)
        model = F.model_class(config).from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
        self.model = unfuse(F.step_by_step(F.plain(model.eval())), self.entry["experts"])
        self.path, self.blocks = F.blocks_of(self.model)
        self.tokens = load_file(f"{directory}/expected.safetensors")

    def name(self, block, layer):
        """As it is in the file."""
        name = f"{self.entry['prefix'] or self.path}.{block}.{layer}"
        for old, new in self.entry["names"]:
            name = name.replace(old, new)
        return name


def step(channels, isExpert):
    size = 32
    while size > 1 and size * 32 > channels:
        size //= 2
    return max(size, 8) if isExpert and channels % 8 == 0 else size


def groups_of(case):
    """The layers that lose columns, by their columns: experts first; experts that all tokens go to where their width is a
    number of experts."""
    config = case.model.config.get_text_config()
    isTied = any(getattr(config, key, None) for key in ("n_shared_experts", "moe_num_shared_experts"))
    found = {}
    for block in case.blocks:
        for name, layer in case.every(block).items():
            if name.endswith(("down_proj", "w2", "output_linear")):
                isExpert = ".experts." in name
                isShared = not isExpert and ("shared" in name or any(part in name for part in case.entry["leaves"]))
                if not isShared or isTied:
                    found[layer.in_features] = 0 if isExpert else 2 if isShared else 1
    return sorted(found, key=found.get), found


def widths_of(case):
    """How many of each number of channels stay."""
    order, kind = groups_of(case)
    first = order[0]
    weights = sum(value.numel() for block in case.blocks for name, value in block.named_parameters()
                  if value.dim() == 2 and not name.startswith("router."))

    def widths(count):
        found = {first: count}
        for channels in order[1:]:
            choices = [*range(step(channels, False), channels, step(channels, False)), channels]
            found[channels] = (count * channels // first if kind[channels] == 2 else
                               min(reversed(choices), key=lambda c: abs(c - count / first * channels)))
        return found

    def gone(count):
        left, sum_ = widths(count), 0
        for block in case.blocks:
            for name, layer in case.every(block).items():
                columns = layer.in_features if name.endswith(("down_proj", "w2", "output_linear")) else 0
                if columns in left and (kind[columns] != 1 or ".experts." not in name):
                    # The gate's rows and the other ones that it is multiplied with go, too.
                    sum_ += 3 * (columns - left[columns]) * layer.out_features
        return sum_

    choices = [*range(step(first, True), first, step(first, True)), first]
    return widths(min(reversed(choices), key=lambda c: abs(gone(c) - CHANNELS * weights)))


def eliminate(weight, gram, kept):
    """Columns go one at a time, those without which the rest, solved for again, errs least."""
    w, h = weight.double().clone(), gram.clone()
    dead = h.diagonal() <= 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h.diagonal().add_(0.01 * h.diagonal().mean())
    p = torch.linalg.inv(h)
    left = torch.ones(w.shape[1], dtype=torch.bool)
    while left.sum() > kept:
        loss = (w**2).sum(0) / p.diagonal()
        loss[~left] = torch.inf
        j = int(loss.argmin())
        w -= w[:, j : j + 1] @ p[j : j + 1] / p[j, j]
        p -= p[:, j : j + 1] @ p[j : j + 1] / p[j, j]
        p[j, j], left[j], w[:, j] = 1, False, 0
    return w, (~left).expand_as(w)


def channels(case, method):
    """Takes channels out by `method`; `auto` is the elimination."""
    oracle, widths = case.oracle, widths_of(case)
    inner = case.every
    oracle.linears = lambda block: {
        name: layer for name, layer in inner(block).items()
        if name.endswith(("down_proj", "w2", "output_linear")) and layer.in_features in widths
        and not any(part in name for part in case.entry["leaves"])}

    def mask(metric, *_):
        kept = widths[metric.shape[1]]
        order = torch.sort((metric.double() ** 2).sum(0), stable=True)[1][: metric.shape[1] - kept]
        pruned = torch.zeros_like(metric, dtype=torch.bool)
        pruned[:, order] = True
        return pruned

    oracle.mask_of = mask
    oracle.obs = lambda weight, gram, *_, **__: eliminate(weight, gram, widths[weight.shape[1]])
    compensation = ""
    if method == "auto":
        # Where the layers can have a bias, by the covariance.
        method, compensation = ("stade-obs", "mean") if case.entry["expert_carries"] else ("sparsegpt", "")
    expected, _ = oracle.prune(case.model, case.tokens["calibration"], method, CHANNELS, "", compensation)
    kept = {}
    for key, value in expected.items():
        if key.endswith(".pruned"):
            block, layer = key.removeprefix(f"{case.path}.").removesuffix(".pruned").split(".", 1)
            kept[case.name(block, layer)] = (value[0] == 0).nonzero().flatten().tolist()
    return dict(widths={str(k): v for k, v in widths.items()}, kept=kept,
                perplexity=oracle.perplexity(case.model, case.tokens["evaluation"], F.LENGTH))


@torch.no_grad()
def survey(case):
    """Statistics of all layers' inputs in the dense model, and its first hidden states' expected square."""
    length = min(256, case.model.config.get_text_config().max_position_embeddings)
    total = 16 * length
    ids = torch.tensor([[(position * 16 + window) * F.VOCABULARY // total for position in range(length)] for window in range(16)])
    first = []
    hook = case.blocks[0].register_forward_pre_hook(
        lambda _, a, k: first.append((a[0] if a else k["hidden_states"]).double()), with_kwargs=True)
    case.model(ids, use_cache=False)
    hook.remove()
    moments = [{name: case.oracle.Moments() for name in case.every(block)} for block in case.blocks]
    for block, found in zip(case.blocks, moments):
        for name, layer in case.every(block).items():
            layer.register_forward_hook(lambda layer, a, o, m=found[name]: m.add(a[0], layer))
    for row in case.tokens["calibration"]:
        case.model(row[None].long(), use_cache=False)
    for found in moments:
        for m in found.values():
            m.settle()
    return moments, (first[0] ** 2).sum(-1).mean().item()


def shares(case):
    """The sparsity of each layer by both allocations."""
    moments, stream = survey(case)
    ratios, layers = [], []
    for index, (block, found) in enumerate(zip(case.blocks, moments)):
        scores, powers = [], {}
        every, selected = case.every(block), case.oracle.linears(block)
        for name, layer in every.items():
            m, w = found[name], layer.weight.double()
            square = m.sum2 / m.n
            power = ((w**2) @ m.var).sum().item() + ((w @ m.mean) ** 2).sum().item()
            if name in selected:
                scores.append((w.abs() * square.sqrt()).flatten())
                errors = torch.sort(w**2 * square)[0].cumsum(1).sum(0)
                sums = torch.cat([torch.zeros(1, dtype=torch.float64), errors]).tolist()
                curve = []
                for level in range(LEVELS + 1):
                    place = w.shape[1] * level / LEVELS
                    low = int(place)
                    high = sums[low + 1] if low < w.shape[1] else 0
                    curve.append((sums[low] + (place - low) * (high - sums[low] if low < w.shape[1] else 0)) / power)
                layers.append(dict(name=case.name(index, name), block=index, key=name, count=w.numel(), curve=curve))
            if name.endswith(("o_proj", "down_proj", "w2", "output_linear")):
                powers[name] = power * getattr(m, "use", 1.0)
        scores = torch.cat(scores)
        ratios.append((scores > M * scores.mean()).double().mean().item())
        for isInAttention in (True, False):
            half = {name: power for name, power in powers.items() if ("attn" in name) == isInAttention}
            stream += sum(half.values())
            for layer in layers:
                if layer["block"] == index and ("attn" in layer["key"]) == isInAttention:
                    place = layer["key"].rsplit(".", 1)[0]
                    own = [power for name, power in half.items() if isInAttention or name.rsplit(".", 1)[0] == place]
                    layer["part"] = own[0] / stream
    return dict(owl=owl(ratios, layers), error=error(layers))


def owl(ratios, layers):
    spread = [(ratio - min(ratios)) / (max(ratios) - min(ratios)) * 2 * LAMBDA for ratio in ratios]
    total = sum(layer["count"] for layer in layers)
    mean = sum(layer["count"] * spread[layer["block"]] for layer in layers) / total
    return {layer["name"]: SPARSITY + mean - spread[layer["block"]] for layer in layers}


def error(layers):
    low, high = SPARSITY - REACH, SPARSITY + REACH
    segments = []
    for index, layer in enumerate(layers):
        for level in range(LEVELS):
            start, stop = max(low, level / LEVELS), min(high, (level + 1) / LEVELS)
            if stop > start:
                slope = (layer["curve"][level + 1] - layer["curve"][level]) * LEVELS
                segments.append((layer["part"] * slope / layer["count"], index, stop - start))
    found = [low] * len(layers)
    left = (SPARSITY - low) * sum(layer["count"] for layer in layers)
    for _, index, size in sorted(segments, key=lambda segment: segment[0]):
        taken = min(size * layers[index]["count"], left)
        found[index] += taken / layers[index]["count"]
        left -= taken
    return {layer["name"]: share for layer, share in zip(layers, found)}


def write(oracle_path, name, out):
    with tempfile.TemporaryDirectory() as work:
        F.unpack(out / name, work)
        methods = ["wanda", "auto"] + (["stade"] if F.MIXTURES[name]["expert_carries"] else [])
        report = dict(sparsity=CHANNELS, channels={method: channels(Case(oracle_path, name, work), method) for method in methods},
                      **shares(Case(oracle_path, name, work)))
    with open(out / name / "structured.json", "w") as file:
        # Short lists each on one line.
        json.dump(report, file, separators=(",", ":"))
        file.write("\n")
    said = {method: (found["widths"], round(found["perplexity"], 4)) for method, found in report["channels"].items()}
    print(name, os.path.getsize(out / name / "structured.json") // 1024, "KB", said,
          "owl", sorted({round(share, 4) for share in report["owl"].values()}), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("oracle"), p.add_argument("out", type=pathlib.Path), p.add_argument("names", nargs="*")
    a = p.parse_args()
    for name in a.names or NAMES:
        write(a.oracle, name, a.out)


if __name__ == "__main__":
    main()
