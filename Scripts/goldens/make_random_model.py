#!/usr/bin/env python3
"""Write a full-size pipeline folder with random weights, for measuring speed and memory.

    pip install numpy
    make_random_model.py OUT_FOLDER [--unet ssd1b_unet] [--architectures FOLDER]
                         [--tokenizers FOLDER] [--seed N]

The pictures it makes mean nothing, but the names, shapes, types and files are those of a published
checkpoint in the diffusers folder layout with fp16 files (4.5 GB for SSD-1B), and activations stay of
the order of one through the whole network. Tensors are drawn and written one after another, so little
memory is needed; the same seed writes the same bytes with the same numpy. FOLDER of --architectures
holds what make_architectures.py writes. The tokenizers come from a pipeline folder; those of the
embedded model serve, since all that counts here is that a prompt has 77 tokens.
"""

import argparse
import hashlib
import json
import math
import shutil
import struct
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 1 << 22  # values drawn at once: 16 MiB

INDEX = {
    "_class_name": "StableDiffusionXLPipeline", "_diffusers_version": "0.36.0",
    "feature_extractor": [None, None], "force_zeros_for_empty_prompt": True, "image_encoder": [None, None],
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
}
SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.36.0",
    "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
    "interpolation_type": "linear", "num_train_timesteps": 1000, "prediction_type": "epsilon",
    "steps_offset": 1, "timestep_spacing": "leading", "trained_betas": None, "use_karras_sigmas": False,
}


def spread(name, shape):
    """Returns (mean, standard deviation) of the values of tensor `name`."""
    if len(shape) == 1:
        is_scale = name.endswith(".weight")  # of a norm: every other weight has two dimensions or four
        return (1.0, 0.05) if is_scale else (0.0, 0.02)
    if name.endswith("embedding.weight"):
        return 0.0, 0.02  # a table: nothing is summed over its rows
    return 0.0, 1 / math.sqrt(math.prod(shape[1:]))  # keeps the variance from input to output


def values(name, shape, seed):
    """Yields tensor `name` in pieces of float16, from a stream of its own."""
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    generator = numpy.random.Generator(numpy.random.Philox(int.from_bytes(digest[:16], "little")))
    mean, deviation = (numpy.float32(number) for number in spread(name, shape))
    left = math.prod(shape)
    while left:
        piece = generator.standard_normal(min(left, CHUNK), dtype=numpy.float32)
        yield (mean + deviation * piece).astype("<f2")
        left -= len(piece)


def write_safetensors(path, tensors, seed):
    """Writes `tensors`, a {name: shape}, to `path`: header length, header, then the values in order."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in sorted(tensors.items()):
        end = offset + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begin at a multiple of eight
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in sorted(tensors.items()):
            for piece in values(name, shape, seed):
                file.write(piece.tobytes())
    return path.stat().st_size


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def published_config(config):
    """Returns `config` as the component's config.json states it."""
    config = dict(config)
    name = config.pop("_class_name")
    if "model_type" in config:
        return {"architectures": [name], **config, "torch_dtype": "float16"}
    return {"_class_name": name, "_diffusers_version": "0.36.0", **config}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    parser.add_argument("--unet", default="ssd1b_unet",
                        help="the UNet's file in --architectures, without .json")
    parser.add_argument("--architectures", type=Path, metavar="FOLDER",
                        default=ROOT / "Tests" / "Goldens" / "architectures")
    parser.add_argument("--tokenizers", type=Path, metavar="FOLDER",
                        default=ROOT / "Sources" / "CEmbeddedModel" / "model")
    parser.add_argument("--seed", type=int, default=0)
    request = parser.parse_args()

    components = {
        "unet": (request.unet, "diffusion_pytorch_model"), "vae": ("vae", "diffusion_pytorch_model"),
        "text_encoder": ("clip_l", "model"), "text_encoder_2": ("open_clip_bigg", "model"),
    }
    for folder, (architecture, file) in components.items():
        stated = json.loads((request.architectures / f"{architecture}.json").read_text(encoding="utf-8"))
        write_json(request.out / folder / "config.json", published_config(stated["config"]))
        path = request.out / folder / f"{file}.fp16.safetensors"
        # A component has its own stream: both text encoders use the same tensor names.
        size = write_safetensors(path, stated["tensors"], f"{request.seed} {folder}")
        print(f"{path}: {len(stated['tensors'])} tensors, {size:,} bytes", flush=True)
    for folder in ("tokenizer", "tokenizer_2"):
        (request.out / folder).mkdir(exist_ok=True)
        for source in sorted((request.tokenizers / folder).iterdir()):
            shutil.copyfile(source, request.out / folder / source.name)
    write_json(request.out / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_json(request.out / "model_index.json", INDEX)


if __name__ == "__main__":
    main()
