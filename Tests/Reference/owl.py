"""Expected sparsity of every block by OWL (arXiv 2310.05175), from the definition, with PyTorch and transformers.

    python owl.py MODEL_DIR SPARSITY OUT.json

MODEL_DIR is a fixture with `tokens.safetensors`. The dense model runs once over the calibration; each block's outlier ratio is
the share of |W| * sqrt(E[x^2]), over all of its linear layers together, that is greater than M = 5 times the mean. The fixtures:
llama and opt at 0.6 (owl-0.6).
"""
import json, sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

M, LAMBDA = 5, 0.08


def main(directory, sparsity, out):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    tokens = load_file(f"{directory}/tokens.safetensors")["calibration"].long()
    blocks = model.model.decoder.layers if hasattr(model.model, "decoder") else model.model.layers
    squares = {}

    def hook(layer, inputs):
        x = inputs[0].reshape(-1, inputs[0].shape[-1]).double()
        squares[layer] = squares.get(layer, 0) + (x * x).sum(0)

    layers = [[l for l in block.modules() if isinstance(l, torch.nn.Linear)] for block in blocks]
    for layer in sum(layers, []):
        layer.register_forward_pre_hook(hook)
    with torch.no_grad():
        for sequence in tokens:
            model(sequence[None])
    ratios = []
    for block in layers:
        scores = torch.cat(
            [(l.weight.double().abs() * (squares[l] / tokens.numel()).sqrt()).flatten() for l in block])
        ratios.append((scores > M * scores.mean()).double().mean().item())
    ratio = torch.tensor(ratios, dtype=torch.float64)
    kept = (ratio - ratio.min()) / (ratio.max() - ratio.min()) * LAMBDA * 2
    kept = kept - kept.mean() + (1 - float(sparsity))
    with open(out, "w") as file:
        json.dump({"outliers": ratios, "sparsity": (1 - kept).tolist()}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
