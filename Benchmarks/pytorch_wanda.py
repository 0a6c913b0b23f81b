"""The work of one stade job in plain PyTorch, for comparison: block by block, on the CPU.

    python pytorch_wanda.py MODEL TEXT OUT --method wanda --precision float32 --samples 128 --length 256 --threads 2

MODEL is a Hugging Face checkpoint of a Llama-like or OPT model, TEXT a UTF-8 file, OUT a directory for the pruned
checkpoint. The windows are the same as stade's: SplitMix64 over the tokenised text. Each block runs once with its
dense weights to measure its layers' inputs, is pruned (half of each row), and runs again for the next
block. `stade` moves the mean of what went into the bias where the layer has one.

Prints one line: seconds in all, seconds in blocks, peak memory in bytes, zeros.
"""
import argparse
import resource
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

MASK = (1 << 64) - 1


def window_starts(count, bound, seed=0):
    """`count` numbers below `bound`, as Sources/Pipeline/Texts/SplitMix64.swift draws them."""
    state = seed
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((z ^ (z >> 31)) * bound) >> 64


class Inputs:
    """Running sums of a layer's input, per feature."""

    def __init__(self, features):
        self.count = 0
        self.sum = torch.zeros(features)
        self.squares = torch.zeros(features)

    def add(self, x):
        x = x.reshape(-1, x.shape[-1]).float()
        self.count += x.shape[0]
        self.sum += x.sum(0)
        self.squares += x.square().sum(0)

    def mean(self):
        return self.sum / self.count

    def variance(self):
        return ((self.squares - self.sum.square() / self.count) / (self.count - 1)).clamp_min(0)


def first_inputs(model, blocks, batches):
    """What reaches the first block, batch by batch, and the arguments that come with it."""

    class Reached(Exception):
        pass

    states, arguments = [], {}

    def catch(_, args, kwargs):
        states.append(args[0] if args else kwargs.pop("hidden_states"))
        arguments.update(kwargs)
        raise Reached

    hook = blocks[0].register_forward_pre_hook(catch, with_kwargs=True)
    for batch in batches:
        try:
            model(batch, use_cache=False)
        except Reached:
            pass
    hook.remove()
    arguments.pop("past_key_values", None)
    return states, arguments


def forward(block, hidden, arguments):
    output = block(hidden, **arguments)
    return output[0] if isinstance(output, tuple) else output


def prune(layer, inputs, method, sparsity):
    factor = inputs.squares.sqrt() if method == "wanda" else inputs.variance().sqrt()
    metric = layer.weight.abs() * factor
    least = metric.topk(int(metric.shape[1] * sparsity), dim=1, largest=False, sorted=False).indices
    mask = torch.zeros_like(metric, dtype=torch.bool).scatter_(1, least, True)
    if method == "stade" and layer.bias is not None:
        layer.bias += (layer.weight.float() * mask) @ inputs.mean()
    layer.weight[mask] = 0
    return int(mask.sum())


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model"), parser.add_argument("text"), parser.add_argument("out")
    parser.add_argument("--method", choices=["wanda", "stade"], default="wanda")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.perf_counter()

    model = AutoModelForCausalLM.from_pretrained(
        options.model, dtype=getattr(torch, options.precision)).eval()
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    with open(options.text, encoding="utf-8", newline="") as file:
        tokens = tokenizer(file.read(), return_tensors="pt", verbose=False).input_ids[0]
    bound = len(tokens) - options.length + 1
    windows = torch.stack(
        [tokens[at : at + options.length] for at in window_starts(options.samples, bound)])
    # About 2048 tokens at a time: smaller batches waste time, larger ones memory.
    batches = windows.split(max(1, 2048 // options.length))
    base = model.get_decoder()
    blocks = base.layers
    states, arguments = first_inputs(model, blocks, batches)

    in_blocks = time.perf_counter()
    zeros = 0
    for block in blocks:
        layers = [part for part in block.modules() if isinstance(part, torch.nn.Linear)]
        inputs = {layer: Inputs(layer.in_features) for layer in layers}
        hooks = [
            layer.register_forward_pre_hook(lambda layer, args: inputs[layer].add(args[0]))
            for layer in layers]
        for hidden in states:
            forward(block, hidden, arguments)
        for hook in hooks:
            hook.remove()
        zeros += sum(prune(layer, inputs[layer], options.method, 0.5) for layer in layers)
        states = [forward(block, hidden, arguments) for hidden in states]
    in_blocks = time.perf_counter() - in_blocks

    model.to(torch.bfloat16).save_pretrained(options.out)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{seconds:.3f} {in_blocks:.3f} {peak} {zeros}")


if __name__ == "__main__":
    main()
