#!/usr/bin/env python3
"""Write what diffusers and transformers make of the published configurations, without any weights.

    pip install -r requirements.txt
    make_architectures.py OUT_FOLDER [--embedded MODEL_FOLDER]

Makes the models on torch's meta device, where a tensor has a shape and no data. For each it writes
OUT_FOLDER/NAME.json: `config`, `parameters` (their count) and `tensors` (every name of the state
dictionary with its shape). OUT_FOLDER/multiply_adds.json counts one forward pass at batch 1 of each:
the products in convolutions, linear layers and both attention products (queries by keys, and weights by
values), one product with its addition being one. Biases, norms, activations and softmax count nothing.
Attention counts its whole score matrix, causal or not, and a prompt has 77 tokens, padding included.
With --embedded the pipeline of that folder is counted too, at 128x128.
"""

import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import lined_json

TOKENS = 77
VAE_SCALE = 8  # a latent is this many pixels wide and high, in every SDXL-family VAE

# The published config.json of each model: the fields that differ from the class's defaults.
UNET = {
    "sample_size": 128, "in_channels": 4, "out_channels": 4,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "block_out_channels": [320, 640, 1280], "layers_per_block": 2, "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20], "use_linear_projection": True,
    "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
PRUNED = {"mid_block_type": "UNetMidBlock2D"}  # no attention in the middle
UNETS = {
    "sdxl_unet": UNET | {"transformer_layers_per_block": [1, 2, 10]},
    "ssd1b_unet": UNET | PRUNED | {
        "transformer_layers_per_block": [1, [2, 2], [4, 4]],
        "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1]},
    "vega_unet": UNET | PRUNED | {
        "transformer_layers_per_block": [1, [1, 1], [2, 2]],
        "reverse_transformer_layers_per_block": [[2, 2, 2], [1, 1, 1], 1]},
}
VAE = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 4, "sample_size": 1024,
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "norm_num_groups": 32,
    "scaling_factor": 0.13025, "force_upcast": True,
}
TEXT = {"vocab_size": 49408, "max_position_embeddings": TOKENS, "bos_token_id": 0, "eos_token_id": 2,
        "pad_token_id": 1}
TEXT_ENCODERS = {
    "clip_l": (CLIPTextModel, TEXT | {
        "hidden_size": 768, "intermediate_size": 3072, "projection_dim": 768, "num_hidden_layers": 12,
        "num_attention_heads": 12, "hidden_act": "quick_gelu"}),
    "open_clip_bigg": (CLIPTextModelWithProjection, TEXT | {
        "hidden_size": 1280, "intermediate_size": 5120, "projection_dim": 1280, "num_hidden_layers": 32,
        "num_attention_heads": 20, "hidden_act": "gelu"}),
}

# What is kept of a text encoder's config: transformers adds fields to every model's (generation, labels,
# pruning) which say nothing of an encoder.
TEXT_FIELDS = {
    "bos_token_id", "pad_token_id", "eos_token_id", "transformers_version", "vocab_size", "hidden_size",
    "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads",
    "max_position_embeddings", "layer_norm_eps", "hidden_act", "initializer_range", "initializer_factor",
    "attention_dropout", "model_type",
}


def config_of(model):
    """Returns the model's configuration with its class name, as the published config.json would state it."""
    if isinstance(model, (UNet2DConditionModel, AutoencoderKL)):
        fields = {key: value for key, value in model.config.items() if not key.startswith("_")}
    else:
        fields = {key: value for key, value in model.config.to_dict().items() if key in TEXT_FIELDS}
    return fields | {"_class_name": type(model).__name__}


def description(model):
    return {
        "config": config_of(model),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "tensors": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
    }


def multiply_adds(function, *arguments, **keywords):
    """Counts the multiply-adds of one call; each is two of the operations that torch counts."""
    # The plain attention consists of two batched matrix products, which is what is counted.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        function(*arguments, **keywords)
    operations = counter.get_total_flops()
    if operations % 2:
        raise ValueError("expected an even count of operations")
    return operations // 2


def empty(*shape):
    return torch.empty(shape, device="meta")


def unet_multiply_adds(unet, pixels):
    config = unet.config
    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    side = pixels // VAE_SCALE
    return multiply_adds(
        unet, empty(1, config.in_channels, side, side), empty(1),
        encoder_hidden_states=empty(1, TOKENS, config.cross_attention_dim),
        added_cond_kwargs={"text_embeds": empty(1, pooled), "time_ids": empty(1, 6)})


def decode_multiply_adds(vae, pixels):
    side = pixels // VAE_SCALE
    return multiply_adds(vae.decode, empty(1, vae.config.latent_channels, side, side))


def encode_multiply_adds(vae, pixels):
    return multiply_adds(vae.encode, empty(1, vae.config.in_channels, pixels, pixels))


def text_multiply_adds(encoder):
    # A whole forward pass: every layer, and the projection of the pooled vector where there is one.
    return multiply_adds(encoder, torch.zeros((1, TOKENS), dtype=torch.long, device="meta"))


def embedded_counts(folder):
    """Counts the pipeline of `folder` at 128x128, from its configs alone."""
    unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder / "unet")).eval()
    vae = AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae")).eval()
    text = CLIPTextConfig.from_pretrained(folder / "text_encoder")
    text_2 = CLIPTextConfig.from_pretrained(folder / "text_encoder_2")
    return {
        "unet": {"128x128": unet_multiply_adds(unet, 128)},
        "vae_decode": {"128x128": decode_multiply_adds(vae, 128)},
        "vae_encode": {"128x128": encode_multiply_adds(vae, 128)},
        "text_encoder": {"77": text_multiply_adds(CLIPTextModel(text).eval())},
        "text_encoder_2": {"77": text_multiply_adds(CLIPTextModelWithProjection(text_2).eval())},
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER")
    parser.add_argument("--embedded", type=Path, metavar="MODEL_FOLDER")
    request = parser.parse_args()
    request.out.mkdir(parents=True, exist_ok=True)
    counts = {}
    with torch.device("meta"):
        models = {name: UNet2DConditionModel(**config) for name, config in UNETS.items()}
        models |= {name: kind(CLIPTextConfig(**config)) for name, (kind, config) in TEXT_ENCODERS.items()}
        models["vae"] = vae = AutoencoderKL(**VAE)
        for name, model in models.items():
            model.eval()
            lined_json.write(request.out / f"{name}.json", description(model))
        for name in UNETS:
            counts[name] = {f"{n}x{n}": unet_multiply_adds(models[name], n) for n in (512, 768, 1024)}
        for name in TEXT_ENCODERS:
            counts[name] = {f"{TOKENS}": text_multiply_adds(models[name])}
        counts["vae_decode"] = {f"{n}x{n}": decode_multiply_adds(vae, n) for n in (512, 1024)}
        counts["vae_encode"] = {f"{n}x{n}": encode_multiply_adds(vae, n) for n in (512,)}
        if request.embedded:
            counts["embedded"] = embedded_counts(request.embedded)
    lined_json.write(request.out / "multiply_adds.json", counts, depth=3)
    for name, count in counts.items():
        print(name, count)


if __name__ == "__main__":
    main()
