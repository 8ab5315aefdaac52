#!/usr/bin/env python3
"""Writes Tests/Goldens/infotext.json: what AUTOMATIC1111's grammar makes of texts, by Python's own `re`.

    python3 Scripts/goldens/make_infotext_goldens.py

The regular expression is the published one of that program; the outside reference is Python's engine and its
`str.strip`. A negative prompt is null where no line begins one. Empty values, which that program drops, stay.
"""

import json
import pathlib
import random
import re

PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
MARK = "Negative prompt:"
SETTINGS = (
    "Steps: 20, Sampler: Euler, CFG scale: 9, Seed: 1, Size: 1024x1024, Model: ssd-1b, RNG: CPU, Version: 0.1"
)

BY_HAND = [
    "", " ", "\n\n", "a fox", SETTINGS, "\n" + SETTINGS, f"a fox\n{SETTINGS}",
    f"a fox\r\n{MARK} blur\r\n{SETTINGS}\r\n",
    f"a fox\n{MARK} blur\nmore blur\n{SETTINGS}", f"{MARK} blur\n{SETTINGS}", f"a fox\n{MARK}\n{SETTINGS}",
    f"a\n\n  b  \n\nc\n{MARK} d\n\ne\n{SETTINGS}", f"a\n{MARK} b\n{MARK} c\n{SETTINGS}",
    f"a {MARK} b\n{SETTINGS}",
    f"Steps: 5, Seed: 2, Size: 3x3\nsecond line\n{SETTINGS}", "a\nSteps: 20, Seed: 1",
    "a\nSteps: 20, Seed: 1, Size: 8x8",
    "a portrait: close-up, mood: dark, style: oil",
    'x\nSteps: 1, Model: "a, b: c", Note: "say \\"hi\\"\\n\\u00e9 \\\\", Seed: 3',
    'x\nSteps: 1, Model: "a" b, Seed: 3, Empty: , Last: ', 'x\nSteps: 1, A: "", B1: "", Seed: 3',
    'x\nSteps: 1, Bad: "a, b, Seed: 3',
    'x\nSteps: 1, Bad: "a\\x", Seed: 3', 'x\nSteps: 1, Tab: "a\tb", Seed: 3',
    'x\nAA: 1, B: 2, CC: 3, DD: 4', 'x\n-AA: 1, /BB: 2, (CC): 3, DD (x): 4',
    "x\nSteps: 20; Sampler: Euler a, Schedule type: Karras, "
    "VAE hash: 235745af8d, Lora hashes: \"a: 1, b: 2\", Hires upscale: 2, a/b-c d: e",
    "x\nSchritte: 20, Größe: 8x8, Модель: м, 模型: 型, ²³: 5, ٣٤: 6, _a: 7, é\u0301x: 8",
    "x\u2028y\u0085z\n\u3000Steps: 20,\u00a0Seed:\u20091,\x1cSize: 8x8\x1f",
    "x\x0b\x0c\n\x1dSteps: 1,Seed: 2,Size: 3x3,",
    "x\nSteps: 1:2, Seed: a:b:c, Time: 12:30:01, URL: http://x/y, z: q",
]


def fuzz(count):
    generator = random.Random(20)
    words = [
        "Steps", "Seed", "a", "ab", "Size", MARK, "1", "8x8", "é", "狐", "_", ":", ": ", ",", ", ", '"', '\\"', "\\",
        "\\n", "\\u00e9", "/", "-", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "(", ")", '"a, b"',
        "x: 1, yy: 2, zz: 3",
    ]
    return ["".join(generator.choices(words, k=generator.randint(1, 40))) for _ in range(count)]


def unquoted(value):
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def parsed(text):
    lines = text.strip().split("\n")
    pairs = PAIR.findall(lines[-1])
    if len(pairs) < 3:
        pairs = []
    else:
        lines.pop()
    prompt, negative = "", None
    for line in (line.strip() for line in lines):
        starts = line.startswith(MARK)
        if starts:
            line = line[len(MARK):].strip()
            negative = negative or ""
        if negative is None:
            prompt = f"{prompt}\n{line}" if prompt else line
        else:
            negative = f"{negative}\n{line}" if negative else line
    pairs = [[key, unquoted(value)] for key, value in pairs]
    return {"text": text, "prompt": prompt, "negative": negative, "pairs": pairs}


if __name__ == "__main__":
    cases = [parsed(text) for text in BY_HAND + fuzz(300)]
    path = pathlib.Path(__file__).resolve().parents[2] / "Tests/Goldens/infotext.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases,", sum(bool(case["pairs"]) for case in cases), "with settings")
