"""mixtures.py: mixtures of experts for the reference program, which knows linear layers alone. Used by families.py.

`unfuse` takes the experts of a model apart into linear layers under the names that they have in the file.
`count_by_weight` has the reference's statistics count each token of an expert as often as the square of the weight with
which the expert's output is used; where an expert serves fewer tokens than an input has features, all tokens of the
block stand for them, each once. Routers and shared experts stay as they are.
"""
import math

import torch

from native_fallback import change

# How the layers of an expert are called in the file, and what comes before.
GATED = ("gate_proj", "up_proj", "down_proj")
NUMBERED = ("w1", "w3", "w2")
# Gate and up in one.
FUSED = ("gate_up_proj", "down_proj")
LINEAR = ("input_linear", "output_linear")


class Experts(torch.nn.Module):
    """The experts of a block as linear layers; what they compute is the modeling file's."""

    def __init__(self, fused, names):
        super().__init__()
        self.names = names
        gate_up, down = fused.gate_up_proj.data, fused.down_proj.data
        # Some are stored as [in, out].
        isTransposed = gate_up.shape[1] == down.shape[2] and hasattr(fused, "gate_up_proj_bias")
        if isTransposed:
            gate_up, down = gate_up.transpose(1, 2), down.transpose(1, 2)
        biases = [getattr(fused, f"{name}_bias", None) for name in ("gate_up_proj", "down_proj")]
        self.act_fn = getattr(fused, "act_fn", None)
        self.apply_gate = getattr(fused, "_apply_gate", None) if self.act_fn is None else None
        for expert in range(gate_up.shape[0]):
            child = torch.nn.Module()
            first = gate_up[expert].chunk(2) if len(names) == 3 else [gate_up[expert]]
            for name, weight, bias in zip(
                    names, [*first, down[expert]], [None] * 3 if len(names) == 3 else [b if b is None else b[expert] for b in biases]):
                layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
                layer.weight.data = weight.contiguous().clone()
                if bias is not None:
                    layer.bias.data = bias.data.clone()
                layer.shares, layer.isPooled = None, False
                setattr(child, name, layer)
            self.add_module(str(expert), child)

    def run(self, child, x):
        layers = [getattr(child, name) for name in self.names]
        if len(layers) == 3:
            gate, up = layers[0](x), layers[1](x)
        elif self.apply_gate is not None:
            return layers[1](self.apply_gate(layers[0](x)))
        else:
            gate, up = layers[0](x).chunk(2, dim=-1)
        return layers[-1](self.act_fn(gate) * up)

    def forward(self, hidden, top_k_index, top_k_weights):
        shape = hidden.shape
        hidden = hidden.reshape(-1, shape[-1])
        result = torch.zeros_like(hidden)
        for expert, child in self.named_children():
            if not expert.isdigit():
                continue
            layers = [getattr(child, name) for name in self.names]
            token, place = torch.where(top_k_index == int(expert))
            weights = top_k_weights[token, place]
            for layer in layers:
                layer.shares = weights
            if len(token):
                result.index_add_(0, token, self.run(child, hidden[token]) * weights[:, None])
            if any(layer._forward_hooks for layer in layers):
                for layer in layers:
                    layer.isPooled = True
                self.run(child, hidden)
                for layer in layers:
                    layer.isPooled = False
        return result.reshape(shape)


def unfuse(model, names):
    """The same model with linear layers in place of tensors that are all experts'."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if hasattr(child, "gate_up_proj") and isinstance(child.gate_up_proj, torch.nn.Parameter):
                setattr(parent, name, Experts(child, names))
    return model


def count_by_weight(oracle):
    class Moments(oracle.Moments):
        """Sums of what is routed to an expert, and of all tokens; or of a layer that is no expert's."""

        def __init__(self, gram=False, stride=0):
            super().__init__(gram, stride)
            self.rows, self.shares, self.all, self.features = [], [], oracle.Plain(gram, 0), None

        def add(self, x, module):
            x = x.reshape(-1, x.shape[-1])
            if getattr(module, "shares", None) is None:
                return super().add(x)
            self.features = x.shape[-1]
            (self.all_rows if module.isPooled else self.rows).append(x.double())
            if not module.isPooled:
                self.shares.append(module.shares.double())

        @property
        def all_rows(self):
            return self.__dict__.setdefault("_all_rows", [])

        def settle(self):
            """Once all is there."""
            if self.features is None:
                return
            rows = torch.cat(self.rows) if self.rows else torch.zeros(0, self.features)
            shares = torch.cat(self.shares) if self.rows else torch.zeros(0)
            # Of the squared output, by the weights with which it is used.
            self.use = (shares.double() ** 2).sum().item() / len(torch.cat(self.all_rows))
            if len(rows) < self.features:
                rows = torch.cat(self.all_rows)
                shares = torch.ones(len(rows))
            shares = shares.double() * (len(rows) / (shares.double() ** 2).sum()).sqrt()
            self.features = None
            self.n = len(rows)
            self.sum = (rows * shares[:, None] ** 2).sum(0)
            self.sum2 = (rows**2 * shares[:, None] ** 2).sum(0)
            if self.gram is not None:
                self.gram = (rows * shares[:, None]).T @ (rows * shares[:, None])
            if self.stride:
                step = math.ceil(len(rows) / 4096)
                self.sample = [rows[::step]]
                self.sample_shares = shares[::step]

    def scales_of(old, new, moments, compensation):
        x = torch.cat(moments.sample)
        w = getattr(moments, "sample_shares", torch.ones(len(x)).double())[:, None] ** 2
        y, z = x @ old.T, x @ new.T
        if compensation == "affine":
            y, z = y - (w * y).sum(0) / w.sum(), z - (w * z).sum(0) / w.sum()
        power = (w * z * z).sum(0)
        return torch.where(power > 0, ((w * y * z).sum(0) / power).clamp(0.5, 3), 1.0)

    linears = oracle.linears
    oracle.linears = lambda block: {
        name: layer for name, layer in linears(block).items()
        if not any(part in name for part in ("shared_expert", "shared_mlp", "router")) and not name.endswith("mlp.gate")}
    oracle.Plain, oracle.Moments, oracle.scales_of = oracle.Moments, Moments, scales_of
    change(oracle, "lambda _, a, o, n=n: moments[n].add(a[0])", "lambda layer, a, o, n=n: moments[n].add(a[0], layer)")
    change(oracle, "            m, key = moments[name], ", "            moments[name].settle()\n            m, key = moments[name], ")
