#!/usr/bin/env python3
"""Writes a Hugging Face checkpoint of a real model's shape with random weights, and a token file.

    synthetic.py OUT [--shape 7b] [--layers N] [--samples 4] [--length 128] [--shard 5000000000] [--zeros]

OUT/model gets config.json and bfloat16 weights from N(0, 0.02) in shards, OUT/tokens.safetensors the tensors
that a manifest's `tokens` names: no tokenizer is needed. Python 3 alone. Weights repeat after 16 Mi values,
from another place in each tensor, so that writing them costs no more than the disk does.
"""
import argparse
import json
import os
import random
import struct
import sys

# hidden_size, intermediate_size, layers, heads, key/value heads, vocab_size, tied embeddings. Source: the
# models' config.json on the Hugging Face hub.
SHAPES = {
    "135m": (576, 1536, 30, 9, 3, 49152, True),  # SmolLM2-135M
    "1b": (2048, 8192, 16, 32, 8, 128256, True),  # Llama-3.2-1B
    "7b": (4096, 11008, 32, 32, 32, 32000, False),  # Llama-2-7b
    "8b": (4096, 14336, 32, 32, 8, 128256, False),  # Llama-3.1-8B
    "70b": (8192, 28672, 80, 64, 8, 128256, False),  # Llama-3.1-70B
    "405b": (16384, 53248, 126, 128, 8, 128256, False),  # Llama-3.1-405B
}
# hidden_size, moe_intermediate_size, layers, heads, key/value heads, head_dim, vocab_size, experts, experts of a token.
MIXTURES = {
    "30b-a3b": (2048, 768, 48, 32, 4, 128, 151936, 128, 8),  # Qwen3-30B-A3B
    "235b-a22b": (4096, 1536, 94, 64, 4, 128, 151936, 128, 8),  # Qwen3-235B-A22B
}
PATTERN = 1 << 24  # values
CHUNK = 1 << 24  # bytes


def tensors(shape, layers):
    """Names and shapes in the order in which they are stored."""
    hidden, inner, _, heads, groups, vocabulary, tied = shape
    keys = hidden // heads * groups
    yield "model.embed_tokens.weight", [vocabulary, hidden]
    for index in range(layers):
        block = f"model.layers.{index}."
        yield block + "input_layernorm.weight", [hidden]
        yield block + "mlp.down_proj.weight", [hidden, inner]
        yield block + "mlp.gate_proj.weight", [inner, hidden]
        yield block + "mlp.up_proj.weight", [inner, hidden]
        yield block + "post_attention_layernorm.weight", [hidden]
        yield block + "self_attn.k_proj.weight", [keys, hidden]
        yield block + "self_attn.o_proj.weight", [hidden, hidden]
        yield block + "self_attn.q_proj.weight", [hidden, hidden]
        yield block + "self_attn.v_proj.weight", [keys, hidden]
    yield "model.norm.weight", [hidden]
    if not tied:
        yield "lm_head.weight", [vocabulary, hidden]


def mixture_tensors(shape, layers):
    """The same for a mixture of experts."""
    hidden, inner, _, heads, groups, head, vocabulary, experts, _ = shape
    yield "model.embed_tokens.weight", [vocabulary, hidden]
    for index in range(layers):
        block = f"model.layers.{index}."
        yield block + "input_layernorm.weight", [hidden]
        for expert in range(experts):
            yield f"{block}mlp.experts.{expert}.down_proj.weight", [hidden, inner]
            yield f"{block}mlp.experts.{expert}.gate_proj.weight", [inner, hidden]
            yield f"{block}mlp.experts.{expert}.up_proj.weight", [inner, hidden]
        yield block + "mlp.gate.weight", [experts, hidden]
        yield block + "post_attention_layernorm.weight", [hidden]
        yield block + "self_attn.k_norm.weight", [head]
        yield block + "self_attn.k_proj.weight", [groups * head, hidden]
        yield block + "self_attn.o_proj.weight", [hidden, heads * head]
        yield block + "self_attn.q_norm.weight", [head]
        yield block + "self_attn.q_proj.weight", [heads * head, hidden]
        yield block + "self_attn.v_proj.weight", [groups * head, hidden]
    yield "model.norm.weight", [hidden]
    yield "lm_head.weight", [vocabulary, hidden]


def configuration(name, layers):
    """config.json, its number of blocks included."""
    common = {"hidden_act": "silu", "torch_dtype": "bfloat16", "num_hidden_layers": layers}
    if name in MIXTURES:
        hidden, inner, _, heads, groups, head, vocabulary, experts, chosen = MIXTURES[name]
        return common | {
            "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_size": hidden,
            "intermediate_size": 3 * hidden, "moe_intermediate_size": inner, "num_experts": experts,
            "num_experts_per_tok": chosen, "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [],
            "num_attention_heads": heads, "num_key_value_heads": groups, "head_dim": head, "vocab_size": vocabulary,
            "attention_bias": False, "max_position_embeddings": 40960, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
            "tie_word_embeddings": False,
        }
    hidden, inner, _, heads, groups, vocabulary, tied = SHAPES[name]
    return common | {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
        "intermediate_size": inner, "num_attention_heads": heads, "num_key_value_heads": groups,
        "vocab_size": vocabulary, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
    }


