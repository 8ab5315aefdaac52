#!/usr/bin/env python3
"""Writes Tests/Goldens/png: PNG files as Pillow reads them, and decoded values as diffusers rounds them.

    pip install pillow==13.0.0 numpy diffusers==0.36.0 torch
    python3 Scripts/goldens/make_png_goldens.py

For each picture NAME.png there is NAME.rgb (rows of 8-bit RGB) and an entry in goldens.json (size, texts in
the file's order). Pillow cuts 16-bit samples of colour pictures to their high byte; there the expected bytes
are round(v * 255 / 65535), as the PNG specification recommends, and Pillow's are checked to be within 1.
"""

import io
import json
import pathlib
import struct
import zlib

import diffusers
import numpy as np
import PIL
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, PngImagePlugin

assert PIL.__version__ == "13.0.0" and diffusers.__version__ == "0.36.0", "the pinned versions"
FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/Goldens/png"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
FOX = "ein Füchslein: 狐 на синем 🦊\nzweite Zeile"
random = np.random.default_rng(20)
goldens = {}


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed(samples, depth):
    """Rows of [H, W, C] samples as unfiltered PNG scanlines."""
    rows = b""
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            body = row.astype(">u2").tobytes()
        else:
            bits = "".join(f"{int(value):0{depth}b}" for value in row)
            bits += "0" * (-len(bits) % 8)
            body = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + body
    return rows


def png(samples, depth, colour, interlaced=False, before=b"", after=b""):
    """A PNG file by hand: what Pillow cannot write."""
    height, width = samples.shape[:2]
    if interlaced:
        passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        rows = b"".join(packed(part, depth) for part in passes if part.size)
    else:
        rows = packed(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    data = zlib.compress(rows)
    half = len(data) // 2
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data[:half])
            + chunk(b"IDAT", data[half:]) + after + chunk(b"IEND", b""))


def save(name, data, pixels=None, text=()):
    image = Image.open(io.BytesIO(data))
    image.load()
    assert dict(image.text) == dict(text), (name, image.text)
    if pixels is None:
        pixels = np.asarray(image.convert("RGB"))
    elif image.mode == "RGB":
        assert np.abs(np.asarray(image).astype(int) - pixels.astype(int)).max() <= 1, name
    assert pixels.shape == (image.height, image.width, 3) and pixels.dtype == np.uint8
    (FOLDER / f"{name}.png").write_bytes(data)
    (FOLDER / f"{name}.rgb").write_bytes(pixels.tobytes())
    goldens[name] = {"width": image.width, "height": image.height, "text": [list(pair) for pair in text]}


