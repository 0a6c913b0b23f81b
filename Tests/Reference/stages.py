"""stages.py STADE_ORACLE.py FIXTURES: expectations for `sequential: stages` and `target: dense`, for StageTests.

FIXTURES is Tests/PipelineTests/Fixtures. Writes stages/NAME.json and stages/NAME.safetensors.gz there for the models llama
and mixtures/qwen3_moe, in the form of families.py.

A block is pruned stage by stage: before each stage the block as it is so far runs again from its input, so nothing is
kept between stages, unlike in the program. With a dense target a copy of the dense block runs on the dense stream. With x
the pruned input of a layer, d = x_dense - x, C the damped second moment (or covariance) of x and D = E[d x^T] (or the
covariance), the weights that the solver starts from are W + W D C^-1, and the bias changes by W E[x_dense] - W' E[x].

An expert's layers are judged by the tokens that the pruned stream sends to it, each counted as often as the square of its
weight; the dense input is what the dense expert reads of the same tokens. Where they are fewer than the input has
features, all tokens of the block count, each once, and the target is what the layer makes of them itself.
"""
import copy
import json
import pathlib
import shutil
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from families import LENGTH, MIXTURES, blocks_of, pack, shortened, unpack
from mixtures import Experts, unfuse
from native_fallback import load

STAGES = [("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",)]
CASES = [("wanda-0.5", "wanda", 0.5, "", "", "own"), ("stade-2of4", "stade", 0.5, "2:4", "", "own"),
         ("stade-0.7-affine", "stade", 0.7, "", "affine", "own"), ("stade-obs-0.5", "stade-obs", 0.5, "", "", "own"),
         ("stade-obs-0.5-dense", "stade-obs", 0.5, "", "", "dense"), ("sparsegpt-2of4-dense", "sparsegpt", 0.5, "2:4", "", "dense"),
         ("sparsegpt-0.6-dense", "sparsegpt", 0.6, "", "", "dense")]


class Inputs:
    """What a layer read: rows [n, features], by how much each counts, and what the dense layer read in its place."""

    def __init__(self):
        self.rows, self.shares, self.dense, self.all = [], [], [], []

    def settle(self):
        x, d = torch.cat(self.rows), torch.cat(self.dense)
        shares = torch.cat(self.shares)
        if self.all and len(x) < x.shape[-1]:
            x = d = torch.cat(self.all)
            shares = torch.ones(len(x), dtype=torch.double)
        self.n, self.x, self.d = len(x), x, d
        self.w = (shares**2 * (self.n / (shares**2).sum()))[:, None]
        self.mean, self.dense_mean = (self.w * x).sum(0) / self.n, (self.w * d).sum(0) / self.n
        self.sum2 = (self.w * x * x).sum(0)
        self.var = ((self.sum2 - self.n * self.mean**2) / (self.n - 1)).clamp_min(0)

    def gram(self, isCentred):
        gram = (self.w * self.x).T @ self.x
        return gram - self.n * self.mean[:, None] * self.mean[None] if isCentred else gram

    def drift(self, isCentred):
        cross = (self.w * (self.d - self.x)).T @ self.x
        offset = self.dense_mean - self.mean
        return cross - self.n * offset[:, None] * self.mean[None] if isCentred else cross


def run(block, hidden, arguments):
    out = block(hidden, *arguments[0], **arguments[1])
    return out[0] if isinstance(out, tuple) else out


def seen(block, names, streams, arguments):
    """Runs the block on some windows: the inputs of layers by name, and of the experts of each."""
    found = {name: [] for name in names}
    experts = {}
    modules = dict(block.named_modules())
    hooks = [modules[name].register_forward_pre_hook(lambda _, a, name=name: found[name].append(a[0].flatten(0, -2)))
             for name in names if ".experts." not in name]
    for name, module in modules.items():
        if isinstance(module, Experts):
            hooks.append(module.register_forward_pre_hook(
                lambda _, a, name=name: experts.setdefault(name, []).append([a[0].flatten(0, -2), *a[1:]])))
    outputs = [run(block, hidden, rest) for hidden, rest in zip(streams, arguments)]
    for hook in hooks:
        hook.remove()
    return found, experts, outputs


def inputs_of(block, before, names, hidden, dense, arguments):
    found, experts, _ = seen(block, names, hidden, arguments)
    dense_found, dense_experts, _ = seen(before, names, dense, arguments)
    modules, dense_modules = dict(block.named_modules()), dict(before.named_modules())
    result = {}
    for name in names:
        result[name] = inputs = Inputs()
        if ".experts." not in name:
            inputs.rows, inputs.dense = [x.double() for x in found[name]], [x.double() for x in dense_found[name]]
            inputs.shares = [torch.ones(len(x), dtype=torch.double) for x in found[name]]
            continue
        parent, expert, role = name.rsplit(".", 2)

        def read(modules, x):
            child = modules[f"{parent}.{expert}"]
            if role == "down_proj":
                x = modules[parent].act_fn(child.gate_proj(x)) * child.up_proj(x)
            return x.double()

        for (x, index, weights), (d, *_) in zip(experts[parent], dense_experts[parent]):
            token, place = torch.where(index == int(expert))
            inputs.rows.append(read(modules, x[token]))
            inputs.dense.append(read(dense_modules, d[token]))
            inputs.shares.append(weights[token, place].double())
            inputs.all.append(read(modules, x))
    for inputs in result.values():
        inputs.settle()
    return result


def scales(old, new, m):
    y, z = m.x @ old.T, m.x @ new.T
    y, z = y - (m.w * y).sum(0) / m.n, z - (m.w * z).sum(0) / m.n
    power = (m.w * z * z).sum(0)
    return torch.where(power > 0, ((m.w * y * z).sum(0) / power).clamp(0.5, 3), 1.0)


