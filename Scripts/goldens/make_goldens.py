#!/usr/bin/env python3
"""Record what diffusers computes from a pipeline folder, in float32 on the CPU, stage by stage.

    pip install -r requirements.txt
    make_goldens.py MODEL_FOLDER OUT_FOLDER --prompt TEXT [--negative TEXT] [--seed N] [--steps N]
                    [--cfg X] [--size WxH] [--compact] [--encode]
    make_goldens.py MODEL_FOLDER OUT_FOLDER --cases

The second form makes every case of `CASES`, each in its own folder below OUT_FOLDER: these are the
committed ones, OUT_FOLDER being Tests/Goldens/pipeline and MODEL_FOLDER the embedded model.

OUT_FOLDER/golden.safetensors holds float32 tensors, all in the layout of torch (channels first):

    prompt_embeds, pooled_prompt_embeds      [1, 77, C] and [1, P]; with guidance also negative_...
    time_ids          [B, 6]: original (H, W), crop (top, left), target (H, W)
    noise             [1, 4, h, w] standard normal, before the scheduler's first sigma scales it
    latents.0         that noise scaled; latents.N is what the scheduler returned from step N (N from 1)
    unet.step0.sample [B, 4, h, w] the UNet's input at the first step, after scale_model_input
    unet.step0.NAME   the output of the UNet's module NAME at the first step
    noise_pred.N      [B, 4, h, w] the UNet's output at step N (N from 0), before guidance
    image             [1, 3, H, W] the decoded picture in 0...1
    vae.encoder.moments   with --encode: [1, 8, h, w] mean and log variance of `image` mapped to -1...1

B is 2, in the order [negative, prompt], with guidance (cfg above 1) and 1 without.
OUT_FOLDER/golden.json holds the request, the scheduler's table, the token ids and the tensors' shapes.
"""

import argparse
from pathlib import Path

import diffusers
import numpy
import safetensors.torch
import torch
import transformers

import lined_json

# The committed cases: name and command-line arguments.
CASES = {
    "fox": ["--prompt", "a fox on a blue background", "--seed", "7", "--steps", "4", "--cfg", "4",
            "--size", "128x128", "--encode"],
    "negative": ["--prompt", "a fox on a blue background", "--negative", "blue", "--seed", "7",
                 "--steps", "3", "--cfg", "6", "--size", "96x64", "--compact"],
    # 13x9 latents: neither side halves evenly on the way down, so going up needs explicit sizes.
    "odd": ["--prompt", "a small rocket on a black background", "--seed", "11", "--steps", "2", "--cfg", "4",
            "--size", "104x72", "--compact", "--encode"],
    "nocfg": ["--prompt", "taxi, blue background", "--seed", "3", "--steps", "2", "--cfg", "1",
              "--size", "128x128", "--compact"],
    "empty": ["--prompt", "a large watermelon in front of yellow", "--negative", "", "--seed", "5",
              "--steps", "2", "--cfg", "4", "--size", "128x128", "--compact"],
}

# What --compact keeps of unet.step0.*: the ends and the blocks, not what is inside the blocks.
COMPACT = ("sample", "conv_in", "time_embedding", "add_embedding", "down_blocks.0", "down_blocks.1",
           "down_blocks.2", "mid_block", "up_blocks.0", "up_blocks.1", "up_blocks.2", "conv_out")


class Recorder:
    """Collects tensors by name; a name given twice is a mistake of this program."""

    def __init__(self):
        self.tensors = {}

    def keep(self, name, tensor):
        if name in self.tensors:
            raise ValueError(f"{name} was recorded already")
        self.tensors[name] = tensor.detach().to(torch.float32).contiguous().clone()


def is_recorded(name):
    """Says whether the output of the UNet's module `name` belongs in a golden."""
    parts = name.split(".")
    whole = ("conv_in", "time_embedding", "add_embedding", "mid_block", "conv_norm_out", "conv_out")
    is_block = len(parts) == 2 and parts[0] in ("down_blocks", "up_blocks")
    is_layer = len(parts) > 2 and parts[-2] in ("resnets", "attentions", "downsamplers", "upsamplers")
    return name in whole or is_block or is_layer


def watch_unet(unet, recorder, compact):
    """Hooks `unet` so that its first call records its parts and each call its prediction.

    Returns the hooks' handles."""
    calls = 0

    def before(_, arguments, keywords):
        if calls == 0:
            recorder.keep("time_ids", keywords["added_cond_kwargs"]["time_ids"])
            recorder.keep("unet.step0.sample", arguments[0])

    def part(name):
        def hook(_, __, output):
            if calls == 0:
                # A down block returns (hidden states, skip connections), a transformer (hidden states,).
                recorder.keep(f"unet.step0.{name}", output[0] if isinstance(output, tuple) else output)
        return hook

    def after(_, __, output):
        nonlocal calls
        recorder.keep(f"noise_pred.{calls}", output[0])
        calls += 1

    handles = [unet.register_forward_pre_hook(before, with_kwargs=True)]
    for name, module in unet.named_modules():
        if is_recorded(name) and (not compact or name in COMPACT):
            handles.append(module.register_forward_hook(part(name)))
    handles.append(unet.register_forward_hook(after))
    return handles


