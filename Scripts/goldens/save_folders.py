#!/usr/bin/env python3
"""Save one pipeline folder again with the installed diffusers, once for each scheduler and storage form.

    save_folders.py MODEL_FOLDER OUT_FOLDER

MODEL_FOLDER is a small SDXL-like pipeline. The folders are written to OUT_FOLDER/VERSION/NAME, where
VERSION is that of diffusers and NAME one of these:

    float32, fp16               plain file names, in either type
    fp16-variant                the same values as fp16, in files named .fp16.safetensors
    ...-sharded                 cut into files of at most 1 MB with an index, where this version can
    plain-beside-fp16           fp16 files, and plain float32 files with other values beside them
    newer-fields                configs that keep fields of a newer version, as loading MODEL_FOLDER with
                                this version and saving it again leaves them
    scheduler-CLASS[-SETTING]   fp16-variant with another scheduler; the weights are hard links

In all but newer-fields, fields unknown to this version are dropped from the configs, so that a folder
looks as if it came from this version in the first place. check_folders.py compares what diffusers and
ssd1b compute from the folders.

Each version needs an environment of its own (Python 3.11). These were found to work; each line follows
`pip install torch==2.13.0 ftfy==6.3.1 pillow==13.0.0 safetensors==0.8.0 scipy==1.17.1 torchsde==0.2.6`:

    diffusers==0.22.3 transformers==4.35.2 accelerate==0.24.1 huggingface_hub==0.19.4 numpy==1.26.4
    diffusers==0.27.2 transformers==4.39.3 accelerate==0.28.0 huggingface_hub==0.25.2 numpy==1.26.4
    diffusers==0.30.3 transformers==4.44.2 accelerate==0.34.2 huggingface_hub==0.36.2 numpy==1.26.4
    diffusers==0.36.0 transformers==4.57.6 accelerate==1.15.0 huggingface_hub==0.36.2 numpy==2.4.6
    diffusers==0.42.1 transformers==5.24.0 accelerate==1.15.0 huggingface_hub==2.4.0 numpy==2.4.6
"""

import argparse
import inspect
import os
import shutil
from pathlib import Path

import diffusers
import torch
from diffusers.configuration_utils import FrozenDict

SHARD_SIZE = "1MB"

# Classes used with SDXL pipelines that EulerDiscreteScheduler does not list as compatible.
MORE_CLASSES = ["EDMDPMSolverMultistepScheduler", "FlowMatchEulerDiscreteScheduler", "LCMScheduler",
                "TCDScheduler"]

# A class that cannot be made from the model's own scheduler without these; the values are Playground v2.5's.
EDM = {"sigma_min": 0.002, "sigma_max": 80.0}
NEEDED = {"EDMDPMSolverMultistepScheduler": EDM, "EDMEulerScheduler": EDM}

