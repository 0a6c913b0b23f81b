"""Expected values for models whose layers cannot all carry a bias.

The reference program gives every layer a bias, whatever its family can carry. This one lets it choose the metric and the
compensation per layer as the product does: without a bias, a `stade` mask becomes a `wanda` mask, `mean` becomes
`none` and `affine` becomes `scale`. Everything else is the reference's own code.

    python native_fallback.py STADE_ORACLE.py MODEL_DIR OUT --carries q_proj,k_proj,v_proj,o_proj [--compensation affine]

MODEL_DIR is a fixture with `tokens.safetensors`. Writes OUT.json and OUT.safetensors.gz, which the tests read. The fixtures:

    qwen3, gemma2   --carries q_proj,k_proj,v_proj,o_proj   (their configurations' attention_bias)
    phi3            --carries ""                            (no bias at all)
    mistral-window  --carries ""                            (no bias at all, and its window keeps it from being a Llama)

each without (native-stade-0.5) and with `--compensation affine` (native-stade-0.5-affine).
"""
import argparse
import gzip
import importlib.util
import inspect
import shutil
import tempfile

WITHOUT_BIAS = {"mean": "none", "affine": "scale"}


def load(path):
    """The reference program."""
    spec = importlib.util.spec_from_file_location("oracle", path)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    return oracle


def change(oracle, old, new):
    """Replaces text in the source of `prune`."""
    source = getattr(oracle, "prune_source", None) or inspect.getsource(oracle.prune)
    if source.count(old) != 1:
        raise SystemExit(f"the reference has changed: {old.strip()!r} was not found")
    oracle.prune_source = source.replace(old, new)
    exec(oracle.prune_source, vars(oracle))


def write(oracle, model, out, *settings):
    """Runs one case and writes OUT.json and OUT.safetensors.gz."""
    with tempfile.TemporaryDirectory() as directory:
        print(oracle.run_case(model, f"{model}/tokens.safetensors", directory, *settings))
        shutil.copy(f"{directory}/expected.json", f"{out}.json")
        with open(f"{directory}/expected.safetensors", "rb") as source, open(f"{out}.safetensors.gz", "wb") as target:
            # No time and no name in the header: the same bytes every time.
            with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as packed:
                shutil.copyfileobj(source, packed)


def let_layers_differ(oracle, carries, expert_carries=()):
    """Replaces the metric's choice, and the one line of `prune` that takes the same compensation for every layer."""
    metric_of = oracle.metric_of

    def is_carried(name):
        names = expert_carries if ".experts." in name else carries
        return any(f".{name}".endswith(f".{part}") for part in names)

    def metric_of_layer(method, name, weight, moments):
        carried = is_carried(name)
        return metric_of("wanda" if method == "stade" and not carried else method, name, weight, moments)

    def compensation_of_layer(name, used, wanted):
        how = wanted or ("mean" if used == "stade" else "none")
        return how if is_carried(name) else WITHOUT_BIAS.get(how, how)

    oracle.metric_of = metric_of_layer
    oracle.compensation_of_layer = compensation_of_layer
    line = 'how = compensation or ("mean" if used in ("stade", "stade-obs") else "none")'
    change(oracle, line, "how = compensation_of_layer(name, used, compensation)")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("oracle"), p.add_argument("model"), p.add_argument("out")
    p.add_argument("--carries", default="", help="last parts of the names of layers that can carry a bias")
    p.add_argument("--compensation", default="", choices=["", "affine"])
    a = p.parse_args()
    oracle = load(a.oracle)
    let_layers_differ(oracle, set(filter(None, a.carries.split(","))))
    write(oracle, a.model, a.out, "stade", 0.5, "", a.compensation)


if __name__ == "__main__":
    main()