def by_pillow(name, image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    save(name, file.getvalue(), text=list(options["pnginfo"].pairs) if "pnginfo" in options else ())


def samples(width, height, depth, colour):
    return random.integers(0, 1 << depth, (height, width, CHANNELS[colour]))


def rounded(values):
    """16-bit samples as 8-bit RGB without alpha."""
    values = np.rint(values * 255 / 65535).astype(np.uint8)
    return values[:, :, :3] if values.shape[2] >= 3 else np.repeat(values[:, :, :1], 3, axis=2)


class Texts(PngImagePlugin.PngInfo):
    """Remembers what was added."""

    def __init__(self):
        super().__init__()
        self.pairs = []

    def add_text(self, key, value, zip=False):
        self.pairs.append((key, value))
        super().add_text(key, value, zip)

    def add_itxt(self, key, value, lang="", tkey="", zip=False):
        self.pairs.append((key, value))
        super().add_itxt(key, value, lang, tkey, zip)


def pictures():
    noise = random.integers(0, 256, (5, 7, 4), dtype=np.uint8)
    by_pillow("rgb8", Image.fromarray(noise[:, :, :3]))
    by_pillow("rgba8", Image.fromarray(noise))
    by_pillow("gray8", Image.fromarray(noise[:, :, 0]))
    by_pillow("gray-alpha8", Image.fromarray(noise[:, :, :2], "LA"))
    by_pillow("gray1", Image.fromarray(noise[:, :, 0] > 127))
    by_pillow("one-pixel", Image.new("RGB", (1, 1), (1, 2, 3)))
    colours = Image.fromarray(random.integers(0, 256, (9, 11, 3), dtype=np.uint8))
    by_pillow("palette8", colours.quantize(99))
    by_pillow("palette4", colours.quantize(13))
    by_pillow("palette1", colours.quantize(2))
    by_pillow("palette-transparent", colours.quantize(13), transparency=bytes(range(13)))
    corner = tuple(map(int, noise[0, 0, :3]))
    by_pillow("rgb-transparent", Image.fromarray(noise[:, :, :3]), transparency=corner)
    for depth in (2, 4):
        save(f"gray{depth}", png(samples(7, 5, depth, GRAY), depth, GRAY))
    for name, colour in (("gray16", GRAY), ("gray-alpha16", GRAY_ALPHA), ("rgb16", RGB), ("rgba16", RGBA)):
        values = samples(7, 5, 16, colour)
        save(name, png(values, 16, colour), rounded(values))
    for name, colour, depth, width, height in (
        ("interlaced-rgb8", RGB, 8, 13, 11), ("interlaced-rgba8", RGBA, 8, 9, 8),
        ("interlaced-gray1", GRAY, 1, 17, 9), ("interlaced-gray4", GRAY, 4, 10, 5),
        ("interlaced-narrow", RGB, 8, 1, 3),
    ):
        save(name, png(samples(width, height, depth, colour), depth, colour, interlaced=True))
    values = samples(13, 11, 16, RGB)
    save("interlaced-rgb16", png(values, 16, RGB, interlaced=True), rounded(values))


def texts():
    picture = Image.fromarray(random.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    info = Texts()
    info.add_text("parameters", "a caf\u00e9\nSteps: 20, Sampler: Euler, CFG scale: 9")
    info.add_text("prompt", json.dumps({"3": {"class_type": "KSampler"}}) * 40, zip=True)
    info.add_itxt("Title", FOX)
    info.add_itxt("workflow", FOX * 50, lang="de", tkey="Ablauf", zip=True)
    info.add_text("Schl\u00fcssel", "")
    by_pillow("texts", picture, pnginfo=info)

    before = chunk(b"tEXt", b"before\0one")
    after = chunk(b"tEXt", b"after\0two") + chunk(b"iTXt", b"fox\0\0\0\0\0" + FOX.encode())
    after += chunk(b"zTXt", b"packed\0\0" + zlib.compress(b"three"))
    save("texts-after", png(samples(4, 3, 8, RGB), 8, RGB, before=before, after=after),
         text=[("before", "one"), ("after", "two"), ("fox", FOX), ("packed", "three")])


def decoded():
    """Values at and beside every rounding boundary, random ones in and out of range, and infinities."""
    float32 = np.float32
    ties = ((np.arange(255) + 0.5) / 255 * 2 - 1).astype(float32)
    steps = [ties]
    for direction in (float32(-2), float32(2)):
        values = ties
        for _ in range(2):
            values = np.nextafter(values, direction)
            steps.append(values)
    special = np.array([-np.inf, np.inf, -1, 1, 0, -0.0, 1e-45, -3e38, 3e38, 0.99999994], float32)
    values = np.concatenate([*steps, special, random.uniform(-1.5, 1.5, 3000).astype(float32)])
    values = values[: len(values) // 21 * 21].reshape(-1, 7, 3)
    image = VaeImageProcessor().postprocess(torch.from_numpy(values).permute(2, 0, 1)[None], "pil")[0]
    halves = (values * float32(0.5) + float32(0.5)).clip(0, 1) * float32(255) % 1 == 0.5
    assert halves.sum() > 100, "exact halves are what the table is for"
    (FOLDER / "decoded.f32").write_bytes(values.astype("<f4").tobytes())
    (FOLDER / "decoded.rgb").write_bytes(np.asarray(image).tobytes())


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    pictures()
    texts()
    decoded()
    (FOLDER / "goldens.json").write_text(json.dumps(goldens, indent=1, ensure_ascii=False) + "\n")
    print(len(goldens), "pictures")
