#!/usr/bin/env python3
"""Write what the embedded model's subjects look like, for telling what a generated picture shows.

    apt-get install fonts-noto-color-emoji
    pip install -r requirements.txt
    make_subject_goldens.py Tests/Goldens/subjects

OUT_FOLDER/subjects.json holds `side`, the `names` in order, and the `backgrounds` by name, [red, green, blue] of 255.
OUT_FOLDER/subjects.rgba holds for each name [side, side, 4] bytes: the subject in the middle at its normal size on
nothing, red, green and blue times its opacity, then the opacity, each the mean over a cell of the 128x128 picture. On a
background b a cell's mean is rgb + (1 - opacity) b.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import lined_json

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demo-model"))
import emoji  # noqa: E402

SIDE = 16


def cells(name):
    _, subject = emoji.plain_composition(emoji.SUBJECTS[name], "white").layers()
    values = np.asarray(subject, np.float64)
    values[..., :3] *= values[..., 3:] / 255
    return values.reshape(SIDE, emoji.SIDE // SIDE, SIDE, emoji.SIDE // SIDE, 4).mean((1, 3)).round().astype(np.uint8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "subjects.rgba").write_bytes(np.stack([cells(name) for name in emoji.NAMES]).tobytes())
    lined_json.write(folder / "subjects.json", dict(side=SIDE, names=emoji.NAMES, backgrounds=emoji.BACKGROUNDS))
