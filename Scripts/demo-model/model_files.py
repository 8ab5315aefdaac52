"""Writes the model as a diffusers folder of fp16 files, the folder the program embeds."""

import copy
import json
import shutil
from pathlib import Path

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

import denoiser
import emoji
import evaluation

FILES = [
    "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
    "text_encoder/model.fp16.safetensors", "text_encoder_2/config.json", "text_encoder_2/model.fp16.safetensors",
    "unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors", "vae/config.json",
    "vae/diffusion_pytorch_model.fp16.safetensors",
    *(f"{tokenizer}/{file}" for tokenizer in ("tokenizer", "tokenizer_2")
      for file in ("merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json")),
]  # fmt: skip


def scheduler():
    """As SSD-1B's own scheduler_config.json says."""
    return EulerDiscreteScheduler(**denoiser.SCHEDULE, prediction_type="epsilon", interpolation_type="linear",
                                  steps_offset=1, timestep_spacing="leading", use_karras_sigmas=False)  # fmt: skip


def write(vae, model, scaling_factor, tokenizers, folder):
    """Writes all of `FILES` and the settings a session starts with."""
    half = lambda module: copy.deepcopy(module).cpu().to(torch.float16, memory_format=torch.contiguous_format).eval()
    vae.register_to_config(scaling_factor=scaling_factor)
    StableDiffusionXLPipeline(
        vae=half(vae), text_encoder=half(model.text_encoder), text_encoder_2=half(model.text_encoder_2), unet=half(model.unet),
        tokenizer=tokenizers[0], tokenizer_2=tokenizers[1], scheduler=scheduler(), force_zeros_for_empty_prompt=True,
    ).save_pretrained(folder, safe_serialization=True, variant="fp16")  # fmt: skip
    start = dict(cfg=evaluation.GUIDANCE, steps=evaluation.STEPS, width=emoji.SIDE, height=emoji.SIDE)
    (Path(folder) / "start_values.json").write_text(json.dumps(start, indent=2) + "\n")


def install(folder):
    """Copies the model's files, the adapters and the figures to the sources of the program, and nothing else."""
    sources = Path(__file__).resolve().parents[2] / "Sources" / "CEmbeddedModel"
    shutil.copyfile(folder / "report.json", sources / "report.json")
    for file in [*FILES, "start_values.json"]:
        shutil.copyfile(folder / "model" / file, sources / "model" / file)
    (sources / "adapters").mkdir(exist_ok=True)
    for adapter in (folder / "adapters").glob("*.safetensors"):
        shutil.copyfile(adapter, sources / "adapters" / adapter.name)
