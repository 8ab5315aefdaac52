#!/usr/bin/env python3
"""Record what single layers of every kind compute, and where words act, as diffusers has it, in float32 on the CPU.

    pip install -r requirements.txt
    make_capture_goldens.py MODEL_FOLDER OUT_FOLDER

The committed ones: MODEL_FOLDER is the embedded model, OUT_FOLDER Tests/Goldens/captures.

OUT_FOLDER/captures.safetensors holds float32 tensors in torch's layout, named COMPONENT.PATH as ssd1b names them:

    text_encoder.…, text_encoder_2.…   [2, …]: the negative text's, then the prompt's
    unet.…                             [2, …]: the same, of the run's second step
    vae.…                              [1, …]: of the decoder on the last latents

What torch has no module for (a sum, a concatenation, an upsampling) is what the module that reads it was given.

OUT_FOLDER/attention.safetensors holds `words`, [77, h, w]: DAAM's sum (Tang et al. 2022) for each token of the
prompt over all steps, cross-attentions and heads, divided by the number of terms, negative values set to 0.
OUT_FOLDER/captures.json holds the request.
"""

import argparse
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as functional

import lined_json
from make_goldens import load

REQUEST = {"prompt": "a fox on a blue background", "negative": "blue", "seed": 7, "steps": 3, "cfg": 6.0,
           "width": 96, "height": 64}
STEP = 2

RESNET = "up_blocks.0.resnets.0"
BLOCK = "down_blocks.1.attentions.0.transformer_blocks.0"
ENCODER_LAYER = "text_model.encoder.layers.0"

