"""A byte-pair tokenizer in CLIP's format, learnt from the captions until every word of theirs is one token."""

import json
from collections import Counter
from pathlib import Path

from transformers import CLIPTokenizer

import emoji

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77
PADDING = {"tokenizer": END, "tokenizer_2": "!"}  # as SSD-1B's own two


def byte_characters():
    """CLIP's (GPT-2's) one printable character for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def learn_merges(texts):
    """Merges of the pairs seen most often first; of pairs seen equally often, the one that sorts last."""
    counts = Counter(word for text in texts for word in text.replace(",", " ,").split())
    words = {word: [*word[:-1], word[-1] + "</w>"] for word in counts}
    merges = []
    while True:
        pairs = Counter()
        for word, symbols in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += counts[word]
        if not pairs:
            return merges
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = {word: merged(symbols, best) for word, symbols in words.items()}


def merged(symbols, pair):
    out = []
    for symbol in symbols:
        if out and (out[-1], symbol) == pair:
            out[-1] += symbol
        else:
            out.append(symbol)
    return out


def train(folder):
    """Writes both tokenizers' files and loads them: `tokenizer` pads with the end, `tokenizer_2` with "!"."""
    characters = byte_characters()
    merges = learn_merges(emoji.vocabulary_text())
    tokens = [*characters, *(c + "</w>" for c in characters), *(a + b for a, b in merges), START, END]
    for name, padding in PADDING.items():
        place = Path(folder) / name
        place.mkdir(parents=True, exist_ok=True)
        special = dict(bos_token=START, eos_token=END, pad_token=padding, unk_token=END)
        config = dict(special, add_prefix_space=False, do_lower_case=True, errors="replace", model_max_length=LENGTH,
                      tokenizer_class="CLIPTokenizer")
        write = lambda file, text: (place / file).write_text(text + "\n", encoding="utf-8")
        write("vocab.json", json.dumps({token: index for index, token in enumerate(tokens)}, ensure_ascii=False))
        write("merges.txt", "\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in merges)]))
        write("special_tokens_map.json", json.dumps(special))
        write("tokenizer_config.json", json.dumps(config))
    return [CLIPTokenizer.from_pretrained(Path(folder) / name) for name in PADDING]
