#!/usr/bin/env python3
"""One peer at one kind of work: prints {} when ready, then for each line read the seconds of one run, as JSON.

    peer.py torch|openvino step|decode|encode WxH bf16|f32 ARCHITECTURES FOLDER THREADS
"""
import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import torch

CHANNELS = 4
TOKENS = 77


def config(folder, name):
    document = json.loads((Path(folder) / f"{name}.json").read_text())["config"]
    return {key: value for key, value in document.items() if not key.startswith("_")}


def unet(folder, dtype):
    from diffusers import UNet2DConditionModel

    torch.set_default_dtype(dtype)
    model = UNet2DConditionModel.from_config(config(folder, "ssd1b_unet")).eval()
    torch.set_default_dtype(torch.float32)
    return model


def unet_inputs(width, height, dtype):
    generator = torch.Generator().manual_seed(1)

    def random(*shape):
        return torch.randn(shape, generator=generator).to(dtype)

    return (
        random(2, CHANNELS, height // 8, width // 8), torch.tensor(500.0), random(2, TOKENS, 2048),
        random(2, 1280), torch.tensor([[height, width, 0, 0, height, width]] * 2).to(dtype),
    )


class Step(torch.nn.Module):
    """The UNet with positional arguments."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, sample, timestep, text, pooled, time_ids):
        conditions = {"text_embeds": pooled, "time_ids": time_ids}
        return self.model(sample, timestep, text, added_cond_kwargs=conditions, return_dict=False)[0]


def torch_work(work, width, height, dtype, folder):
    if work == "step":
        model, inputs = Step(unet(folder, dtype)), unet_inputs(width, height, dtype)
        return lambda: model(*inputs)
    if work == "decode":
        from diffusers import AutoencoderKL

        model = AutoencoderKL.from_config(config(folder, "vae")).eval().to(dtype)
        latents = torch.randn(1, CHANNELS, height // 8, width // 8).to(dtype)
        return lambda: model.decode(latents, return_dict=False)[0]
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    torch.set_default_dtype(dtype)
    first = CLIPTextModel(CLIPTextConfig(**config(folder, "clip_l"))).eval()
    second = CLIPTextModelWithProjection(CLIPTextConfig(**config(folder, "open_clip_bigg"))).eval()
    torch.set_default_dtype(torch.float32)
    ids = torch.randint(1000, 40000, (2, TOKENS))
    ids[:, -1] = 49407
    return lambda: (first(ids, output_hidden_states=True), second(ids, output_hidden_states=True))


def convert(width, height, folder, path):
    """Writes OpenVINO's form of the UNet, for one size."""
    import openvino

    with torch.no_grad():
        inputs = unet_inputs(width, height, torch.float32)
        model = openvino.convert_model(Step(unet(folder, torch.float32)), example_input=inputs)
    model.reshape({port: list(value.shape) for port, value in zip(model.inputs, inputs)})
    openvino.save_model(model, str(path), compress_to_fp16=True)


def openvino_work(work, width, height, precision, folder, cache, threads):
    import openvino

    if work != "step":
        raise SystemExit("only the step is compared with OpenVINO")
    path = Path(cache) / f"ssd1b_unet_{width}x{height}.xml"
    if not path.exists():
        # In a process of its own, whose memory is gone afterwards.
        converter = multiprocessing.get_context("spawn").Process(target=convert, args=(width, height, folder, path))
        converter.start()
        converter.join()
    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32", "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(str(path), "CPU", settings)
    arrays = [value.numpy() for value in unet_inputs(width, height, torch.float32)]
    return lambda: compiled(arrays)


def main():
    name, work, size, precision, folder, cache, threads = sys.argv[1:]
    width, height = (int(part) for part in size.split("x")) if "x" in size else (0, 0)
    torch.set_num_threads(int(threads))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with torch.inference_mode(name == "torch"), torch.no_grad():
        if name == "torch":
            run = torch_work(work, width, height, dtype, folder)
        else:
            run = openvino_work(work, width, height, precision, folder, cache, int(threads))
        print("{}", flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            run()
            seconds = time.perf_counter() - start
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            print(json.dumps(dict(seconds=seconds, memoryBytes=memory)), flush=True)


if __name__ == "__main__":
    main()
