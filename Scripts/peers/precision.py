#!/usr/bin/env python3
"""Compare what bf16 costs here and in torch: one step of a pipeline folder, bf16 against float32, relative L2 error.

    precision.py SSD1B_BINARY MODEL_FOLDER [WxH]      (needs the packages of requirements.txt, safetensors and 14 GB)

Guidance is off, so that the numbers are the UNet's own prediction and not a difference of two. Both programs begin
from the same seed's noise, and ours in float32 is also held against torch's.
"""
import gc
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import load_file

PROMPT, SEED = "a fox on a blue background", 7


def ours(binary, model, size, precision):
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            f"prompt {PROMPT}", f"seed {SEED}", f"size {size}", "cfg 1", f"precision {precision}",
            f"generate steps=1 out={folder}/picture.png", f"dump noise {folder}",
        ]
        arguments = [word for command in commands for word in ("-c", command)]
        subprocess.run([binary, "--model", model, *arguments], check=True, capture_output=True)
        return load_file(next(Path(folder).glob("*.safetensors")))["noise_pred.0"]


def theirs(model, size, dtype):
    width, height = (int(part) for part in size.split("x"))
    pipe = StableDiffusionXLPipeline.from_pretrained(model, variant="fp16", torch_dtype=dtype)
    kept = []
    pipe.unet.register_forward_hook(lambda _, __, output: kept.append(output[0].float()))
    noise = torch.randn(
        (1, 4, height // 8, width // 8), generator=torch.Generator("cpu").manual_seed(SEED), dtype=torch.float32)
    pipe(
        PROMPT, guidance_scale=1.0, num_inference_steps=1, width=width, height=height, latents=noise.to(dtype),
        output_type="latent")
    del pipe
    gc.collect()
    return kept[0]


def error(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def main():
    binary, model, size = (sys.argv[1:] + ["512x512"])[:3]
    with torch.no_grad():
        full = theirs(model, size, torch.float32)
        half = theirs(model, size, torch.bfloat16)
    ours_full, ours_half = ours(binary, model, size, "f32"), ours(binary, model, size, "bf16")
    print(f"ours f32 against torch f32:   {error(ours_full, full):.3e}")
    print(f"torch bf16 against torch f32: {error(half, full):.3e}")
    print(f"ours bf16 against torch f32:  {error(ours_half, full):.3e}")
    print(f"ours bf16 against ours f32:   {error(ours_half, ours_full):.3e}")


if __name__ == "__main__":
    main()
