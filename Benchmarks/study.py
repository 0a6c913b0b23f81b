"""Prunes models by every method at several sparsities and seeds, and prints a table of perplexities.

    python3 study.py STADECTL OUT --model MODEL [--model ...] --calibration TEXT --evaluation TEXT
        [--methods wanda,stade,...] [--cells 0.5,0.6,0.7,2:4,4:8] [--seeds 0,1,2]
        [--samples 128] [--length 256] [--windows 64] [--threads 2]

One job for each model, seed and pattern, with the methods as a list. OUT gets manifests and reports, not the checkpoints;
what is there already is not run again. A cell is the mean over the seeds and their standard deviation; the
least mean of a row is bold.
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
options = parser.parse_args()
methods = options.methods.split(",")
cells = options.cells.split(",")
seeds = [int(seed) for seed in options.seeds.split(",")]


def run(model, seed, prune, names):
    """Reports by method and sparsity of one job."""
    directory = options.out / "-".join([pathlib.Path(model).name, str(seed), *names])
    if not (directory / "done").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        manifest = {
            "version": 1, "model": str(pathlib.Path(model).resolve()), "output": str((directory / "out").resolve()),
            "prune": prune | {"method": methods},
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
        for weights in directory.glob("out*/*"):
            if weights.name != "stade-report.json":
                weights.unlink() if weights.is_file() else shutil.rmtree(weights)
        (directory / "done").touch()
    return [json.loads(path.read_text()) for path in directory.glob("out*/stade-report.json")]


def shown(values):
    mean = statistics.mean(values)
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return mean, f"{mean:.2f}{spread}"


print("| | dense | " + " | ".join(f"`{method}`" for method in methods) + " |")
print("|---" * (len(methods) + 2) + "|", flush=True)
for model in options.model:
    found = {}
    dense = None
    for seed in seeds:
        plain = [float(cell) for cell in cells if ":" not in cell]
        jobs = [({"sparsity": plain}, ["unstructured"])] if plain else []
        jobs += [({"pattern": cell}, [cell.replace(":", "of")]) for cell in cells if ":" in cell]
        for prune, names in jobs:
            for report in run(model, seed, prune, names):
                cell = prune.get("pattern") or str(report["prune"]["sparsity"])
                dense = report["perplexity"]["dense"]
                found.setdefault((cell, report["prune"]["method"]), []).append(report["perplexity"]["pruned"])
    for cell in cells:
        key = cell if ":" in cell else str(float(cell))
        row = {method: shown(found[key, method]) for method in methods}
        least = min(mean for mean, _ in row.values())
        name = cell if ":" in cell else f"{100 * float(cell):g} %"
        texts = [f"**{text}**" if mean == least else text for mean, text in row.values()]
        print(f"| {pathlib.Path(model).name} {name} | {dense:.2f} | " + " | ".join(texts) + " |", flush=True)
