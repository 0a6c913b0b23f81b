"""Prunes models by every method at several sparsities and seeds, and prints a table of perplexities.

    python3 study.py STADECTL OUT --model MODEL [--model ...] --calibration TEXT --evaluation TEXT
        [--methods wanda,stade,...] [--cells 0.5,0.6,0.7,2:4,4:8] [--seeds 0,1,2]
        [--samples 128] [--length 256] [--windows 64] [--threads 2] [--sequential true|false|stages] [--target own|dense]
        [--tune]

A method may name its settings itself: `best/stages` is best with `sequential: stages`, `best/dense` with a dense target, too,
and `best/tune` with `tune: true`; `best/dense/tune` has both. `--tune` tunes all methods.

One job for each model, seed, cell and method that OUT has no report of yet: so methods can be
added, and a study that was stopped goes on. OUT gets manifests and reports, not the checkpoints. A cell is the mean over the
seeds and their standard deviation; the least mean of a row is bold.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("stadectl")
parser.add_argument("out", type=pathlib.Path)
parser.add_argument("--model", action="append", required=True)
parser.add_argument("--calibration", required=True)
parser.add_argument("--evaluation", required=True)
parser.add_argument("--methods", default="wanda,stade,stade-w,auto,sparsegpt,best")
parser.add_argument("--cells", default="0.5,0.6,0.7,2:4,4:8")
parser.add_argument("--seeds", default="0,1,2")
for name, value in [("samples", 128), ("length", 256), ("windows", 64), ("threads", 2)]:
    parser.add_argument(f"--{name}", type=int, default=value)
parser.add_argument("--sequential", choices=["true", "false", "stages"], default="true")
parser.add_argument("--target", choices=["own", "dense"], default="own")
parser.add_argument("--tune", action="store_true")
options = parser.parse_args()
methods = options.methods.split(",")
cells = options.cells.split(",")
seeds = [int(seed) for seed in options.seeds.split(",")]


def settings(method):
    """The keys of `prune` for a method of the command line."""
    method, *own = method.split("/")
    order = [setting for setting in own if setting != "tune"]
    sequential = "stages" if order else options.sequential
    target = "dense" if "dense" in own else options.target if not order else "own"
    keys = {"method": method, "sequential": sequential if sequential == "stages" else sequential == "true"}
    keys |= {"target": target} if target != "own" else {}
    return keys | ({"tune": True} if options.tune or "tune" in own else {})


def name(prune):
    """What a report's method is called on the command line."""
    keys = {"method": prune["method"], "sequential": "stages" if prune.get("stages") else prune["sequential"]}
    if "target" in prune:
        keys["target"] = prune["target"]
    if "tune" in prune:
        keys["tune"] = True
    return next((method for method in methods if settings(method) == keys), str(keys))


def reports(directory):
    """Reports by method."""
    found = [json.loads(path.read_text()) for path in directory.glob("*/stade-report.json")]
    return {name(report["prune"]): report for report in found}


def run(model, seed, cell):
    """Reports by method of one cell, of which those that are missing are made first."""
    directory = options.out / "-".join([pathlib.Path(model).name, str(seed), cell.replace(":", "of")])
    directory.mkdir(parents=True, exist_ok=True)
    missing = [method for method in methods if method not in reports(directory)]
    for method in missing:
        prune = {"pattern": cell} if ":" in cell else {"sparsity": float(cell)}
        manifest = {
            "version": 1, "model": str(pathlib.Path(model).resolve()), "output": str((directory / "out").resolve()),
            "overwrite": True, "prune": prune | settings(method),
            "calibration": {
                "text": str(pathlib.Path(options.calibration).resolve()), "samples": options.samples,
                "length": options.length, "seed": seed},
            "evaluation": {
                "text": str(pathlib.Path(options.evaluation).resolve()), "length": options.length,
                "windows": options.windows},
            "limits": {"threads": options.threads}}
        # JSON is YAML.
        (directory / "job.yaml").write_text(json.dumps(manifest))
        subprocess.run([options.stadectl, "prune", directory / "job.yaml"], check=True, capture_output=True)
        # Kept apart from those of the other methods.
        if (directory / "out").exists():
            (directory / "out").rename(directory / f"out-{method.replace('/', '-')}")
        for weights in directory.glob("out*/*"):
            if weights.name != "stade-report.json":
                weights.unlink() if weights.is_file() else shutil.rmtree(weights)
    return reports(directory)


def shown(values):
    mean = statistics.mean(values)
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return mean, f"{mean:.2f}{spread}"


print("| | dense | " + " | ".join(f"`{method}`" for method in methods) + " |")
print("|---" * (len(methods) + 2) + "|", flush=True)
for model in options.model:
    for cell in cells:
        found = [run(model, seed, cell) for seed in seeds]
        dense = found[0][methods[0]]["perplexity"]["dense"]
        row = {method: shown([reports[method]["perplexity"]["pruned"] for reports in found]) for method in methods}
        least = min(mean for mean, _ in row.values())
        label = cell if ":" in cell else f"{100 * float(cell):g} %"
        texts = [f"**{text}**" if mean == least else text for mean, text in row.values()]
        print(f"| {pathlib.Path(model).name} {label} | {dense:.2f} | " + " | ".join(texts) + " |", flush=True)
