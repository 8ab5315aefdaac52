"""Trains the embedded model from nothing: tokenizers, autoencoder, text encoders and UNet, adapters; measures the result.

Every stage goes on from its last checkpoint in FOLDER, and one that is finished is not run again. The result is
FOLDER/model, a diffusers folder of fp16 files; FOLDER/adapters; FOLDER/report.json, the figures that the model's README
states; and FOLDER/*.png, sheets of what was measured.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import torch

import adapters
import autoencoder
import denoiser
import distillation
import evaluation
import model_files
import tokenizer
from training import device, training_seconds


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where checkpoints and the result go")
    parser.add_argument("--threads", type=int, default=2, help="threads on a CPU (default 2)")
    parser.add_argument("--unfinished", action="store_true",
                        help="train no further: write and measure the model as its last checkpoints have it")  # fmt: skip
    parser.add_argument("--install", action="store_true",
                        help="copy the finished model, adapters and figures to where the program embeds them")  # fmt: skip
    request = parser.parse_args()
    if request.install and request.unfinished:
        parser.error("--install takes a finished model: leave out --unfinished")
    return request


def measured(folder):
    """Runs every measure on the files that were written, gives the figures, and writes sheets of the pictures."""
    pipe = evaluation.load(folder / "model")
    asked = evaluation.prompts()
    texts, seeds = [prompt for _, _, prompt, _ in asked], [seed for _, _, _, seed in asked]
    report = {"reconstruction_psnr_db": evaluation.reconstruction(pipe.vae)}

    def measure(name, steps, guidance):
        pictures = evaluation.generate(pipe, texts, seeds, steps=steps, guidance=guidance)
        evaluation.sheet(pictures, 30).save(folder / f"{name}.png")
        report[name] = dict(steps=steps, cfg=guidance, pictures=len(asked), **evaluation.score(pictures, asked))

    measure("euler", evaluation.STEPS, evaluation.GUIDANCE)
    report["negative"] = evaluation.negative_effect(pipe)
    files = {path.stem: path for path in (folder / "adapters").glob("*.safetensors")}
    if "sticker" in files:
        report["sticker"], pictures = evaluation.sticker_share(pipe, files["sticker"])
        evaluation.sheet(pictures, 10).save(folder / "sticker.png")
    if "robot" in files:
        report["robot"], pictures = evaluation.robot_share(pipe, files["robot"])
        evaluation.sheet(pictures, 10).save(folder / "robot.png")
    if "lcm" in files:
        evaluation.use_lcm(pipe, files["lcm"])
        measure("lcm", evaluation.LCM_STEPS, evaluation.LCM_GUIDANCE)
    report["prompts"] = [dict(prompt=prompt, seed=seed) for _, _, prompt, seed in asked]
    return report


def main():
    request = arguments()
    torch.set_num_threads(request.threads)
    folder = request.folder
    started = time.monotonic()
    print(f"training on {device()}, into {folder}", flush=True)
    tokenizers = tokenizer.train(folder / "model")
    vae = autoencoder.train(folder, unfinished=request.unfinished)
    model, bank = denoiser.train(vae, tokenizers, folder, unfinished=request.unfinished)
    model_files.write(vae, model, bank.scaling_factor, tokenizers, folder / "model")
    if not request.unfinished:
        for train in (distillation.train, adapters.train_sticker, adapters.train_robot):
            # Each on the model anew: an adapter changes the layers that it is put on.
            model, bank = denoiser.train(vae, tokenizers, folder)
            train(vae, model, bank, folder)
    report = measured(folder)
    report["machine"] = dict(processor=platform.processor() or platform.machine(), threads=request.threads,
                             device=str(device()), torch=torch.__version__, seconds=training_seconds(folder))  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    for name in ("reconstruction_psnr_db", "euler", "lcm", "negative", "sticker", "robot"):
        print(name, json.dumps(report.get(name)), flush=True)
    print(f"{time.monotonic() - started:.0f} s in this run", flush=True)
    if request.install:
        model_files.install(folder)


if __name__ == "__main__":
    main()
