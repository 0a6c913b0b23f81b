"""Expected values for models whose blocks attend to different positions (Gemma 2).

The reference program runs every block with the arguments that the first one got, its attention mask among them. That is right
where all masks are the same; where only some blocks have a sliding window, the statistics of the others would be those of another
model. This one runs each block with its own. Everything else is the reference's own code.

    python own_arguments.py STADE_ORACLE.py MODEL_DIR

MODEL_DIR is a fixture with `tokens.safetensors`; writes what the tests read into its `expected/`, for each case that is there.
All of `gemma2` was made so. Of the other fixtures the files stay the same, byte by byte.
"""
import argparse, gzip, importlib.util, inspect, json, pathlib, shutil, tempfile

CHANGES = {
    "    hook = blocks[0].register_forward_pre_hook(catch, with_kwargs=True)\n":
    "    own = [[] for _ in blocks]\n"
    "    for place, block in enumerate(blocks):\n"
    "        block.own = block.register_forward_pre_hook(lambda _, a, k, p=place: own[p].append((a, k)), with_kwargs=True)\n",
    "    hook.remove()\n": "    for block in blocks:\n        block.own.remove()\n    caught = own[0]\n",
    "*rest[i][0], **rest[i][1]":
    "*own[index][i][0][1:], **{k: v for k, v in own[index][i][1].items() if k != \"hidden_states\"}",
}


def load(path):
    """The reference program; each block gets its own arguments."""
    spec = importlib.util.spec_from_file_location("oracle", path)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    change(oracle, CHANGES)
    return oracle


def change(oracle, changes):
    """Replaces text in the source of `prune`, in which changes build upon each other."""
    source = getattr(oracle, "prune_source", None) or inspect.getsource(oracle.prune)
    for old, new in changes.items():
        if source.count(old) != 1:
            raise SystemExit(f"the reference has changed: {old.strip()!r} was not found")
        source = source.replace(old, new)
    oracle.prune_source = source
    exec(source, vars(oracle))


def write(oracle, model, out, *settings):
    """Runs one case and writes OUT.json and OUT.safetensors.gz."""
    with tempfile.TemporaryDirectory() as directory:
        print(oracle.run_case(model, f"{model}/tokens.safetensors", directory, *settings))
        shutil.copy(f"{directory}/expected.json", f"{out}.json")
        with open(f"{directory}/expected.safetensors", "rb") as source, open(f"{out}.safetensors.gz", "wb") as target:
            # No time and no name in the header: the same bytes every time.
            with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as packed:
                shutil.copyfileobj(source, packed)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("oracle"), p.add_argument("model")
    a = p.parse_args()
    oracle = load(a.oracle)
    for file in sorted(pathlib.Path(a.model, "expected").glob("*.json")):
        if file.name.startswith("native-"):
            continue
        report = json.loads(file.read_text())
        pattern = "" if report["pattern"] == "unstructured" else report["pattern"]
        compensation = "" if report["compensation"] == "as published" else report["compensation"]
        write(oracle, a.model, str(file)[: -len(".json")], report["method"], report["sparsity"], pattern, compensation)


if __name__ == "__main__":
    main()
