#!/usr/bin/env python3
"""Write Tests/Goldens/kernels: what torch computes, in double precision, for small inputs of every kernel.

    pip install numpy==2.4.6 torch==2.15.0
    python3 Scripts/goldens/make_kernel_goldens.py Tests/Goldens/kernels

kernels.json has one case a line: the op, its numbers, and for each tensor its shape and its place in kernels.f32 (float32,
little-endian). Tensors have channels last; weights are laid out as in a checkpoint, with values that `type` can hold.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

generator = torch.Generator().manual_seed(7)
values, cases, count = [], [], 0


def random(*shape, scale=1.0, type=torch.float32):
    return (torch.randn(shape, generator=generator) * scale).to(type).double()


def case(name, op, numbers, **tensors):
    global count
    places = {}
    for key, tensor in tensors.items():
        if tensor is None:
            continue
        places[key] = dict(shape=list(tensor.shape), at=count)
        values.append(tensor.float().contiguous().numpy().ravel())
        count += tensor.numel()
    cases.append(dict(name=name, op=op, tensors=places, **numbers))


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def activated(y, activation):
    functions = dict(silu=F.silu, gelu=F.gelu, quick_gelu=lambda v: v * torch.sigmoid(1.702 * v))
    return functions[activation](y) if activation else y


TYPES = dict(float32=torch.float32, float16=torch.float16, bfloat16=torch.bfloat16)


def convolution(name, n, h, w, c, out, kernel, stride=1, pad=(0, 0), type="float32", bias=True, per_channel=False,
                activation=None, residual=False):
    x = random(n, c, h, w)
    weight = random(out, c, kernel, kernel, scale=0.3, type=TYPES[type])
    b = random(out) if bias else None
    y = F.conv2d(F.pad(x, (pad[0], pad[1], pad[0], pad[1])), weight, b, stride=stride)
    v = random(n, out) if per_channel else None
    if per_channel:
        y = y + v[:, :, None, None]
    y = activated(y, activation)
    extra = channels_last(random(*y.shape)) if residual else None
    y = channels_last(y)
    y = y + extra if residual else y
    case(name, "conv2d", dict(out=out, kernel=kernel, stride=stride, padBefore=pad[0], padAfter=pad[1], type=type,
                              activation=activation), x=channels_last(x), weight=weight, bias=b, perChannel=v,
         residual=extra, expected=y)


def linear(name, rows, features, out, type="float32", bias=True, activation=None, residual=False):
    x, weight = random(2, rows, features), random(out, features, scale=0.3, type=TYPES[type])
    b, extra = random(out) if bias else None, random(2, rows, out) if residual else None
    y = activated(F.linear(x, weight, b), activation)
    y = y + extra if residual else y
    case(name, "linear", dict(type=type, activation=activation), x=x, weight=weight, bias=b, residual=extra, expected=y)


def attention(name, n, tokens, keys, heads, size, causal=False):
    q, k, v = random(n, tokens, heads * size), random(n, keys, heads * size), random(n, keys, heads * size)
    split = lambda t: t.unflatten(2, (heads, size)).transpose(1, 2)
    y = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=causal).transpose(1, 2).flatten(2)
    case(name, "attention", dict(heads=heads, causal=causal), q=q, k=k, v=v, expected=y)


def group_norm(name, n, h, w, c, groups, epsilon, activation=None, offset=0.0):
    x, gamma, beta = random(n, c, h, w, scale=2) + offset, random(c), random(c)
    x = x.float().double()
    y = activated(F.group_norm(x, groups, gamma, beta, epsilon), activation)
    case(name, "group_norm", dict(groups=groups, epsilon=epsilon, activation=activation), x=channels_last(x),
         gamma=gamma, beta=beta, expected=channels_last(y))


def main():
    convolution("3x3, padded, batch 2", 2, 5, 6, 7, 9, 3, pad=(1, 1))
    convolution("3x3, stride 2, zeros after only", 1, 6, 8, 5, 6, 3, stride=2, pad=(0, 1), type="float16")
    convolution("3x3, stride 2, padded, one channel", 2, 7, 5, 1, 4, 3, stride=2, pad=(1, 1), type="bfloat16")
    convolution("pointwise", 2, 4, 3, 10, 8, 1, bias=False)
    convolution("all of an epilogue", 2, 4, 5, 6, 7, 3, pad=(1, 1), per_channel=True, activation="silu", residual=True)
    linear("plain", 5, 12, 9)
    linear("float16, GELU and a residual", 3, 33, 17, type="float16", activation="gelu", residual=True)
    linear("bfloat16 without a bias", 4, 8, 5, type="bfloat16", bias=False, activation="quick_gelu")
    attention("two heads", 2, 9, 9, 2, 8)
    attention("causal", 1, 13, 13, 3, 8, causal=True)
    attention("cross, 77 keys", 2, 6, 77, 2, 16)
    group_norm("32 groups", 2, 4, 3, 64, 32, 1e-5)
    group_norm("one group, far from zero, SiLU", 1, 5, 4, 6, 1, 1e-6, "silu", offset=50)
    x, gamma, beta = random(2, 4, 40, scale=3) + 1, random(40), random(40)
    x = x.float().double()
    case("rows of 40", "layer_norm", dict(epsilon=1e-5), x=x, gamma=gamma, beta=beta,
         expected=F.layer_norm(x, (40,), gamma, beta, 1e-5))
    x = torch.linspace(-12, 12, 481).float().double()[None]
    for name in ("silu", "gelu", "quick_gelu"):
        case("-12 to 12", "activation", dict(activation=name), x=x, expected=activated(x, name))
    x = random(2, 3, 14, scale=3)
    case("halves of 7", "geglu", {}, x=x, expected=x[..., :7] * F.gelu(x[..., 7:]))
    x = random(2, 3, 3, 5)
    for height, width in ((6, 10), (7, 8)):
        y = F.interpolate(x, size=(height, width), mode="nearest")
        case(f"to {height}x{width}", "upsample", dict(height=height, width=width), x=channels_last(x),
             expected=channels_last(y))

    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    versions = dict(torch=torch.__version__.split("+")[0], numpy=np.__version__)
    lines = ",\n".join(json.dumps(c) for c in cases)
    (folder / "kernels.json").write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n')
    np.concatenate(values).astype("<f4").tofile(folder / "kernels.f32")


if __name__ == "__main__":
    main()
