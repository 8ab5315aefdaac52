#!/usr/bin/env python3
"""Writes Tests/Goldens/inspection/foreign.json: names and shapes of checkpoints that are no part of an SDXL pipeline.

Run from the top of the repository: python Scripts/goldens/make_foreign_goldens.py

Networks come from diffusers and transformers at small widths, where those do not tell them apart; LoRAs from peft.
"""

import json
from pathlib import Path

import diffusers
import peft
import transformers
from accelerate import init_empty_weights
from diffusers.utils import convert_state_dict_to_diffusers, convert_state_dict_to_kohya

OUT = Path(__file__).resolve().parents[2] / "Tests/Goldens/inspection/foreign.json"


def unet(**changes):
    settings = {"block_out_channels": (32, 64), "layers_per_block": 1, "norm_num_groups": 8, "attention_head_dim": 8,
                "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
                "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), **changes}
    return diffusers.UNet2DConditionModel(**settings)


def shapes(network, prefix=""):
    return {prefix + name: list(tensor.shape) for name, tensor in network.state_dict().items()}


def lora():
    network = unet(cross_attention_dim=2048)
    network.add_adapter(peft.LoraConfig(r=4, target_modules=["to_q", "to_k"]))
    state = {f"unet.{name}": tensor for name, tensor in peft.get_peft_model_state_dict(network).items()}
    forms = state, convert_state_dict_to_diffusers(state), convert_state_dict_to_kohya(state)
    return ({name: list(tensor.shape) for name, tensor in form.items()} for form in forms)


def main():
    with init_empty_weights():
        sdxl = {"addition_embed_type": "text_time", "addition_time_embed_dim": 256,
                "projection_class_embeddings_input_dim": 2816}
        checkpoints = {
            "sd1": shapes(unet(cross_attention_dim=768)), "sd1 inpainting": shapes(unet(cross_attention_dim=768, in_channels=9)),
            "sd2": shapes(unet(cross_attention_dim=1024)),
            "refiner": shapes(unet(cross_attention_dim=1280, **{**sdxl, "projection_class_embeddings_input_dim": 2560})),
            "sdxl family": shapes(unet(cross_attention_dim=2048, **sdxl)),
            "controlnet": shapes(diffusers.ControlNetModel(
                block_out_channels=(32, 64), layers_per_block=1, norm_num_groups=8, attention_head_dim=8,
                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), cross_attention_dim=2048)),
            "vae": shapes(diffusers.AutoencoderKL(block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2,
                                                  up_block_types=("UpDecoderBlock2D",) * 2, norm_num_groups=4,
                                                  latent_channels=16)),
            "taesd": shapes(diffusers.AutoencoderTiny()),
            "flux": shapes(diffusers.FluxTransformer2DModel(
                num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32,
                pooled_projection_dim=32, axes_dims_rope=(4, 4, 8))),
            "sd3": shapes(diffusers.SD3Transformer2DModel(num_layers=1, attention_head_dim=8, num_attention_heads=2,
                                                          joint_attention_dim=32, caption_projection_dim=16,
                                                          pooled_projection_dim=32)),
            "clip text": shapes(transformers.CLIPTextModel(transformers.CLIPTextConfig(
                hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2))),
            "clip": shapes(transformers.CLIPModel(transformers.CLIPConfig(
                text_config={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
                vision_config={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}))),
            "clip vision": shapes(transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(
                hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2))),
            "t5": shapes(transformers.T5EncoderModel(transformers.T5Config(
                d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=2, vocab_size=100))),
            "gpt2": shapes(transformers.GPT2Model(transformers.GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=100))),
        }
    checkpoints["lora peft"], checkpoints["lora diffusers"], checkpoints["lora kohya"] = lora()
    OUT.write_text(
        "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(tensors)}" for name, tensors in checkpoints.items()) + "\n}\n")
    for name, tensors in checkpoints.items():
        print(name, len(tensors), next(iter(tensors)))


if __name__ == "__main__":
    main()
