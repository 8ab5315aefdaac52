#!/usr/bin/env python3
"""Write what diffusers and transformers make of pipelines' configs as their authors published them.

    pip install -r requirements.txt
    make_published_goldens.py Tests/Goldens/published [--hollow OUT_FOLDER]

Each folder of Tests/Goldens/published holds the configs of one pipeline, without weights. The networks are made on torch's
meta device, where a tensor has a shape and no data. networks.json says of each: `parameters` (their count), `tensors` (how
many) and `sha256`, of a line "NAME SHAPE" for each tensor, sorted by name.

With --hollow the folders are written below OUT_FOLDER as well, with F16 weights whose data are holes in the file.
"""

import argparse
import hashlib
import json
import shutil
import struct
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import lined_json


def network(folder):
    """Returns the network that `folder`/config.json describes, on the meta device, or None without one."""
    path = folder / "config.json"
    if not path.exists() or "tokenizer" in folder.name:
        return None
    config = json.loads(path.read_text())
    with torch.device("meta"):
        if "architectures" in config:
            classes = {c.__name__: c for c in (CLIPTextModel, CLIPTextModelWithProjection)}
            return classes[config["architectures"][0]](CLIPTextConfig(**config))
        classes = {c.__name__: c for c in (AutoencoderKL, UNet2DConditionModel)}
        return classes[config["_class_name"]].from_config(config)


def shapes(model):
    """Returns {name: shape} of a network's tensors, sorted by name, without the buffers that are not saved."""
    return {name: list(tensor.shape) for name, tensor in sorted(model.state_dict().items())
            if not name.endswith("position_ids")}


def facts(tensors):
    """Returns what networks.json says of a network with these tensors."""
    lines = "".join(f"{name} {'x'.join(map(str, shape))}\n" for name, shape in tensors.items())
    return {"parameters": sum(torch.Size(shape).numel() for shape in tensors.values()), "tensors": len(tensors),
            "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def write_hollow(tensors, path):
    """Writes a safetensors file of F16 `tensors` whose data are a hole."""
    header, offset = {}, 0
    for name, shape in tensors.items():
        end = offset + 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hollow", type=Path)
    arguments = parser.parse_args()
    golden = {}
    for pipeline in sorted(path for path in arguments.folder.iterdir() if path.is_dir()):
        if arguments.hollow:
            shutil.copytree(pipeline, arguments.hollow / pipeline.name, dirs_exist_ok=True)
        for folder in sorted(path for path in pipeline.iterdir() if path.is_dir()):
            model = network(folder)
            if model is None:
                continue
            tensors = shapes(model)
            golden.setdefault(pipeline.name, {})[folder.name] = facts(tensors)
            if arguments.hollow:
                stem = "model" if "encoder" in folder.name else "diffusion_pytorch_model"
                write_hollow(tensors, arguments.hollow / pipeline.name / folder.name / f"{stem}.safetensors")
    lined_json.write(arguments.folder / "networks.json", golden)


if __name__ == "__main__":
    main()
