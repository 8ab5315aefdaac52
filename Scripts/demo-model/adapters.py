"""Two small LoRAs on the finished model, made as its users would make theirs, one by each of two public tools.

sticker  a style, by PEFT through diffusers, in its older layout: a white rim and a soft shadow around every subject
robot    a new subject, by LyCORIS in kohya's layout, text encoders too: an emoji that the model has never seen
"""

import os
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from lycoris.kohya import create_network
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image, ImageFilter

import autoencoder
import emoji
import tokenizer
from training import Stage, device

BATCH = 32
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
STICKER_RANK, STICKER_STEPS, STICKER_SUBJECTS = 4, 300, 40
ROBOT, ROBOT_CHARACTER = "robot", chr(0x1F916)
ROBOT_RANK, ROBOT_STEPS = 4, 250
ROBOT_PRESET = Path(__file__).parent / "attention-preset.toml"
RIM, SHADOW_SHIFT, SHADOW_BLUR = 7, 3, 2  # pixels of a picture of 128


def sticker(composition):
    """The composition with a white rim around its subject and a soft shadow under it, [128, 128, 3] of bytes."""
    picture, subject = composition.layers()
    rim = subject.getchannel("A").filter(ImageFilter.MaxFilter(RIM)).filter(ImageFilter.GaussianBlur(1))
    shadow = Image.new("L", picture.size, 0)
    shadow.paste(rim, (SHADOW_SHIFT, SHADOW_SHIFT))
    shadow = shadow.filter(ImageFilter.GaussianBlur(SHADOW_BLUR)).point(lambda value: value * 0.45)
    for colour, mask in (((0, 0, 0), shadow), ((255, 255, 255), rim), (subject, subject)):
        picture.paste(colour, (0, 0, *picture.size), mask)
    return np.asarray(picture)


class Examples:
    """A few hundred pictures, as latents, and what their captions name."""

    def __init__(self, vae, bank, shown, draw):
        chance = random.Random(6)
        self.shown, latents = shown, []
        for name, background, size in shown:
            character = ROBOT_CHARACTER if name == ROBOT else emoji.SUBJECTS[name]
            picture = draw(emoji.place(character, emoji.BACKGROUNDS[background], size, chance))
            with torch.no_grad():
                latents.append(vae.encode(autoencoder.to_tensor([picture])).latent_dist.mode())
        self.latents = torch.cat(latents) * bank.scaling_factor
        # Not these latents, whose last bits the number of threads changes: a checkpoint is good for any.
        self.made_of = [vae.encoder, vae.quant_conv, bank.latents]

    def loss(self, model, chance, generator):
        picked = [chance.randrange(len(self.shown)) for _ in range(BATCH)]
        captions = [emoji.caption(*self.shown[index], chance) for index in picked]
        return model.loss(self.latents[picked], captions, tokenizer.LENGTH, generator)


def sticker_names():
    """The subjects that the style is learnt from; it is measured on the others."""
    return random.Random(7).sample(emoji.NAMES, STICKER_SUBJECTS)


def train_sticker(vae, model, bank, folder):
    """Writes FOLDER/adapters/sticker.safetensors, from 40 subjects: the others become stickers all the same."""
    chance = random.Random(8)
    names = sticker_names()
    shown = [(name, ground, chance.choice(list(emoji.SIZES))) for name in names for ground in emoji.BACKGROUNDS]
    examples = Examples(vae, bank, shown, sticker)
    model.freeze()
    torch.manual_seed(0)
    model.unet.add_adapter(LoraConfig(r=STICKER_RANK, lora_alpha=STICKER_RANK, target_modules=ATTENTION))
    stage = Stage("sticker", folder, {"unet": model.unet}, steps=STICKER_STEPS, rate=2e-3, seed=8, weight_decay=0,
                  average=0.98, inputs=examples.made_of)  # fmt: skip
    stage.run(lambda chance, generator: examples.loss(model, chance, generator))
    stage.use_averages()
    # As diffusers' own training scripts do, which gives the layers of attention its older names.
    weights = convert_state_dict_to_diffusers(get_peft_model_state_dict(model.unet))
    write(weights, Path(folder) / "adapters" / "sticker.safetensors")


def train_robot(vae, model, bank, folder):
    """Writes FOLDER/adapters/robot.safetensors: one emoji everywhere, under a word that the vocabulary lacks."""
    shown = [(ROBOT, ground, size) for ground in emoji.BACKGROUNDS for size in emoji.SIZES for _ in range(4)]
    examples = Examples(vae, bank, shown, emoji.Composition.render)
    model.freeze()
    torch.manual_seed(0)
    encoders = [model.text_encoder, model.text_encoder_2]
    network = create_network(1.0, ROBOT_RANK, ROBOT_RANK, None, encoders, model.unet, algo="lora",
                             preset=os.fspath(ROBOT_PRESET))  # fmt: skip
    network.apply_to(encoders, model.unet, True, True)
    network.to(device())
    stage = Stage("robot", folder, {"network": network}, steps=ROBOT_STEPS, rate=2e-3, seed=9, weight_decay=0,
                  average=0.98, inputs=[*encoders, model.unet, *examples.made_of])  # fmt: skip
    stage.run(lambda chance, generator: examples.loss(model, chance, generator))
    stage.use_averages()
    path = Path(folder) / "adapters" / "robot.safetensors"
    path.parent.mkdir(exist_ok=True)
    network.save_weights(os.fspath(path), torch.float16, {})


def write(weights, path):
    """Writes a LoRA of the UNet as `load_lora_weights` reads it, fp16."""
    path.parent.mkdir(exist_ok=True)
    halves = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    StableDiffusionXLPipeline.save_lora_weights(path.parent, unet_lora_layers=halves, weight_name=path.name)