# Our path: (torch's module, whether its output or its first input).
UNET = {
    "sample": ("conv_in", "input"), "time_proj.sinusoid": ("time_proj", "output"),
    "time_embedding.linear_1": ("time_embedding.linear_1", "output"),
    "time_embedding.silu": ("time_embedding.act", "output"), "time_embedding": ("time_embedding", "output"),
    "add_time_proj.sinusoid": ("add_time_proj", "output"),
    "add_embedding.concatenate": ("add_embedding", "input"), "add_embedding": ("add_embedding", "output"),
    "conv_in": ("conv_in", "output"), "down_blocks.0.downsamplers.0.conv": ("down_blocks.0.downsamplers.0.conv", "output"),
    "down_blocks.1.attentions.0.norm": ("down_blocks.1.attentions.0.norm", "output"),
    "down_blocks.1.attentions.0.reshape": ("down_blocks.1.attentions.0.proj_in", "input"),
    "down_blocks.1.attentions.0": ("down_blocks.1.attentions.0", "output"),
    f"{BLOCK}.norm1": (f"{BLOCK}.norm1", "output"), f"{BLOCK}.attn1.to_q": (f"{BLOCK}.attn1.to_q", "output"),
    f"{BLOCK}.attn1.attention": (f"{BLOCK}.attn1.to_out.0", "input"),
    f"{BLOCK}.attn1.to_out.0": (f"{BLOCK}.attn1.to_out.0", "output"), f"{BLOCK}.add": (f"{BLOCK}.norm2", "input"),
    f"{BLOCK}.attn2.to_k": (f"{BLOCK}.attn2.to_k", "output"),
    f"{BLOCK}.attn2.attention": (f"{BLOCK}.attn2.to_out.0", "input"), f"{BLOCK}.attn2": (f"{BLOCK}.attn2", "output"),
    f"{BLOCK}.ff.net.0.proj": (f"{BLOCK}.ff.net.0.proj", "output"), f"{BLOCK}.ff.geglu": (f"{BLOCK}.ff.net.0", "output"),
    f"{BLOCK}.ff": (f"{BLOCK}.ff", "output"), BLOCK: (BLOCK, "output"),
    "up_blocks.0.concatenate": (RESNET, "input"), f"{RESNET}.norm1": (f"{RESNET}.norm1", "output"),
    f"{RESNET}.silu": (f"{RESNET}.conv1", "input"), f"{RESNET}.conv1": (f"{RESNET}.conv1", "output"),
    f"{RESNET}.time_emb_proj": (f"{RESNET}.time_emb_proj", "output"),
    f"{RESNET}.add_per_channel": (f"{RESNET}.norm2", "input"), f"{RESNET}.norm2": (f"{RESNET}.norm2", "output"),
    f"{RESNET}.conv2": (f"{RESNET}.conv2", "output"), f"{RESNET}.conv_shortcut": (f"{RESNET}.conv_shortcut", "output"),
    RESNET: (RESNET, "output"), "up_blocks.0.upsamplers.0.upsample": ("up_blocks.0.upsamplers.0.conv", "input"),
    "up_blocks.0.upsamplers.0.conv": ("up_blocks.0.upsamplers.0.conv", "output"),
    "mid_block": ("mid_block", "output"), "conv_norm_out": ("conv_norm_out", "output"), "silu": ("conv_out", "input"),
    "conv_out": ("conv_out", "output"),
}
ENCODER = {
    "text_model.embeddings.token_embedding": ("text_model.embeddings.token_embedding", "output"),
    "text_model.embeddings.position_embedding": ("text_model.embeddings.position_embedding", "output"),
    "text_model.embeddings.add": ("text_model.embeddings", "output"),
    f"{ENCODER_LAYER}.layer_norm1": (f"{ENCODER_LAYER}.layer_norm1", "output"),
    f"{ENCODER_LAYER}.self_attn.v_proj": (f"{ENCODER_LAYER}.self_attn.v_proj", "output"),
    f"{ENCODER_LAYER}.self_attn.attention": (f"{ENCODER_LAYER}.self_attn.out_proj", "input"),
    f"{ENCODER_LAYER}.add": (f"{ENCODER_LAYER}.layer_norm2", "input"),
    f"{ENCODER_LAYER}.mlp.fc1": (f"{ENCODER_LAYER}.mlp.fc1", "output"), ENCODER_LAYER: (ENCODER_LAYER, "output"),
    "text_model.final_layer_norm": ("text_model.final_layer_norm", "output"),
}
ENCODER_1 = {**ENCODER, f"{ENCODER_LAYER}.mlp.quick_gelu": (f"{ENCODER_LAYER}.mlp.activation_fn", "output")}
ENCODER_2 = {**ENCODER, f"{ENCODER_LAYER}.mlp.gelu": (f"{ENCODER_LAYER}.mlp.activation_fn", "output"),
             "take_token": ("text_projection", "input"), "text_projection": ("text_projection", "output")}
VAE = {
    "latents": ("post_quant_conv", "input"), "post_quant_conv": ("post_quant_conv", "output"),
    "decoder.mid_block.attentions.0.group_norm": ("decoder.mid_block.attentions.0.group_norm", "output"),
    "decoder.mid_block.attentions.0.attention": ("decoder.mid_block.attentions.0.to_out.0", "input"),
    "decoder.mid_block": ("decoder.mid_block", "output"),
    "decoder.up_blocks.0.upsamplers.0.upsample": ("decoder.up_blocks.0.upsamplers.0.conv", "input"),
    "decoder.up_blocks.0": ("decoder.up_blocks.0", "output"),
    "decoder.conv_out": ("decoder.conv_out", "output"),
}


class Watch:
    """Hooks a network's modules and keeps what each gave or was given in every call."""

    def __init__(self, network, paths):
        self.calls = {path: [] for path in paths}
        modules = dict(network.named_modules())
        for path, (module, side) in paths.items():
            if side == "output":
                modules[module].register_forward_hook(self._after(path))
            else:
                modules[module].register_forward_pre_hook(self._before(path))

    def _keep(self, path, value):
        value = value[0] if isinstance(value, tuple) else value
        value = getattr(value, "sample", value)
        self.calls[path].append(value.detach().to(torch.float32).contiguous().clone())

    def _after(self, path):
        return lambda _, __, output: self._keep(path, output)

    def _before(self, path):
        return lambda _, arguments: self._keep(path, arguments[0])