def normal_bytes(seed):
    """PATTERN bfloat16 from N(0, 0.02), little-endian: one of 65536 quantiles for each random pair of bytes."""
    from statistics import NormalDist

    inverse = NormalDist(0, 0.02).inv_cdf
    quantiles = []
    for i in range(65536):
        bits = struct.unpack("<I", struct.pack("<f", inverse((i + 0.5) / 65536)))[0]
        quantiles.append((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    low = bytes(q & 255 for q in quantiles)
    high = bytes(q >> 8 for q in quantiles)
    draws = random.Random(seed).randbytes(2 * PATTERN)
    result = bytearray(2 * PATTERN)
    indices = memoryview(draws).cast("H")
    step = 1 << 20
    for start in range(0, PATTERN, step):
        part = indices[start : start + step]
        result[2 * start : 2 * (start + step) : 2] = bytes(map(low.__getitem__, part))
        result[2 * start + 1 : 2 * (start + step) : 2] = bytes(map(high.__getitem__, part))
    return bytes(result)


def write_header(file, entries):
    text = json.dumps({"__metadata__": {"format": "pt"}, **entries}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)


def write_shard(path, shard, pattern, generator):
    entries, offset = {}, 0
    for name, shape in shard:
        end = offset + size(shape)
        entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    with open(path, "wb", buffering=0) as file:
        write_header(file, entries)
        if pattern is None:
            file.truncate(file.tell() + offset)
            return
        written = 0
        for name, shape in shard:
            left = size(shape)
            if len(shape) == 1:  # Norms are about one.
                file.write(struct.pack("<H", 0x3F80) * shape[0])
                written += left
                continue
            place = 2 * generator.randrange(PATTERN)
            view = memoryview(pattern)
            while left:
                part = view[place : place + min(left, CHUNK)]
                file.write(part)
                left -= len(part)
                written += len(part)
                place = (place + len(part)) % len(pattern)
                if written >= 1 << 28:  # Not to fill memory with what waits for the disk.
                    os.fdatasync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    written = 0
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size(shape):
    result = 2
    for extent in shape:
        result *= extent
    return result


def write_tokens(path, samples, length, vocabulary, generator):
    count = samples * length
    tokens = [generator.randrange(vocabulary) for _ in range(2 * count)]
    with open(path, "wb") as file:
        write_header(
            file,
            {
                "calibration": {
                    "dtype": "I32", "shape": [samples, length], "data_offsets": [0, 4 * count]},
                "evaluation": {"dtype": "I32", "shape": [count], "data_offsets": [4 * count, 8 * count]},
            },
        )
        file.write(struct.pack(f"<{2 * count}i", *tokens))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--shape", choices=[*SHAPES, *MIXTURES], default="7b")
    parser.add_argument("--layers", type=int, help="another number of blocks")
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--shard", type=int, default=5_000_000_000, help="bytes of a shard at most")
    parser.add_argument("--zeros", action="store_true", help="zeros that take no disk: enough for stadectl validate")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    is_mixture = options.shape in MIXTURES
    shape = (MIXTURES if is_mixture else SHAPES)[options.shape]
    layers = options.layers or shape[2]
    config = configuration(options.shape, layers)
    entries = list((mixture_tensors if is_mixture else tensors)(shape, layers))
    generator = random.Random(options.seed)
    model = os.path.join(options.out, "model")
    os.makedirs(model)
    with open(os.path.join(model, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    shards = [[]]
    for name, extents in entries:
        if shards[-1] and sum(size(s) for _, s in shards[-1]) + size(extents) > options.shard:
            shards.append([])
        shards[-1].append((name, extents))
    pattern = None if options.zeros else normal_bytes(options.seed)
    weight_map = {}
    for index, shard in enumerate(shards):
        name = f"model-{index + 1:05}-of-{len(shards):05}.safetensors" if len(shards) > 1 else "model.safetensors"
        write_shard(os.path.join(model, name), shard, pattern, generator)
        weight_map.update((tensor, name) for tensor, _ in shard)
    total = sum(size(extents) for _, extents in entries)
    if len(shards) > 1:
        with open(os.path.join(model, "model.safetensors.index.json"), "w") as file:
            json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file, indent=2)
    write_tokens(
        os.path.join(options.out, "tokens.safetensors"), options.samples, options.length, config["vocab_size"],
        generator)
    print(f"{model}: {total} bytes in {len(shards)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
