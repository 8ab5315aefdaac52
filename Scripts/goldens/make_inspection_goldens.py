#!/usr/bin/env python3
"""Writes Tests/Goldens/inspection: figures of tensors by numpy, interpolation by torch, CSV by Python's csv.

Run from the top of the repository: python Scripts/goldens/make_inspection_goldens.py

    values.safetensors          a tensor of every element type, with what is special in each
    old, new.safetensors        two small networks of blocks, the new one shorter and moved a little
    inspection.json             numpy's figures of all of them
"""

import csv
import io
import json
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional
from safetensors.torch import save_file

from make_checkpoint_goldens import TYPES

FOLDER = Path(__file__).resolve().parents[2] / "Tests/Goldens/inspection"
BINS = 10


def values():
    """1003 normal numbers of each type, rounded, with zeros; those of floating point with NaN and infinities."""
    torch.manual_seed(3)
    tensors = {}
    for name, dtype in TYPES.items():
        numbers = torch.randn(1003, dtype=torch.float64) * 30
        numbers[::17] = 0
        if not dtype.is_floating_point:
            if name.startswith("U"):
                numbers = numbers.abs()
            numbers = (numbers > 0) if name == "BOOL" else numbers.round().to(torch.int64)
        tensor = numbers.to(dtype)
        if dtype.is_floating_point:
            special = torch.tensor([float("nan"), float("nan")], dtype=torch.float64)
            if name != "F8_E4M3":  # which has no infinities
                special = torch.cat([special, torch.tensor([float("inf"), float("-inf"), float("inf")], dtype=torch.float64)])
            tensor = torch.cat([tensor.to(torch.float64), special]).to(dtype)
        tensors[name] = tensor
    tensors["subnormal"] = torch.tensor([5.960464477539063e-08, -1.1920928955078125e-07, 0.0], dtype=torch.float16)
    tensors["constant"] = torch.full((7, 3), 0.25, dtype=torch.float32)
    tensors["empty"] = torch.zeros(0, 4)
    save_file(tensors, FOLDER / "values.safetensors")
    return {name: figures(tensor.to(torch.float64).numpy()) for name, tensor in tensors.items()}


def figures(array):
    """numpy's figures of the finite numbers of `array`."""
    array = array.reshape(-1)
    finite = array[numpy.isfinite(array)]
    result = {"count": array.size, "zeros": int((array == 0).sum()), "nan": int(numpy.isnan(array).sum()),
              "inf": int(numpy.isinf(array).sum())}
    if finite.size:
        counts, edges = numpy.histogram(finite, bins=BINS)
        result |= {"min": finite.min(), "max": finite.max(), "mean": finite.mean(), "std": finite.std(),
                   "norm": numpy.linalg.norm(finite), "histogram": counts.tolist(), "edges": edges.tolist()}
    return result


def networks():
    """Blocks of two linear layers: five in the old network; the new one's three are near the old 0, 4 and 1."""
    torch.manual_seed(4)
    dtypes = [torch.float16, torch.bfloat16, torch.float32]
    old, new = {}, {}
    for block in range(5):
        old[f"blocks.{block}.first.weight"] = torch.randn(24, 16).to(dtypes[block % 3])
        old[f"blocks.{block}.second.weight"] = torch.randn(16, 24).to(dtypes[block % 3])
    for block, (source, noise) in enumerate([(0, 0.1), (4, 0.5), (1, 1.0)]):
        for layer in ("first", "second"):
            weight = old[f"blocks.{source}.{layer}.weight"].to(torch.float32)
            new[f"blocks.{block}.{layer}.weight"] = (weight + noise * torch.randn_like(weight)).to(torch.float16)
    save_file(old, FOLDER / "old.safetensors")
    save_file(new, FOLDER / "new.safetensors")

    def vector(tensors, block):
        return numpy.concatenate(
            [tensors[f"blocks.{block}.{layer}.weight"].to(torch.float64).numpy().reshape(-1) for layer in ("first", "second")])

    def cosine(a, b):
        return float(a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b)))

    moved = {}
    for key, tensor in new.items():
        a, b = (t.to(torch.float64).numpy().reshape(-1) for t in (old[key], tensor))
        moved[key] = {"relative_l2": float(numpy.linalg.norm(b - a) / numpy.linalg.norm(a)), "cosine": cosine(a, b)}
    return {"moved": moved,
            "cosines": [[cosine(vector(old, i), vector(new, j)) for i in range(5)] for j in range(3)]}


def interpolation():
    torch.manual_seed(5)
    cases = []
    for source, target in [((2, 3), (8, 12)), ((4, 4), (16, 16)), ((5, 7), (13, 9)), ((8, 8), (8, 8)), ((16, 16), (5, 5))]:
        x = torch.randn(source)
        y = functional.interpolate(x[None, None], size=target, mode="bicubic", align_corners=False)[0, 0]
        cases.append({"from": source, "to": target, "values": x.reshape(-1).tolist(), "result": y.reshape(-1).tolist()})
    return cases


def table():
    rows = [["path", "n"], ["plain", 1], ["with, comma", 2.5], ["with \"quotes\"", ""], ["ümlaut 漢字", -3]]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    document = {"values": values(), "networks": networks(), "bicubic": interpolation(), "csv": table()}
    (FOLDER / "inspection.json").write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
    for path in FOLDER.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
