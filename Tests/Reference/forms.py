#!/usr/bin/env python3
"""Writes Tests/CheckpointTests/Fixtures: weights as torch.save writes them, FP8 and MXFP4, each with
what PyTorch and transformers read of them as safetensors."""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

OUT = pathlib.Path(__file__).parent.parent / "CheckpointTests" / "Fixtures"


def random(shape, generator, dtype=torch.float32):
    return torch.randn(shape, generator=generator).to(dtype)


def torch_weights():
    g = torch.Generator().manual_seed(1)
    shared = random((6, 10), g)
    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(random((2, 3), g))
        module.bias.copy_(random((2,), g))
    result = {
        "contiguous": random((4, 6), g),
        "transposed": random((5, 7), g).t(),
        "tied.first": shared,
        "tied.second": shared,
        "rows": shared[2:5],
        "columns": shared[:, 3:6],
        "every.second": shared[::2, 1::3],
        "permuted": random((2, 3, 4), g, torch.bfloat16).permute(2, 0, 1),
        "scalar": torch.tensor(2.5, dtype=torch.float16),
        "empty": torch.zeros((0, 4)),
        "parameter": torch.nn.Parameter(random((3, 3), g)),
        "f64": random((3,), g, torch.float64),
        "f16": random((3,), g, torch.float16),
        "bf16": random((3,), g, torch.bfloat16),
        "bool": torch.tensor([True, False, True]),
        "c64": torch.complex(random((2,), g), random((2,), g)),
        "e4m3": random((4,), g, torch.float8_e4m3fn),
    }
    for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]:
        result[name] = torch.arange(5).to(getattr(torch, name))
    state = module.state_dict()
    for name, tensor in result.items():
        state[name] = tensor
    return state


def plain(state):
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def write_torch():
    state = torch_weights()
    torch.save(state, OUT / "plain.bin")
    save_file(plain(state), OUT / "plain.safetensors")
    torch.save(dict(list(state.items())[:4]), OUT / "protocol4.bin", pickle_protocol=4)
    torch.save({"a": torch.zeros(2)}, OUT / "old.bin", _use_new_zipfile_serialization=False)


def write_float8():
    g = torch.Generator().manual_seed(2)
    every = torch.arange(256, dtype=torch.uint8)
    codes = torch.randint(0, 0x7E, (20, 40), generator=g, dtype=torch.uint8)
    codes |= torch.randint(0, 2, (20, 40), generator=g, dtype=torch.uint8) << 7
    stack = torch.randint(0, 0x70, (3, 20, 16), generator=g, dtype=torch.uint8)
    tensors, expected = {}, {}

    def add(name, weight, scale, block):
        key = name + "_scale_inv"
        tensors[name] = weight
        x = weight.to(torch.float32)
        if scale is not None:
            tensors[key] = scale
            s = scale.to(torch.float32)
            if scale.numel() > 1:
                s = s.repeat_interleave(block[0], -2).repeat_interleave(block[1], -1)
                s = s[..., : x.shape[-2], : x.shape[-1]]
            x = x * s
        expected[name] = x.to(torch.bfloat16)

    def scales(*shape):
        return torch.rand(shape, generator=g) * 0.01 + 1e-4

    e4, e5 = torch.float8_e4m3fn, torch.float8_e5m2
    add("all.e4m3.weight", every.view(16, 16).view(e4), scales(1, 1), (16, 16))
    add("all.e5m2.weight", every.view(16, 16).view(e5), scales(1, 1), (16, 16))
    add("ragged.weight", codes.view(e4), scales(2, 3), (16, 16))
    add("half.weight", codes.view(e4), scales(2, 3).to(torch.bfloat16), (16, 16))
    add("one.weight", codes.view(e4), torch.tensor(0.03), (1, 1))
    add("row.weight", codes.view(e4), scales(20, 1), (1, 40))
    add("power.weight", codes.view(e4), torch.tensor([[130, 120, 1], [127, 0, 99]], dtype=torch.uint8)
        .view(torch.float8_e8m0fnu), (16, 16))
    add("experts.down_proj", stack.view(e5), scales(3, 2, 1), (16, 16))
    tensors["one.activation_scale"] = torch.tensor(0.5)
    tensors["norm.weight"] = expected["norm.weight"] = torch.ones(4, dtype=torch.bfloat16)
    tensors["double"] = expected["double"] = torch.ones(4, dtype=torch.float64)
    save_file({k: v.clone() for k, v in tensors.items()}, OUT / "fp8.safetensors")
    save_file({k: v.clone() for k, v in expected.items()}, OUT / "fp8.expected.safetensors")


def write_mxfp4():
    g = torch.Generator().manual_seed(3)
    tensors, expected = {}, {}
    shape = (3, 40, 2, 16)
    blocks = torch.randint(0, 256, shape, generator=g, dtype=torch.uint8)
    scales = torch.randint(100, 140, shape[:3], generator=g, dtype=torch.uint8)
    edge = torch.arange(256, dtype=torch.uint8).view(1, 16, 1, 16)
    extremes = torch.tensor([0, 1, 2, 3, 7, 100, 126, 127, 128, 200, 250, 251, 252, 253, 1, 252],
                            dtype=torch.uint8).view(1, 16, 1)
    for name, b, s in [("gate_up_proj", blocks, scales), ("down_proj", edge, extremes)]:
        name = "model.layers.0.mlp.experts." + name
        tensors[name + "_blocks"], tensors[name + "_scales"] = b, s
        expected[name] = convert_moe_packed_tensors(b.clone(), s.clone())
    save_file(tensors, OUT / "mxfp4.safetensors")
    save_file(expected, OUT / "mxfp4.expected.safetensors")


OUT.mkdir(exist_ok=True)
write_torch()
write_float8()
write_mxfp4()
