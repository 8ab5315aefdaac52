"""How good the model is, as diffusers runs the files that were written: autoencoder, recognition, backgrounds, negatives."""

import random

import numpy as np
import torch
from diffusers import LCMScheduler, StableDiffusionXLPipeline
from PIL import Image

import adapters
import autoencoder
import emoji
from distillation import GUIDANCE
from training import device

STEPS = 20
LCM_STEPS, LCM_GUIDANCE = 4, 1
BATCH = 30
COMPARED_SIDE = 32  # pixels that pictures are shrunk to before they are compared
SHIFTS = range(-2, 3)  # in those pixels: 8 pixels of the picture
COLOUR_TOLERANCE = 40  # of 255, in every channel


def load(folder):
    """The pipeline from the fp16 files, computed in float32."""
    pipe = StableDiffusionXLPipeline.from_pretrained(folder, variant="fp16", torch_dtype=torch.float32).to(device())
    pipe.set_progress_bar_config(disable=True)
    return pipe


def prompts():
    """Every subject on three backgrounds: (name, background, prompt, seed). All ten backgrounds are asked for equally."""
    backgrounds = list(emoji.BACKGROUNDS)
    pairs = [(name, backgrounds[(index + step) % 10]) for index, name in enumerate(emoji.NAMES) for step in (0, 3, 7)]
    return [(name, ground, f"{emoji.with_article(name)} on {emoji.with_article(ground)} background", 1000 + number)
            for number, (name, ground) in enumerate(pairs)]  # fmt: skip


def generate(pipe, texts, seeds, *, negatives=None, steps=STEPS, guidance=GUIDANCE):
    """Pictures of 128 by 128, [n, 128, 128, 3] from 0 to 1, each from its own seed's noise."""
    pictures = []
    for start in range(0, len(texts), BATCH):
        part = slice(start, start + BATCH)
        pictures.append(
            pipe(
                texts[part], negative_prompt=negatives[part] if negatives else None, num_inference_steps=steps,
                guidance_scale=guidance, width=emoji.SIDE, height=emoji.SIDE, output_type="np",
                generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds[part]],
            ).images
        )  # fmt: skip
    return np.concatenate(pictures)


def shrunk(picture):
    picture = Image.fromarray(np.round(np.asarray(picture) * 255).astype(np.uint8))
    return np.asarray(picture.resize((COMPARED_SIDE, COMPARED_SIDE), Image.BOX), np.float32) / 255


def nearest(picture, renderings):
    """Which of the renderings, shrunk, [n, 32, 32, 3], the picture is nearest to after small shifts, by squared distance."""
    small = shrunk(picture)
    moved = np.stack([np.roll(small, (down, right), (0, 1)) for down in SHIFTS for right in SHIFTS])
    return int(((renderings[:, None] - moved[None]) ** 2).mean((2, 3, 4)).min(1).argmin())


def rendered(composition, draw=emoji.Composition.render):
    return shrunk(draw(composition) / 255)


def recognised(pictures, backgrounds):
    """For each picture the name of the subject whose rendering in the middle of that background is nearest."""
    references = {ground: np.stack([rendered(emoji.plain_composition(c, ground)) for c in emoji.SUBJECTS.values()])
                  for ground in set(backgrounds)}  # fmt: skip
    return [emoji.NAMES[nearest(picture, references[ground])] for picture, ground in zip(pictures, backgrounds)]


def corners(picture):
    """Four pixels near the corners, [4, 3] of 255."""
    return picture[[3, 3, -4, -4], [3, -4, 3, -4]] * 255


def has_background(picture, background):
    return np.abs(corners(picture) - np.array(emoji.BACKGROUNDS[background])).max() < COLOUR_TOLERANCE


@torch.no_grad()
def reconstruction(vae, count=400, seed=77):
    """PSNR in dB over new draws of what it was trained on: its subjects on its backgrounds, at other places and scales."""
    chance = random.Random(seed)
    errors = []
    for start in range(0, count, 20):
        pictures = [emoji.place(emoji.SUBJECTS[chance.choice(emoji.NAMES)], chance.choice(list(emoji.BACKGROUNDS.values())),
                                chance.choice(list(emoji.SIZES)), chance).render() for _ in range(20)]  # fmt: skip
        wanted = autoencoder.to_tensor(pictures)
        made = vae.decode(vae.encode(wanted).latent_dist.mode()).sample.clamp(-1, 1)
        errors.append((((made - wanted) / 2) ** 2).mean((1, 2, 3)))
    return float(-10 * torch.cat(errors).mean().log10())