class DAAM:
    """Sums softmax(q kᵀ / √d) of the prompt's half over all cross-attentions, heads and steps."""

    def __init__(self, unet, height, width):
        self.height, self.width = height, width
        self.sum, self.terms = torch.zeros(77, height, width, dtype=torch.float64), 0
        for name, module in unet.named_modules():
            if name.endswith(".attn2"):
                module.to_q.register_forward_hook(self._queries(module))
                module.to_k.register_forward_hook(self._keys(module))

    def _queries(self, module):
        def hook(_, __, output):
            module.daam_queries = output[-1]
        return hook

    def _keys(self, module):
        def hook(_, __, output):
            query, key, heads = module.daam_queries, output[-1], module.heads
            query = query.reshape(query.shape[0], heads, -1).transpose(0, 1)
            key = key.reshape(key.shape[0], heads, -1).transpose(0, 1)
            weights = torch.softmax(query @ key.transpose(1, 2) / query.shape[-1] ** 0.5, dim=-1)
            height, width = self.height, self.width
            while height * width > weights.shape[1]:
                height, width = (height + 1) // 2, (width + 1) // 2
            maps = weights.sum(0).transpose(0, 1).reshape(1, 77, height, width)
            self.sum += functional.interpolate(
                maps, size=(self.height, self.width), mode="bicubic", align_corners=False)[0].double()
            self.terms += heads
        return hook

    @property
    def maps(self):
        return (self.sum / self.terms).clamp(min=0).float()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pipe = load(arguments.model)
    watches = {"text_encoder": Watch(pipe.text_encoder, ENCODER_1), "text_encoder_2": Watch(pipe.text_encoder_2, ENCODER_2),
               "unet": Watch(pipe.unet, UNET), "vae": Watch(pipe.vae, VAE)}
    scale = pipe.vae_scale_factor
    daam = DAAM(pipe.unet, REQUEST["height"] // scale, REQUEST["width"] // scale)
    pipe(REQUEST["prompt"], negative_prompt=REQUEST["negative"], guidance_scale=REQUEST["cfg"],
         num_inference_steps=REQUEST["steps"], width=REQUEST["width"], height=REQUEST["height"],
         generator=torch.Generator("cpu").manual_seed(REQUEST["seed"]), output_type="pt")

    tensors = {}
    for path, calls in watches["unet"].calls.items():
        assert len(calls) == REQUEST["steps"], (path, len(calls))
        tensors[f"unet.{path}"] = calls[STEP - 1]
    # The six sizes of a picture are embedded one by one: a row a picture.
    sizes = tensors["unet.add_time_proj.sinusoid"]
    tensors["unet.add_time_proj.sinusoid"] = sizes.reshape(2, -1)
    for name in ("text_encoder", "text_encoder_2"):
        for path, calls in watches[name].calls.items():
            # The prompt is encoded first, then the negative.
            prompt, negative = calls
            tensors[f"{name}.{path}"] = torch.cat([negative, prompt])
    for path, calls in watches["vae"].calls.items():
        (only,) = calls
        tensors[f"vae.{path}"] = only
    # Layers of one input share memory with it in torch; a file holds each by itself.
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}

    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, content in (("captures", tensors), ("attention", {"words": daam.maps})):
        path = arguments.out / f"{name}.safetensors"
        safetensors.torch.save_file(content, path)
        path.chmod(0o644)
        print(f"{path}: {len(content)} tensors, {path.stat().st_size:,} bytes")
    lined_json.write(arguments.out / "captures.json", {**REQUEST, "step": STEP})


if __name__ == "__main__":
    main()