def token_ids(pipe, texts):
    """Returns the padded ids of `texts`, a {role: text}, for both tokenizers."""
    ids = {"order": list(texts)}
    for name in ("tokenizer", "tokenizer_2"):
        tokenizer = getattr(pipe, name)
        ids[name] = tokenizer(list(texts.values()), padding="max_length", truncation=True,
                              max_length=tokenizer.model_max_length).input_ids
    return ids


@torch.no_grad()
def record(pipe, request):
    """Runs `pipe` for `request` and returns (tensors, description)."""
    recorder = Recorder()
    guided = request.cfg > 1
    embeds = pipe.encode_prompt(request.prompt, negative_prompt=request.negative,
                                do_classifier_free_guidance=guided)
    names = ("prompt_embeds", "negative_prompt_embeds",
             "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    for name, tensor in zip(names, embeds):
        if tensor is not None:
            recorder.keep(name, tensor)

    scale = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, request.height // scale, request.width // scale)
    noise = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(request.seed))
    recorder.keep("noise", noise)

    def step_ended(_, step, __, values):
        recorder.keep(f"latents.{step + 1}", values["latents"])
        return values

    handles = watch_unet(pipe.unet, recorder, request.compact)
    image = pipe(request.prompt, negative_prompt=request.negative, guidance_scale=request.cfg,
                 num_inference_steps=request.steps, width=request.width, height=request.height,
                 generator=torch.Generator("cpu").manual_seed(request.seed), output_type="pt",
                 callback_on_step_end=step_ended).images
    for handle in handles:
        handle.remove()
    recorder.keep("latents.0", noise * pipe.scheduler.init_noise_sigma)
    recorder.keep("image", image)
    if request.encode:
        recorder.keep("vae.encoder.moments", pipe.vae.encode(image * 2 - 1).latent_dist.parameters)

    # Without guidance, and without a negative prompt, no negative text is ever tokenized.
    texts = {"prompt": request.prompt}
    if guided and request.negative is not None:
        texts = {"negative": request.negative, **texts}
    description = {
        "prompt": request.prompt, "negative": request.negative, "seed": request.seed, "steps": request.steps,
        "cfg": request.cfg, "width": request.width, "height": request.height,
        "scheduler": dict(pipe.scheduler.config, _class_name=type(pipe.scheduler).__name__),
        "init_noise_sigma": float(pipe.scheduler.init_noise_sigma),
        "timesteps": [float(timestep) for timestep in pipe.scheduler.timesteps],
        "sigmas": [float(sigma) for sigma in pipe.scheduler.sigmas],
        "vae_scaling_factor": pipe.vae.config.scaling_factor,
        "input_ids": token_ids(pipe, texts),
        "tensors": {name: list(tensor.shape) for name, tensor in sorted(recorder.tensors.items())},
        "versions": {"torch": torch.__version__, "diffusers": diffusers.__version__,
                     "transformers": transformers.__version__, "numpy": numpy.__version__},
        "note": "latents are in the model's scaled space; image is [1, 3, H, W] in 0...1; noise_pred is "
                "[negative, prompt] with guidance; all float32, layout as in torch",
    }
    return recorder.tensors, description


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    parser.add_argument("--prompt", default="")
    parser.add_argument("--negative",
                        help='absent: none, which means zero embeddings; "": an encoded empty text')
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--cfg", type=float, default=4.0)
    parser.add_argument("--size", default="128x128", metavar="WxH")
    parser.add_argument("--compact", action="store_true",
                        help="of unet.step0.* keep the blocks, not their parts")
    parser.add_argument("--encode", action="store_true", help="also encode the picture with the VAE")
    parser.add_argument("--cases", action="store_true", help="make every committed case below OUT_FOLDER")
    request = parser.parse_args(arguments)
    try:
        request.width, request.height = map(int, request.size.split("x"))
    except ValueError:
        parser.error(f"--size: expected WxH, found {request.size}")
    return request


def load(folder):
    """Loads the pipeline of `folder` in float32, from its fp16 files where it has them."""
    has_fp16 = any(folder.glob("unet/*.fp16.safetensors"))
    pipe = diffusers.StableDiffusionXLPipeline.from_pretrained(
        folder, variant="fp16" if has_fp16 else None, torch_dtype=torch.float32, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def main():
    request = parse()
    torch.set_num_threads(1)  # one thread sums in one order: the same bytes on each run of a machine
    pipe = load(request.model)
    requests = [request]
    if request.cases:
        requests = [parse([str(request.model), str(request.out / name), *options])
                    for name, options in CASES.items()]
    for one in requests:
        tensors, description = record(pipe, one)
        one.out.mkdir(parents=True, exist_ok=True)
        path = one.out / "golden.safetensors"
        safetensors.torch.save_file(tensors, path)
        path.chmod(0o644)
        lined_json.write(one.out / "golden.json", description)
        print(f"{path}: {len(tensors)} tensors, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
