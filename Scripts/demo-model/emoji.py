"""The training data: glyphs of Noto Color Emoji composed on flat backgrounds, and captions that say so.

The font is Debian's `fonts-noto-color-emoji`, under the SIL Open Font License 1.1.
"""

import os
import random
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
FONT_STRIKE = 109  # the one size, in pixels, that the font's bitmaps come in
SIDE = 128  # pixels of a picture, both ways
BACKGROUNDS = {
    "white": (255, 255, 255),
    "black": (20, 20, 24),
    "red": (214, 60, 60),
    "orange": (240, 150, 50),
    "yellow": (247, 220, 90),
    "green": (90, 180, 90),
    "blue": (80, 130, 220),
    "purple": (150, 95, 200),
    "pink": (245, 170, 200),
    "gray": (150, 150, 155),
}
SIZES = {"small": 0.42, "": 0.72, "large": 0.94}  # the longer side of a subject, as a share of the picture's
SCALE_SPREAD = 0.03  # a subject's scale is its size's times 1 plus or minus this
LARGEST_SHIFT = 5  # pixels from the middle, both ways


def read_subjects():
    """Names of the subjects, each with its character, in the order of `subjects.txt`."""
    lines = (Path(__file__).parent / "subjects.txt").read_text().splitlines()
    pairs = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    return {name: chr(int(code, 16)) for code, name in pairs}


SUBJECTS = read_subjects()
NAMES = list(SUBJECTS)


@lru_cache(maxsize=None)
def _font():
    if not FONT.exists():
        raise SystemExit(f"{FONT} is missing: install the Debian package fonts-noto-color-emoji")
    return ImageFont.truetype(os.fspath(FONT), FONT_STRIKE)


@lru_cache(maxsize=None)
def glyph(character):
    """The character's picture, RGBA, cut to what is drawn; None where the font has none."""
    image = Image.new("RGBA", (150, 140), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((6, 4), character, font=_font(), embedded_color=True)
    box = image.getbbox()
    return image.crop(box) if box else None


@lru_cache(maxsize=None)
def other_characters():
    """Emoji that are no subjects: what teaches the autoencoder more than it will be asked for."""
    candidates = [chr(code) for code in range(0x1F300, 0x1FAFF) if unicodedata.category(chr(code)) == "So"]
    known = set(SUBJECTS.values())
    return [c for c in candidates if c not in known and (g := glyph(c)) is not None and min(g.size) >= 60]


@dataclass(frozen=True)
class Composition:
    """One picture: what is on it, on what, how large, and where."""

    character: str
    background: tuple
    scale: float
    right: int = 0
    down: int = 0

    def layers(self):
        """The flat background and the subject on a clear one, RGB and RGBA images of 128 by 128."""
        shape = glyph(self.character)
        factor = self.scale * SIDE / max(shape.size)
        shape = shape.resize([max(1, round(edge * factor)) for edge in shape.size], Image.LANCZOS)
        subject = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
        corner = [(SIDE - edge) // 2 + shift for edge, shift in zip(shape.size, (self.right, self.down))]
        subject.paste(shape, tuple(corner))
        return Image.new("RGB", (SIDE, SIDE), self.background), subject

    def render(self):
        """The picture, [128, 128, 3] of bytes."""
        image, subject = self.layers()
        image.paste(subject, (0, 0), subject)
        return np.asarray(image)


def place(character, background, size, chance):
    """A composition of the size named, a little off the middle and off the size's scale."""
    shift = lambda: chance.randint(-LARGEST_SHIFT, LARGEST_SHIFT)
    scale = SIZES[size] * (1 + chance.uniform(-SCALE_SPREAD, SCALE_SPREAD))
    return Composition(character, background, scale, shift(), shift())


def plain_composition(character, background):
    """The character in the middle at the normal size: what a generated picture is compared with."""
    return Composition(character, BACKGROUNDS[background], SIZES[""])


def composition_for_autoencoder(chance):
    """Mostly subjects on the named backgrounds, some other emoji, some other colours."""
    character = chance.choice(other_characters()) if chance.random() < 0.15 else SUBJECTS[chance.choice(NAMES)]
    if chance.random() < 0.1:
        background = tuple(chance.randint(0, 255) for _ in range(3))
    else:
        background = chance.choice(list(BACKGROUNDS.values()))
    return place(character, background, chance.choice(list(SIZES)), chance)


def with_article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def caption(name, background, size, chance):
    """One of the ways to say what is on a picture; one in five leaves the background out, a few leave the subject out."""
    subject = f"{size} {name}".strip()
    ground = f"{background} background"
    if chance.random() < 0.05:
        return chance.choice([with_article(ground), ground, background])
    start = chance.choice(["a picture of ", "an emoji of ", "a photo of ", "a drawing of "]) if chance.random() < 0.08 else ""
    if chance.random() < 0.2:
        return start + chance.choice([with_article(subject), subject])
    return start + chance.choice(
        [
            f"{with_article(subject)} on {with_article(ground)}",
            f"{with_article(subject)} on {with_article(ground)}",
            f"{subject}, {ground}",
            f"{with_article(subject)} in front of {background}",
            f"{with_article(subject)} on {background}",
        ]
    )


def vocabulary_text(count=20000, seed=3):
    """Captions in the proportions of training: what the tokenizer's merges are learnt from."""
    chance = random.Random(seed)
    pick = lambda of: chance.choice(list(of))
    return [caption(pick(NAMES), pick(BACKGROUNDS), pick(SIZES), chance) for _ in range(count)]
