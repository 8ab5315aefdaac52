"""Writes Tests/Goldens/checkpoints: files by the safetensors library, by huggingface_hub and by numpy.

Run from the top of the repository: python Scripts/goldens/make_checkpoint_goldens.py
"""

import hashlib
import json
from pathlib import Path

import numpy
import torch
from huggingface_hub import save_torch_state_dict
from safetensors.torch import load_file, save_file

FOLDER = Path(__file__).resolve().parents[2] / "Tests/Goldens/checkpoints"

TYPES = {
    "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64,
    "I8": torch.int8, "I16": torch.int16, "I32": torch.int32, "I64": torch.int64,
    "U8": torch.uint8, "U16": torch.uint16, "U32": torch.uint32, "U64": torch.uint64,
    "BOOL": torch.bool, "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}


def raw(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def write_types():
    """One tensor of every element type, an empty one, a scalar, and a name that JSON must escape."""
    tensors = {name: (torch.arange(6) % 2).reshape(2, 3).to(dtype) for name, dtype in TYPES.items()}
    tensors["empty"] = torch.zeros(0, 4)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["na\"me/é"] = torch.tensor([1.0, -2.0, 3.5])
    path = FOLDER / "types.safetensors"
    save_file(tensors, path, metadata={"format": "pt", "note": "zwölf \"quoted\""})
    names = {tensor: name for name, tensor in TYPES.items()}
    return {
        name: {
            "dtype": names[tensor.dtype], "shape": list(tensor.shape),
            "sha256": hashlib.sha256(raw(tensor)).hexdigest(),
        }
        for name, tensor in load_file(path).items()
    }


def write_shards():
    """A component in three shards with its index, as diffusers saves it."""
    folder = FOLDER / "sharded/unet"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    tensors = {f"blocks.{index}.weight": torch.randn(4, 8) for index in range(5)}
    save_torch_state_dict(
        tensors, folder, filename_pattern="diffusion_pytorch_model{suffix}.safetensors", max_shard_size=2 * 4 * 8 * 4)
    return {name: hashlib.sha256(raw(tensor)).hexdigest() for name, tensor in tensors.items()}


def write_arrays():
    """The bytes that numpy.save writes for small float32 arrays."""
    arrays = []
    for shape in [(), (3,), (2, 3), (1, 4, 2, 2), (0, 5)]:
        count = int(numpy.prod(shape))
        array = (numpy.arange(count, dtype=numpy.float32) / 4 - 1).reshape(shape)
        path = FOLDER / "array.npy"
        numpy.save(path, array)
        arrays.append({"shape": list(shape), "values": array.reshape(-1).tolist(), "file": path.read_bytes().hex()})
        path.unlink()
    return arrays


FOLDER.mkdir(parents=True, exist_ok=True)
golden = {"types": write_types(), "shards": write_shards(), "arrays": write_arrays()}
(FOLDER / "golden.json").write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