# What a class is saved with a second time, besides the settings of the model's own scheduler.
SETTINGS = {
    "EulerDiscreteScheduler": {
        "karras": {"use_karras_sigmas": True},
        "exponential": {"use_exponential_sigmas": True},
        "beta": {"use_beta_sigmas": True},
        "trailing": {"timestep_spacing": "trailing"},
        "linspace": {"timestep_spacing": "linspace"},
        "v_prediction": {"prediction_type": "v_prediction"},
        "zero_snr": {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
    },
    "DPMSolverMultistepScheduler": {
        "karras": {"use_karras_sigmas": True},
        "sde": {"algorithm_type": "sde-dpmsolver++"},
    },
}


def load(folder):
    """Loads the pipeline of `folder` in float32, from its fp16 files where it has them."""
    has_fp16 = any(folder.glob("unet/*.fp16.safetensors"))
    return diffusers.DiffusionPipeline.from_pretrained(
        folder, variant="fp16" if has_fp16 else None, torch_dtype=torch.float32)


def parameters(function):
    return inspect.signature(function).parameters


def drop_newer_fields(pipe):
    """Drops from the configs of `pipe` the fields that this version does not know, and returns their names."""
    dropped = []
    for name, component in pipe.components.items():
        if isinstance(component, diffusers.ConfigMixin):
            known = parameters(type(component).__init__)
            config = dict(component.config)
            newer = [key for key in config if key not in known and not key.startswith("_")]
            component._internal_dict = FrozenDict({key: config[key] for key in config if key not in newer})
            dropped += [f"{name}.{key}" for key in newer]
        elif name.startswith("text_encoder") and not hasattr(type(component.config), "torch_dtype"):
            # Older versions of transformers have torch_dtype instead, and would save both.
            if vars(component.config).pop("dtype", None):
                dropped.append(f"{name}.dtype")
    return dropped


def save(pipe, folder, variant=None, sharded=False):
    """Saves `pipe` to `folder`; `sharded` cuts the weights of every component that this version can cut."""
    pipe.save_pretrained(folder, variant=variant, safe_serialization=True)
    for name, component in pipe.components.items():
        # Older pipelines take no shard size, so each component is saved once more by itself.
        if (sharded and isinstance(component, torch.nn.Module)
                and "max_shard_size" in parameters(component.save_pretrained)):
            for file in (folder / name).glob("*.safetensors"):
                file.unlink()
            component.save_pretrained(
                folder / name, variant=variant, safe_serialization=True, max_shard_size=SHARD_SIZE)
    print(folder)


def save_forms(pipe, out):
    """Saves `pipe`, which is in float32, in every storage form; leaves it in float16."""
    save(pipe, out / "float32")
    save(pipe, out / "float32-sharded", sharded=True)
    pipe.to(torch.float16)
    save(pipe, out / "fp16")
    save(pipe, out / "fp16-variant", variant="fp16")
    save(pipe, out / "fp16-variant-sharded", variant="fp16", sharded=True)


@torch.no_grad()
def save_beside(pipe, folder):
    """Saves `pipe`, in float16, to fp16 files, then other values, in float32, to plain files beside them."""
    pipe.save_pretrained(folder, variant="fp16", safe_serialization=True)
    pipe.to(torch.float32)
    for component in pipe.components.values():
        if isinstance(component, torch.nn.Module):
            for parameter in component.parameters():
                parameter.mul_(1.01)
    save(pipe, folder)


def schedulers(own):
    """Yields (name, scheduler) for each class and its settings, made from the config of scheduler `own`."""
    classes = {kind.__name__: kind for kind in own.compatibles}
    for name in MORE_CLASSES:
        if hasattr(diffusers, name):
            classes[name] = getattr(diffusers, name)
        else:
            print(f"diffusers {diffusers.__version__} has no {name}")
    for name, kind in sorted(classes.items()):
        short = name.removesuffix("Scheduler")
        try:
            yield short, kind.from_config(own.config, **NEEDED.get(name, {}))
        except ImportError as error:  # a class stands in for one whose optional package is missing
            print(f"{name} skipped: {str(error).strip().splitlines()[0]}")
            continue
        for setting, values in SETTINGS.get(name, {}).items():
            if values.keys() <= parameters(kind.__init__).keys():
                yield f"{short}-{setting}", kind.from_config(own.config, **values)
            else:
                print(f"diffusers {diffusers.__version__} has no {', '.join(values)} in {name}")


def save_with_scheduler(pipe, scheduler, source, folder):
    """Makes `folder` a copy of `source`, which `pipe` was saved to, with `scheduler` in place of its own."""
    shutil.copytree(source, folder, copy_function=os.link)
    # Writing over a hard link would change the source too.
    shutil.rmtree(folder / "scheduler")
    (folder / "model_index.json").unlink()
    pipe.scheduler = scheduler
    pipe.save_config(folder)
    scheduler.save_pretrained(folder / "scheduler")
    print(folder)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    request = parser.parse_args()
    out = request.out / diffusers.__version__
    if out.exists():
        parser.error(f"{out} exists; remove it first")
    torch.set_num_threads(1)
    torch.manual_seed(0)

    pipe = load(request.model)
    if dropped := drop_newer_fields(pipe):
        print("dropped fields of a newer version:", *dropped)
        save(load(request.model).to(torch.float16), out / "newer-fields", variant="fp16")
    save_forms(pipe, out)
    for name, scheduler in schedulers(pipe.scheduler):
        save_with_scheduler(pipe, scheduler, out / "fp16-variant", out / f"scheduler-{name}")
    pipe = load(request.model)
    drop_newer_fields(pipe)
    save_beside(pipe.to(torch.float16), out / "plain-beside-fp16")


if __name__ == "__main__":
    main()
