#!/usr/bin/env python3
"""Write what transformers' slow CLIPTokenizer makes of hard texts, for CLIPTokenizerTests.

    python3.11 -m venv .venv && .venv/bin/pip install transformers==4.57.6 regex==2026.11.15
    .venv/bin/python Scripts/goldens/make_tokenizer_goldens.py

Python 3.11.7, whose unicodedata is Unicode 14.0.0. ftfy must not be installed: with ftfy 6.3.1 transformers takes
another way through a text, and gives other ids for 232 of the 300 in texts.json.

In Tests/Goldens/tokenizer:
merges.txt           read: CLIP's merges, as in openai/clip-vit-large-patch14 (MIT)
texts.json           read and written: 300 texts; their ids, untruncated with begin and end, are computed anew
configurations.json  written: tokenizer_config.json and special_tokens_map.json of several kinds (SDXL's second
                     tokenizer, where "!" is a special token, among them) with texts and their ids
pieces.json          written: ids, their spelling and their readable text
characters.json      written: for each 4096 code points, SHA-256 of the ids (int32, little-endian) of the texts
                     "aCB 'C", C being each character assigned in Unicode 14.0
"""
import hashlib, importlib.util, json, os, struct, tempfile, unicodedata
import transformers
from transformers import CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "Goldens", "tokenizer")
BEGIN, END = "<|startoftext|>", "<|endoftext|>"

# Each line is there for one rule; the comments name it.
TEXTS = [
    "hi!!!", "wow! a fox!<|endoftext|>!", "! leading", "fox !", "\uff01\u01c3",       # an added "!", and look-alikes
    "a<|endoftext|>b <|startoftext|>", "<|ENDOFTEXT|> <|StartOfText|>",              # specials in the text, in capitals
    "<|\u017ftartoftext|>", "<|endof\0text|>", "<|<|endoftext|>", ".<|endoftext|",   # almost specials
    "it's IT'S they'll WE'RE I'm she'd don't we've", "!'s ''s '\u017f \u2019s 'l",    # contractions
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u0391\u03a3. \u0391\u03a3'\u0391 \u03a3",  # final sigma
    "\u0391\u0301\u03a3 \u0391\u03a3\u00ad\u0391 1\u03a31 \u0391\u03a3<|endoftext|>\u0391",
    "\u0130stanbul STRASSE Stra\u00dfe \u1e9e \u01c5 \u2126 \u212a \u212b \ufb01ne",  # lower case, singletons
    "e\u0301 a\u0323\u0302 a\u0302\u0323 q\u0307\u0323 \u0344 \u0958",               # NFC: order, exclusions
    "\u0ccb \u0cc6\u0cc2\u0cd5 \u0f73 a\u0f81 \u0362\u0f81 \u09c7\u09be \U00011099\U000110ba",
    "\U000e01b0\u0309 \U000100e7\u0301", "\u1100\u1161\u11a8 \uac00\u11a8 \uac00\u11a7 \u1113\u1175 \uac01\u11a8",
    "\u4e1c\u4eac\u72d0 a\u72d0b \u3053\u3093 \U00020000x \ufa5ex \U0002a6e0x",       # CJK ideographs stand alone
    "x\u0345y \u03b1\u0345 '\u0345s",                                                # a mark that nothing matches
    "tab\there\r\nnbsp\u00a0em\u2003ls\u2028ps\u2029vt\x0bzw\u200bj\u200dnel\x85bom\ufeff\x1cfs",  # blanks, controls
    "\ue000private \ufffdreplaced \ufdd0none", "3.14159 \u0663\u00b2\u00bd\u2167 1,000,000",  # numbers one by one
    "\U0001f98a\u2764\ufe0f\U0001f469\u200d\U0001f680\U0001f1e9\U0001f1ea ...---\u201cq\u201d #hash (best:1.3) </w>",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u05e2\u05d1\u05e8\u05d9\u05ea \u0627\u0644\u0639",
    "  fox   <fox>   dog astronaut- xastronaut- astronaut-x", "!\u00a0astronaut-",
    "\x1c<fox>\x1c U\u0308nter \u00dcnter x\u0345y",
    "<|end of", "fox</w> <|endoftext|>s s<|endoftext|>",
    "", " ", "word " * 74, "word " * 75, "word " * 76, "a fox! " * 40,               # lengths around 77
]


def added(content, **flags):
    return dict(dict(content=content, lstrip=False, normalized=True, rstrip=False, single_word=False), **flags)


def typed(content):
    return dict(added(content), __type="AddedToken")


BASE = dict(add_prefix_space=False, do_lower_case=True, errors="replace", model_max_length=77,
            tokenizer_class="CLIPTokenizer")
