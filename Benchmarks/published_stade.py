"""Runs the published STADE code on the windows that stade draws, to be timed as a whole process.

    python published_stade.py CODE MODEL TEXT OUT --precision bfloat16 --samples 8 --length 2048

CODE is a checkout of the authors' repository, of which nothing is here: only the loading of the calibration text,
which wants a data set from the network, is replaced. OUT gets the pruned checkpoint.

Prints one line: seconds (imports left out), seconds in `prune_process`, peak memory in bytes.
"""
import argparse
import contextlib
import io
import os
import resource
import sys
import time
import types

parser = argparse.ArgumentParser()
for name in ["code", "model", "text", "out"]:
    parser.add_argument(name)
parser.add_argument("--method", default="stade")
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--samples", type=int, default=8)
parser.add_argument("--length", type=int, default=2048)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()

sys.path[:0] = [options.code]
for absent in ["datasets", "accelerate", "psutil"]:
    # What `lib` imports and this run does not use.
    try:
        __import__(absent)
    except ImportError:
        sys.modules[absent] = types.ModuleType(absent)
        sys.modules[absent].load_dataset = None

import torch  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from lib import prune as published  # noqa: E402
from pytorch_wanda import window_starts  # noqa: E402


def main():
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    model = AutoModelForCausalLM.from_pretrained(
        options.model, dtype=getattr(torch, options.precision)).eval()
    model.seqlen = options.length
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    with open(options.text, encoding="utf-8", newline=None) as file:
        tokens = tokenizer(file.read(), return_tensors="pt", verbose=False).input_ids
    starts = window_starts(options.samples, tokens.shape[1] - options.length + 1)
    windows = [(tokens[:, at : at + options.length], None) for at in starts]
    published.get_loaders = lambda *_, **__: (windows, None)
    arguments = types.SimpleNamespace(
        model="opt" if "opt" in model.config.model_type else "llama", prune_method=options.method,
        nsamples=options.samples, seed=0, sparsity_ratio=0.5, filter_layer=None)
    in_blocks = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        published.prune_process(arguments, model, tokenizer, torch.device("cpu"))
    in_blocks = time.perf_counter() - in_blocks
    model.save_pretrained(options.out)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{seconds:.3f} {in_blocks:.3f} {peak}")


main()