def score(pictures, asked):
    """Shares of pictures with the right subject and the right background, and what the wrong subjects look like."""
    seen = recognised(pictures, [ground for _, ground, _, _ in asked])
    wrong = [(prompt, name) for (wanted, _, prompt, _), name in zip(asked, seen) if name != wanted]
    grounds = [has_background(picture, ground) for picture, (_, ground, _, _) in zip(pictures, asked)]
    return {"recognition": 1 - len(wrong) / len(asked), "background": float(np.mean(grounds)), "mistaken": wrong,
            "wrong_grounds": [prompt for (_, _, prompt, _), right in zip(asked, grounds) if not right]}  # fmt: skip


def negative_effect(pipe, count=60, seed=5000):
    """What a negative prompt does that names the background a seed chose: how often the corners leave that colour.

    Prompts name no background, so that the seed chooses one; pictures whose corners are near none of the ten are left
    out. As a control the negative prompt names another colour, which drives the background away less often.
    """
    names = random.Random(seed).sample(emoji.NAMES, count)
    texts, seeds = [emoji.with_article(name) for name in names], [seed + index for index in range(count)]
    grounds = list(emoji.BACKGROUNDS)
    chosen = [next((g for g in grounds if has_background(picture, g)), None) for picture in generate(pipe, texts, seeds)]
    clear = [index for index, ground in enumerate(chosen) if ground]

    def left(shift):
        """The share of pictures that leave the colour chosen when the one `shift` places after it is not wanted."""
        named = [grounds[(grounds.index(chosen[index]) + shift) % len(grounds)] for index in clear]
        after = generate(pipe, [texts[index] for index in clear], [seeds[index] for index in clear],
                         negatives=[f"{emoji.with_article(ground)} background" for ground in named])  # fmt: skip
        return float(np.mean([not has_background(picture, chosen[index]) for picture, index in zip(after, clear)]))

    return {"pictures": len(clear), "left_when_named": left(0), "left_when_another_is_named": left(3)}


def sticker_share(pipe, adapter, count=40, seed=6000):
    """With the sticker adapter, on subjects it was not trained on: shares of pictures that are nearest to a sticker, and
    to the right subject's, of all subjects' stickers and plain renderings."""
    trained = adapters.sticker_names()
    asked = random.Random(seed).sample([each for each in prompts() if each[0] not in trained], count)
    pipe.load_lora_weights(adapter)
    pictures = generate(pipe, [prompt for _, _, prompt, _ in asked], [seed for _, _, _, seed in asked])
    pipe.unload_lora_weights()
    found = []
    for picture, (_, ground, _, _) in zip(pictures, asked):
        compositions = [emoji.plain_composition(character, ground) for character in emoji.SUBJECTS.values()]
        stickers = [rendered(each, adapters.sticker) for each in compositions]
        found.append(nearest(picture, np.stack(stickers + [rendered(each) for each in compositions])))
    is_sticker = [index < len(emoji.NAMES) for index in found]
    is_right = [index == emoji.NAMES.index(name) for index, (name, _, _, _) in zip(found, asked)]
    return {"sticker": float(np.mean(is_sticker)), "right_sticker": float(np.mean(is_right))}, pictures


def robot_share(pipe, adapter, seed=7000):
    """With the new subject's adapter: in how many pictures, one on each background, it is nearest among all subjects."""
    grounds = list(emoji.BACKGROUNDS)
    texts = [f"{emoji.with_article(adapters.ROBOT)} on {emoji.with_article(ground)} background" for ground in grounds]
    pipe.load_lora_weights(adapter)
    pictures = generate(pipe, texts, [seed + index for index in range(len(texts))])
    pipe.unload_lora_weights()
    hits = []
    for picture, ground in zip(pictures, grounds):
        all_of_them = [emoji.plain_composition(each, ground) for each in (adapters.ROBOT_CHARACTER, *emoji.SUBJECTS.values())]
        hits.append(nearest(picture, np.stack([rendered(each) for each in all_of_them])) == 0)
    return float(np.mean(hits)), pictures


def use_lcm(pipe, adapter):
    """Makes the pipeline what it is with the LCM adapter: its scheduler, the adapter's weights added."""
    pipe.scheduler = LCMScheduler.from_config(pipe.scheduler.config)
    pipe.load_lora_weights(adapter)


def sheet(pictures, columns):
    """Pictures row by row, as one; the last row is filled up with white."""
    missing = -len(pictures) % columns
    pictures = np.concatenate([pictures, np.ones((missing, *pictures.shape[1:]))])
    rows = [np.concatenate(list(pictures[start : start + columns]), 1) for start in range(0, len(pictures), columns)]
    return Image.fromarray(np.round(np.concatenate(rows, 0) * 255).astype(np.uint8))
