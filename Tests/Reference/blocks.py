"""blocks.py STADECTL FAMILIES [NAME..]: what transformers makes of models without some of their blocks.

    python blocks.py STADECTL Tests/PipelineTests/Families
    python blocks.py STADECTL Tests/PipelineTests/Mixtures

FAMILIES: a directory of fixtures, as families.py writes them. From each the program takes each block alone, the first two
and the last two, and one of its own choice. Of an output transformers must miss no tensor and find none left over, its
perplexity must be what the report says, and what is left must be as deep as it should be. A refusal is printed; it is
right where the configuration cannot say what would be left.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from safetensors.torch import load_file
from transformers import AutoConfig

from families import LENGTH, attention, model_class, perplexity, unpack
import torch


def sets(blocks):
    named = [[block] for block in range(blocks)]
    if blocks > 2:
        named += [[0, 1], [blocks - 2, blocks - 1]]
    if blocks > 3:
        named += [[1, 3]]
    return [(f"blocks: {one}", len(one)) for one in named] + [(f"sparsity: {1 / blocks:.3f}", 1)]


def loaded(directory):
    """Names that transformers misses, or finds left over."""
    config = AutoConfig.from_pretrained(directory)
    _, info = model_class(config).from_pretrained(
        directory, dtype=torch.float32, attn_implementation=attention(config), output_loading_info=True)
    return sorted(info["missing_keys"]) + sorted(info["unexpected_keys"]) + sorted(map(str, info["mismatched_keys"]))


def check(stadectl, name, folder):
    isGood = True
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(f"{work}/model")
        unpack(folder / name, f"{work}/model")
        shutil.move(f"{work}/model/expected.safetensors", f"{work}/tokens.safetensors")
        tokens = load_file(f"{work}/tokens.safetensors")["evaluation"]
        before = set(loaded(f"{work}/model"))
        config = AutoConfig.from_pretrained(f"{work}/model").get_text_config()
        for what, count in sets(config.num_hidden_layers):
            with open(f"{work}/job.yaml", "w") as file:
                file.write(f"version: 1\nmodel: model\noutput: out\noverwrite: true\nprune: {{method: best, pattern: blocks, {what}}}\n"
                           "calibration: {tokens: tokens.safetensors}\n"
                           f"evaluation: {{tokens: tokens.safetensors, length: {LENGTH}}}\n"
                           "compute: {precision: float32}\n")
            done = subprocess.run([stadectl, "prune", "job.yaml"], cwd=work, capture_output=True, text=True)
            if done.returncode:
                print(f"--  {name} {what}: {done.stderr.strip().splitlines()[-1][:300]}", flush=True)
                isGood &= "pattern blocks" in done.stderr
                continue
            with open(f"{work}/out/stade-report.json") as file:
                report = json.load(file)
            left = AutoConfig.from_pretrained(f"{work}/out").get_text_config().num_hidden_layers
            odd = [key for key in loaded(f"{work}/out") if key not in before]
            error = abs(report["perplexity"]["pruned"] / perplexity(f"{work}/out", tokens) - 1)
            fits = error <= 1e-5 and not odd and left == config.num_hidden_layers - count
            isGood &= fits
            maps = [f"{seam['error_before']:.3f}->{seam['error_after']:.3f}" if "error_after" in seam else seam["reason"]
                    for seam in report["cut"]["seams"]]
            print(f"{'ok ' if fits else 'NOT'} {name} {what}: {report['perplexity']['pruned']:.4f} ({error:.1e}) {maps} {odd}", flush=True)
    return isGood


if __name__ == "__main__":
    stadectl, folder = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
    names = sys.argv[3:] or sorted(path.name for path in folder.iterdir() if path.is_dir())
    raise SystemExit(not all([check(stadectl, name, folder) for name in names]))