def prune_layer(oracle, layer, m, method, sparsity, pattern, compensation, target):
    old = layer.weight.double()
    found = {}
    isCentred = method == "stade-obs"
    dense_mean = m.mean
    if method in ("sparsegpt", "stade-obs"):
        gram, start = m.gram(isCentred), old
        if target == "dense":
            h = gram.clone()
            dead = h.diagonal() == 0
            h[dead, dead] = 1
            h.diagonal().add_(0.01 * h.diagonal().mean())
            start = old + torch.linalg.solve(h, (old @ m.drift(isCentred)).T).T
            dense_mean = m.dense_mean
        new, pruned = oracle.obs(start, gram, sparsity, pattern, update=True)
    else:
        _, metric = oracle.metric_of(method, "", old, m)
        pruned = oracle.mask_of(metric, sparsity, pattern)
        new = old.masked_fill(pruned, 0)
    how = compensation or ("mean" if method in ("stade", "stade-obs") else "none")
    if how == "affine":
        scale = scales(old, new, m)
        new = new * scale[:, None]
        found["scale"] = scale.float()
    if how in ("mean", "affine"):
        change = (old @ dense_mean - new @ m.mean).to(layer.weight.dtype)
        layer.bias = torch.nn.Parameter(change if layer.bias is None else layer.bias + change, requires_grad=False)
        found["bias_change"] = change.float()
    layer.weight.copy_(new)
    return found | dict(mean=m.mean.float(), var=m.var.float(), norm2=m.sum2.float(), pruned=pruned.to(torch.uint8))


@torch.no_grad()
def prune(oracle, model, calibration, method, sparsity, pattern, compensation, target):
    prefix, blocks = blocks_of(model)
    caught = [[] for _ in blocks]
    hooks = [b.register_forward_pre_hook(lambda _, a, k, c=c: c.append((a, k)), with_kwargs=True) for b, c in zip(blocks, caught)]
    for row in calibration:
        model(row[None].long(), use_cache=False)
    for hook in hooks:
        hook.remove()
    hidden = [a[0] if a else k["hidden_states"] for a, k in caught[0]]
    dense = hidden
    expected, errors = {}, []
    for index, block in enumerate(blocks):
        arguments = [(a[1:], {k: v for k, v in kw.items() if k != "hidden_states"}) for a, kw in caught[index]]
        before = copy.deepcopy(block)
        compared = [run(before, x, rest) for x, rest in zip(hidden, arguments)]
        for stage in STAGES:
            names = [name for name, _ in block.named_modules() if name.rsplit(".", 1)[-1] in stage]
            inputs = inputs_of(block, before, names, hidden, dense, arguments)
            for name in names:
                layer = block.get_submodule(name)
                for kind, value in prune_layer(
                        oracle, layer, inputs[name], method, sparsity, pattern, compensation, target).items():
                    expected[f"{prefix}.{index}.{name}.{kind}"] = value
        dense = [run(before, x, rest) for x, rest in zip(dense, arguments)]
        hidden = [run(block, x, rest) for x, rest in zip(hidden, arguments)]
        errors.append(sum(torch.nn.functional.mse_loss(a, b).item() for a, b in zip(compared, hidden)) / len(hidden))
    return expected, errors


def write(oracle, directory, target, experts):
    tensors, reports = {}, {}
    with tempfile.TemporaryDirectory() as work:
        if experts:
            unpack(directory, work)
            data = load_file(f"{work}/expected.safetensors")
        else:
            shutil.copy(directory / "config.json", work)
            shutil.copy(directory / "model.safetensors", work)
            data = load_file(directory / "tokens.safetensors")
        tensors = {name: data[name] for name in ("calibration", "evaluation")}
        length = tensors["calibration"].shape[1]
        for case, method, sparsity, pattern, compensation, aim in CASES:
            model = AutoModelForCausalLM.from_pretrained(work, dtype=torch.float32, attn_implementation="eager").eval()
            if experts:
                model.config._experts_implementation = "eager"
                unfuse(model, experts)
            reports[case] = report = dict(method=method, pattern=pattern or "unstructured", sparsity=sparsity,
                                          compensation=compensation or "as published", target=aim)
            report["perplexity_dense"] = oracle.perplexity(model, tensors["evaluation"], length)
            expected, report["block_mse"] = prune(
                oracle, model, tensors["calibration"], method, sparsity, pattern, compensation, aim)
            report["perplexity_pruned"] = oracle.perplexity(model, tensors["evaluation"], length)
            report["weights"] = sum(value.numel() for key, value in expected.items() if key.endswith(".pruned"))
            tensors |= shortened(case, expected, (blocks_of(model)[0],) * 2, case == CASES[0][0])
            print(target.name, case, report["perplexity_dense"], report["perplexity_pruned"])
        save_file(tensors, f"{work}/out.safetensors")
        pack(f"{work}/out.safetensors", f"{target}.safetensors.gz")
    with open(f"{target}.json", "w") as file:
        json.dump(dict(cases=reports), file, indent=1)
        file.write("\n")


def main():
    oracle, fixtures = load(sys.argv[1]), pathlib.Path(sys.argv[2])
    (fixtures / "stages").mkdir(exist_ok=True)
    write(oracle, fixtures / "llama", fixtures / "stages/llama", ())
    write(oracle, fixtures / "mixtures/qwen3_moe", fixtures / "stages/qwen3_moe", MIXTURES["qwen3_moe"]["experts"])


if __name__ == "__main__":
    main()
