#!/usr/bin/env python3
"""Prunes what synthetic.py has written, or any model, and prints what that took, as a line of a table.

    synthetic_prune.py DIR... [--stadectl .build/release/stadectl] [--memory 4GiB] [--threads 2]
        [--manifest LINES] [--text FILE --samples 8 --length 2048] [--keep]

DIR holds model/ and tokens.safetensors, or is itself a model where --text is given. The output is written
beside it and removed. As root, the page cache is dropped first, so that all reading is from the disk. Read and
written are bytes that the process had the disk transfer, by getrusage(2).
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile

MIB = 1 << 20


def drop_caches():
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3\n")
        return True
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directories", nargs="+")
    parser.add_argument("--stadectl", default=".build/release/stadectl")
    parser.add_argument("--memory")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--manifest", default="", help="more lines of the manifest; \\n separates them")
    parser.add_argument("--text")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--length", type=int, default=2048)
    parser.add_argument("--keep", action="store_true", help="keep the output")
    options = parser.parse_args()
    print("| model | bytes | tokens | seconds | planned MiB | peak MiB | planned / peak | read / bytes | written / bytes |")
    print("|---|---|---|---|---|---|---|---|---|")
    for directory in options.directories:
        prune(os.path.realpath(directory), options)


def prune(directory, options):
    model = directory if options.text else os.path.join(directory, "model")
    size = sum(
        os.path.getsize(os.path.join(model, name))
        for name in os.listdir(model) if name.endswith(".safetensors"))
    scratch = tempfile.mkdtemp(prefix="stade-prune-", dir=os.path.dirname(directory))
    try:
        output = os.path.join(scratch, "out")
        limits = [f"threads: {options.threads}"] + ([f"memory: {options.memory}"] if options.memory else [])
        source = (
            f'text: "{os.path.realpath(options.text)}", samples: {options.samples}, length: {options.length}'
            if options.text else f'tokens: "{directory}/tokens.safetensors"')
        manifest = os.path.join(scratch, "manifest.yaml")
        with open(manifest, "w") as file:
            file.write(
                f'version: 1\nname: {os.path.basename(directory)}\nmodel: "{model}"\noutput: "{output}"\n'
                f"calibration: {{{source}}}\nlimits: {{{', '.join(limits)}}}\n"
                + options.manifest.replace("\\n", "\n") + "\n")
        is_cold = drop_caches()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [options.stadectl, "prune", manifest], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(os.path.join(output, "stade-report.json")) as file:
            report = json.load(file)
        used = report["resources"]
        planned, peak = used["planned_memory_bytes"], used["peak_memory_bytes"]
        read = 512 * (after.ru_inblock - before.ru_inblock)
        written = 512 * (after.ru_oublock - before.ru_oublock)
        print(
            f"| {os.path.basename(directory)} | {size / 1e9:.2f}e9 | {report['calibration']['tokens']} "
            f"| {used['seconds']:.1f} | {planned / MIB:.0f} | {peak / MIB:.0f} | {planned / peak:.3f} "
            f"| {f'{read / size:.3f}' if is_cold else 'cached'} | {written / size:.3f} |", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(scratch)
        else:
            print(scratch, file=sys.stderr)


if __name__ == "__main__":
    main()
