#!/usr/bin/env python3
"""Compare the final latents that diffusers and ssd1b compute from the folders of save_folders.py.

    pip install -r requirements.txt scipy==1.17.1 torchsde==0.2.6
    check_folders.py FOLDERS SSD1B_EXECUTABLE [--table FILE]

Both run the same request in float32 on each folder FOLDERS/VERSION/NAME, with the folder's scheduler.
Where ssd1b starts Euler because it does not have the folder's scheduler, diffusers runs
EulerDiscreteScheduler.from_config(that scheduler's config) instead.

Prints a Markdown table, and also writes it to FILE. Exits with 1 if a difference is out of bounds, if
ssd1b does not say that it starts another scheduler, or if it does not open a folder or generate from it;
only schedulers of EDM and flow matching may be refused. The latents of diffusers are kept as
FOLDERS/VERSION/NAME.own.npy and NAME.euler.npy, which are used again as long as they are newer than the
folder. Remove these files after changing REQUEST or diffusers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import diffusers
import numpy
import safetensors.torch
import torch
import transformers

REQUEST = {"prompt": "a fox on a blue background", "negative": "blue", "cfg": 5, "steps": 4, "seed": 7}
SIDE = 64  # pixels
BOUND = 1e-4  # of latents as large as 50; both sides compute in float32, in different orders of summation

# Schedulers of models with another parametrization, which ssd1b may refuse to generate with.
REFUSABLE = ("EDM", "FlowMatch")

HEADER = ["version", "folder", "scheduler", "sampler started", "max difference", "verdict", "notes"]


@dataclass
class Outcome:
    """What ssd1b made of a folder; `latents` is None where it refused, and `notes` then says why."""
    failed: str = ""  # the command that did not succeed
    sampler: str = ""
    latents: numpy.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def run_ssd1b(executable, folder):
    """Generates from `folder` in a temporary folder and returns the Outcome."""
    lines = ["model", *(f"{name} {value}" for name, value in REQUEST.items()), "scheduler",
             f"generate size={SIDE}x{SIDE} out=image.png", "dump latents states steps=-1 format=npy"]
    command = [executable, "--model", folder, "--backend", "reference", "--precision", "f32", "--json"]
    for line in lines:
        command += ["-c", line]
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as temporary:
        # Interrupted runs and the history are kept below these.
        environment = dict(os.environ, XDG_STATE_HOME=temporary, XDG_CONFIG_HOME=temporary)
        done = subprocess.run(command, cwd=temporary, env=environment, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            reply = json.loads(line)
            result = reply.get("result")
            if not reply["ok"]:
                outcome.failed = reply["command"]
            elif reply["command"] == "scheduler":
                outcome.sampler = result["scheduler"] or ""
            outcome.notes += reply.get("notes", [])
        for prefix in (f"{folder}/", f"{folder}: "):
            done.stderr = done.stderr.replace(prefix, "")
        outcome.notes += done.stderr.splitlines()
        if done.returncode == 0:
            states = Path(temporary) / "states"
            outcome.latents = numpy.load(next(states.glob("*.npy")))
            outcome.sampler = json.loads((states / "settings.json").read_text())["scheduler"]
        elif not outcome.notes:
            outcome.notes.append(f"exit status {done.returncode}")
    return outcome


def load(folder):
    """Loads the pipeline of `folder` in float32, from its plain files where it has them, else from fp16."""
    has_plain = any(".fp16" not in file.name for file in folder.glob("unet/*.safetensors"))
    parts, tokenizers = {}, {}
    for name in ("tokenizer", "tokenizer_2"):
        if not (folder / name / "vocab.json").exists():
            # transformers 5 writes tokenizer.json only, from which transformers 4 makes no CLIPTokenizer.
            # from_pretrained does not accept a CLIPTokenizerFast, but the pipeline runs with one.
            tokenizers[name] = transformers.CLIPTokenizerFast.from_pretrained(folder / name)
            parts[name] = None
    if any(folder.glob("unet/*.safetensors.fp16.index.json")):
        parts["unet"] = load_old_shards(folder / "unet")
    pipe = diffusers.StableDiffusionXLPipeline.from_pretrained(
        folder, variant=None if has_plain else "fp16", torch_dtype=torch.float32, add_watermarker=False,
        **parts)
    pipe.register_modules(**tokenizers)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_old_shards(folder):
    """Loads the UNet of `folder` from fp16 shards named as in diffusers 0.30, which 0.36 does not find."""
    unet = diffusers.UNet2DConditionModel.from_config(diffusers.UNet2DConditionModel.load_config(folder))
    tensors = {}
    for file in folder.glob("*.fp16.safetensors"):
        tensors |= safetensors.torch.load_file(file)
    unet.load_state_dict(tensors)
    return unet.eval()


def run_diffusers(folder, with_euler):
    """Returns the final latents of `folder` with its own scheduler, or with Euler made from its config."""
    cache = folder.with_name(f"{folder.name}.{'euler' if with_euler else 'own'}.npy")
    newest = max(file.stat().st_mtime for file in folder.rglob("*") if file.is_file())
    if cache.exists() and cache.stat().st_mtime > newest:
        return numpy.load(cache)
    pipe = load(folder)
    if with_euler:
        pipe.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    latents = pipe(
        REQUEST["prompt"], negative_prompt=REQUEST["negative"], guidance_scale=REQUEST["cfg"],
        num_inference_steps=REQUEST["steps"], width=SIDE, height=SIDE, output_type="latent",
        generator=torch.Generator("cpu").manual_seed(REQUEST["seed"])).images.numpy()
    numpy.save(cache, latents)
    return latents


def is_stand_in(sampler, scheduler):
    """Says whether `sampler` is the Euler that ssd1b starts in place of a scheduler it does not have."""
    is_euler = sampler.startswith("euler") and not sampler.startswith("euler_ancestral")
    return is_euler and scheduler != "EulerDiscreteScheduler"


def check(folder, executable):
    """Returns the table's row of `folder`, as strings, and whether it is as it should be."""
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())["_class_name"]
    outcome = run_ssd1b(executable, folder)
    sampler, difference, notes = outcome.sampler, "", outcome.notes
    if outcome.latents is None:
        # What fails earlier has another reason.
        sound = scheduler.startswith(REFUSABLE) and outcome.failed in ("scheduler", "generate")
        verdict = "refused" if sound else "**FAILED**"
    else:
        with_euler = is_stand_in(sampler, scheduler)
        if with_euler:
            sampler += " (stand-in)"
        try:
            expected = run_diffusers(folder, with_euler)
        except Exception as error:  # whatever it is, the other folders still count
            expected, notes = numpy.nan, [f"diffusers: {type(error).__name__}: {error}", *notes]
        largest = numpy.abs(outcome.latents - expected).max()
        sound = bool(largest <= BOUND)  # false for NaN too
        difference, verdict = f"{largest:.1e}", "within" if sound else "**OUT OF BOUNDS**"
        if with_euler and not any(scheduler in note for note in outcome.notes):
            sound, verdict = False, f"{verdict}, **STAND-IN NOT REPORTED**"
    text = " / ".join(notes).replace("\n", " ").replace("|", "\\|")
    return [folder.parent.name, folder.name, scheduler, sampler, difference, verdict, text], sound


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, metavar="FOLDERS")
    parser.add_argument("executable", type=Path, metavar="SSD1B_EXECUTABLE")
    parser.add_argument("--table", type=Path, metavar="FILE")
    request = parser.parse_args()
    folders = sorted(folder for folder in request.folders.resolve().glob("*/*") if folder.is_dir())
    if not folders:
        parser.error(f"{request.folders} holds no VERSION/NAME; make them with save_folders.py")
    torch.set_num_threads(1)
    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    table, unsound = [], 0

    def write(cells):
        table.append(f"| {' | '.join(cells)} |")
        print(table[-1], flush=True)

    write(HEADER)
    write(["---"] * len(HEADER))
    for folder in folders:
        cells, sound = check(folder, request.executable.resolve())
        unsound += not sound
        write(cells)
    if request.table:
        request.table.write_text("\n".join(table) + "\n", encoding="utf-8")
    print(f"{len(folders)} folders, {unsound} out of bounds or failed", file=sys.stderr)
    return 1 if unsound else 0


if __name__ == "__main__":
    sys.exit(main())
