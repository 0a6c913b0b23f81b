"""experts.py OUT [NAME..]: scores of whole experts, and models without some of them.

    python experts.py Tests/PipelineTests/Fixtures/mixtures
    python experts.py --check STADECTL Tests/PipelineTests/Fixtures/mixtures [NAME..]

OUT/NAME is a fixture that families.py has written; it receives experts.json, for ExpertTests:

    sparsity    the share of experts that go
    blocks      of each mixture, measured behind the blocks that have lost theirs: `block`, how many `tokens` each expert
                serves, `reap` scores (the mean over them of the weight of the output times its norm), and which are `gone`
    perplexity  of the model without them

Experts go by `reap`. The router loses rows, and experts that stay move up. --check takes experts out of each fixture with the
program, and demands that transformers loads the output with nothing missing or left over and measures what it reports.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoConfig

import families as F
from mixtures import Experts, unfuse

NAMES = ["qwen3_moe", "mixtral", "olmoe", "gpt_oss"]
SPARSITY = 0.25
JOBS = {"reap": (0.25, ""), "wanda": (0.5, ""), "random": (0.25, ""), "best": (0.25, ""), "tuned": (0.25, ", tune: {passes: 2}")}


def parts(block):
    """The experts and the router of a block; nothing where it has none."""
    experts = next((module for module in block.modules() if isinstance(module, Experts)), None)
    router = next((module for module in block.modules() if type(module).__name__.endswith("TopKRouter")), None)
    return experts, router


def score(experts, calls):
    """How many tokens each expert serves, and the mean of weight times norm of its output."""
    tokens, scores = [], []
    for number in range(sum(name.isdigit() for name, _ in experts.named_children())):
        values = []
        for hidden, index, weights in calls:
            token, place = torch.where(index == number)
            output = experts.run(getattr(experts, str(number)), hidden.reshape(-1, hidden.shape[-1])[token])
            values.append(weights[token, place].double() * output.double().norm(dim=1))
        values = torch.cat(values)
        tokens.append(len(values))
        scores.append(values.mean().item() if len(values) else 0.0)
    return tokens, scores


def remove(experts, router, gone):
    kept = [number for number in range(router.weight.shape[0]) if number not in gone]
    for name, value in list(router.named_parameters()):
        setattr(router, name, torch.nn.Parameter(value.data[kept].clone()))
    if hasattr(router, "num_experts"):
        router.num_experts = len(kept)
    children = [getattr(experts, str(number)) for number in kept]
    for name in [name for name, _ in experts.named_children() if name.isdigit()]:
        delattr(experts, name)
    for number, child in enumerate(children):
        experts.add_module(str(number), child)


def perplexity(model, tokens):
    rows = tokens.reshape(-1, F.LENGTH).long()
    losses = []
    for row in rows:
        logits = model(row[None], use_cache=False).logits[0].double()
        losses.append(torch.nn.functional.cross_entropy(logits[:-1], row[1:], reduction="none"))
    return torch.cat(losses).mean().exp().item()


@torch.no_grad()
def write(name, out):
    with tempfile.TemporaryDirectory() as work:
        F.unpack(out / name, work)
        tokens = load_file(f"{work}/expected.safetensors")
        model = F.model_class(AutoConfig.from_pretrained(work)).from_pretrained(
            work, dtype=torch.float32, attn_implementation="eager")
    unfuse(model.eval(), F.MIXTURES[name]["experts"])
    blocks = []
    for number, block in enumerate(F.blocks_of(model)[1]):
        experts, router = parts(block)
        if experts is None:
            continue
        calls = []
        hook = experts.register_forward_pre_hook(lambda _, a: calls.append(a))
        for row in tokens["calibration"]:
            model(row[None].long(), use_cache=False)
        hook.remove()
        served, scores = score(experts, calls)
        order = sorted(range(len(scores)), key=lambda expert: (scores[expert], -expert))
        gone = sorted(order[: round(SPARSITY * len(scores))])
        remove(experts, router, gone)
        blocks.append(dict(block=number, tokens=served, reap=scores, gone=gone))
    report = dict(sparsity=SPARSITY, blocks=blocks, perplexity=perplexity(model, tokens["evaluation"]))
    with open(out / name / "experts.json", "w") as file:
        json.dump(report, file, separators=(",", ":"))
        file.write("\n")
    print(name, [found["gone"] for found in blocks], round(report["perplexity"], 4), flush=True)


@torch.no_grad()
def check(stadectl, name, out):
    isGood = True
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(f"{work}/model")
        F.unpack(out / name, f"{work}/model")
        os.rename(f"{work}/model/expected.safetensors", f"{work}/tokens.safetensors")
        tokens = load_file(f"{work}/tokens.safetensors")["evaluation"]
        for job, (sparsity, rest) in JOBS.items():
            method = "best" if job == "tuned" else job
            with open(f"{work}/job.yaml", "w") as file:
                file.write(f"version: 1\nmodel: model\noutput: {job}\n"
                           f"prune: {{pattern: experts, method: {method}, sparsity: {sparsity}{rest}}}\n"
                           "calibration: {tokens: tokens.safetensors}\n"
                           f"evaluation: {{tokens: tokens.safetensors, length: {F.LENGTH}}}\n"
                           "compute: {precision: float32}\n")
            done = subprocess.run([stadectl, "prune", "job.yaml"], cwd=work, capture_output=True, text=True)
            if done.returncode:
                print(f"--  {name} {job}: {done.stderr.strip().splitlines()[-1][:200]}", flush=True)
                isGood &= "pattern experts: sparsity" in done.stderr or "cannot be tuned" in done.stderr
                continue
            with open(f"{work}/{job}/stade-report.json") as file:
                report = json.load(file)
            model, info = F.model_class(AutoConfig.from_pretrained(f"{work}/{job}")).from_pretrained(
                f"{work}/{job}", dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
            isWhole = not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
            found = report["perplexity"]["pruned"]
            wrong = abs(found / perplexity(F.step_by_step(model.eval()), tokens) - 1)
            isRight = isWhole and wrong <= 1e-5
            isGood &= isRight
            print(f"{'ok ' if isRight else 'NOT'} {name} {job}: {report['experts']['dense']} to {report['experts']['pruned']} "
                  f"experts, dense {report['perplexity']['dense']:.4f}, pruned {found:.4f} ({wrong:.1e})"
                  f"{'' if isWhole else str(info)[:300]}", flush=True)
    return isGood


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", metavar="STADECTL"), p.add_argument("out", type=pathlib.Path), p.add_argument("names", nargs="*")
    a = p.parse_args()
    if a.check:
        names = a.names or sorted(path.name for path in a.out.iterdir() if path.is_dir())
        raise SystemExit(not all([check(os.path.abspath(a.check), name, a.out) for name in names]))
    for name in a.names or NAMES:
        write(name, a.out)


if __name__ == "__main__":
    main()