ROLES = dict(bos_token=BEGIN, eos_token=END, unk_token=END)
SPECIAL = {"49406": added(BEGIN, special=True), "49407": added(END, special=True)}
CONFIGURATIONS = [
    dict(name="CLIP-L's, with added_tokens_decoder",
         configuration=dict(BASE, **ROLES, pad_token=END, added_tokens_decoder=SPECIAL),
         map=dict({k: added(v) for k, v in ROLES.items()}, pad_token=END)),
    dict(name="bigG's, with added_tokens_decoder",
         configuration=dict(BASE, **ROLES, pad_token="!", added_tokens_decoder=dict(
             {"0": added("!", normalized=False, special=True)}, **SPECIAL)),
         map=dict({k: added(v) for k, v in ROLES.items()}, pad_token="!")),
    dict(name="bigG's, as older tools write it",
         configuration=dict(BASE, **{k: typed(v) for k, v in ROLES.items()}, pad_token="!"),
         map=dict({k: added(v) for k, v in ROLES.items()}, pad_token="!")),
    dict(name="a map that replaces the configuration's tokens",
         configuration=dict(BASE, pad_token=END),
         map=dict(pad_token="!", eos_token=added(END, lstrip=True, rstrip=True),
                  additional_special_tokens=["fox</w>", added("'ll</w>", single_word=True)])),
    dict(name="a map that added_tokens_decoder silences",
         configuration=dict(BASE, **ROLES, pad_token=END, added_tokens_decoder=SPECIAL), map=dict(pad_token="!")),
    dict(name="added tokens that strip or are single words",
         configuration=dict(BASE, **ROLES, pad_token="!", model_max_length=20, added_tokens_decoder={
             "0": added("!", rstrip=True, special=True), "49406": added(BEGIN, lstrip=True, special=True),
             "49407": added(END, single_word=True, special=True),
             "49408": added("<fox>", lstrip=True, rstrip=True, special=True),
             "49409": added("astronaut-", single_word=True, special=False), "49410": added("<|", special=True),
             "49411": added("<|end", special=True), "49412": added("\u00dcnter", special=True),
             "49413": added("x\u0345y", special=True)}), map=None),
    dict(name="special tokens that are split", map=None,
         configuration=dict(BASE, pad_token="!", split_special_tokens=True)),
    dict(name="only a length", configuration=dict(model_max_length=77), map=None),
]


def vocabulary(merges):
    letters = list(bytes_to_unicode().values())
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(m.split()) for m in merges] + [BEGIN, END]
    return {token: index for index, token in enumerate(tokens)}


def tokenizer(folder, configuration, map):
    for name, value in (("tokenizer_config", configuration), ("special_tokens_map", map)):
        path = os.path.join(folder, f"{name}.json")
        if os.path.exists(path):
            os.remove(path)
        if value is not None:
            json.dump(value, open(path, "w"))
    return CLIPTokenizer.from_pretrained(folder)


def write(name, entries):
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    with open(os.path.join(FOLDER, name), "w") as file:
        file.write(f"[\n{lines}\n]\n")


def main():
    assert transformers.__version__ == "4.57.6" and unicodedata.unidata_version == "14.0.0"
    assert importlib.util.find_spec("ftfy") is None
    text = open(os.path.join(FOLDER, "merges.txt"), encoding="utf-8").read()
    merges = text.strip().split("\n")[1:]
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8").write(text)
        json.dump(vocabulary(merges), open(os.path.join(folder, "vocab.json"), "w"))

        entries = []
        for case in CONFIGURATIONS:
            clip = tokenizer(folder, case["configuration"], case["map"])
            length = clip.model_max_length
            pad = lambda t: clip(t, padding="max_length", max_length=length, truncation=True).input_ids
            entries.append(dict(case, begin=clip.bos_token_id, end=clip.eos_token_id, pad=clip.pad_token_id,
                                length=length, ids=[clip(t).input_ids for t in TEXTS],
                                padded=[pad(t) for t in ("", "hi!!!", "a fox! " * 40)]))
        write("configurations.json", [TEXTS] + entries)

        clip = tokenizer(folder, CONFIGURATIONS[0]["configuration"], CONFIGURATIONS[0]["map"])
        texts = [entry["text"] for entry in json.load(open(os.path.join(FOLDER, "texts.json")))]
        write("texts.json", [dict(text=t, ids=clip(t).input_ids) for t in texts])

        pieces = [clip.convert_ids_to_tokens(i) for i in range(0, 49408, 97)] + ["fox</w>", BEGIN, END]
        readable = {piece: clip.convert_tokens_to_string([piece]) for piece in pieces}
        # transformers strips blanks from the text, so that a piece of nothing else says nothing here.
        write("pieces.json", [dict(id=clip.convert_tokens_to_ids(p), spelling=p, text=t)
                              for p, t in readable.items() if t])

        digests = {}
        for code in range(0x110000):
            if unicodedata.category(chr(code)) in ("Cn", "Cs"):
                continue
            ids = clip(f"a{chr(code)}B '{chr(code)}").input_ids
            digests.setdefault(code >> 12, hashlib.sha256()).update(struct.pack(f"<{len(ids)}i", *ids))
        write("characters.json", [dict(first=block << 12, sha256=d.hexdigest()) for block, d in digests.items()])


if __name__ == "__main__":
    main()
