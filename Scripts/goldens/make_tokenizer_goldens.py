#!/usr/bin/env python3
"""Write what transformers' slow CLIPTokenizer makes of hard texts, for CLIPTokenizerTests.

    python3.11 -m venv .venv && .venv/bin/pip install transformers==4.57.6 ftfy==6.3.1 regex==2026.11.15
    .venv/bin/python Scripts/goldens/make_tokenizer_goldens.py

Python 3.11.7, whose unicodedata is Unicode 14.0.0. ftfy must be installed: without it transformers takes another way
through a text, and gives other ids for 232 of the 300 in texts.json.

In Tests/Goldens/tokenizer:
merges.txt           read: CLIP's merges, as in openai/clip-vit-large-patch14 (MIT)
texts.json           read and written: 300 texts; their ids, untruncated with begin and end, are computed anew
configurations.json  written: tokenizer_config.json and special_tokens_map.json of several kinds (SDXL's second
                     tokenizer, where "!" is a special token, among them) with texts and their ids
repairs.json         written: damaged texts, what ftfy makes of each, their ids
neighbours.json      written: the characters that UTF-8 has in other encodings, and for each, C, SHA-256 of the ids
                     (int32, little-endian) of the texts "CDa", D being every seventh of them from C's place modulo 7,
                     without those ("later") of which ftfy makes what Unicode 14.0 lacks
pieces.json          written: ids, their spelling and their readable text
characters.json      written: for each 4096 code points, SHA-256 of the ids (int32, little-endian) of the texts
                     "aCB 'C", C being each character assigned in Unicode 14.0
"""
import hashlib, html.entities, json, os, struct, tempfile, unicodedata
import ftfy, transformers
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
    "\u4e1c\u4eac\u72d0 a\u72d0b \u3053\u3093 \U00020000x \ufa5ex \U0002a6e0x",       # CJK, compatible ideographs
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

# What UTF-8 is mistaken for, as ftfy spells it.
ENCODINGS = ["latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253",
             "sloppy-windows-1254", "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437"]
WORDS = ["d\u00e9j\u00e0 vu", "\u201cquoted\u201d \u2014 it\u2019s\u2026", "Stra\u00dfe 30\u00b0",
         "\u041f\u0440\u0438\u0432\u0435\u0442", "\u6771\u4eac\u306e\u72d0", "\U0001f98a fox", "\u0641\u0646",
         "\u0939\u093f\u0928\u094d", "\u03b1\u03bb\u03b5\u03c0\u03bf\u03cd"]

DAMAGED = [
    # blanks for A0
    "voil\xc3 le travail", "\xc3 la carte, \xc3  quele \xc3 quele", "l\xc3 s \xe2 \x80\x99", "\xf0 \x9f\xa6\x8a fox",
    # bytes lost
    "\xe2\u20ac\u0153like this\xe2\u20ac\ufffd", "caf\xc3\ufffd caf\xc3? \xe2\u20ac?", "\xf0\u0178\ufffd? \xd0?",
    # CESU-8, Java
    "\xed\xa0\xbd\xed\xb8\x8d", "\xed\xa0\ufffd\xed\xb8\u20ac", "a\xc0\x80b \xc3\xa9", "\xed\xa0\xbd alone \xc3\xa9",
    # more than one encoding
    "\u6771\u4eac caf\xc3\xa9", "na\xefve caf\xc3\xa9 \u2026", "\xb0\xc3\xa9 \u72d0",
    # Latin-1's controls; nothing wrong
    "\x91single\x92 \x85 \x81", "\x93\u72d0\x94", "1\xbe inches", "\xc5ngstr\xf6m \xd8 \xa3\u20ac", "\u0153il \u0153",
    # HTML
    "&eacute; &EACUTE; &eAcute; P&SZLIG; &AMPX; &amp;amp;lt; &semi; &amp &notit;",
    "&#233;&#xE9;&#Xe9;&#xg; &#; &#59;",
    "&#0;&#13;&#128;&#129;&#1;&#xd800;&#xfdd0;&#xffff;&#x110000;&#99999999999999999999999; "
    "&#1234567890123456789012345;", "&eacute;\n<b>&eacute;\n&eacute;", "<&eacute;", "&lt;&eacute;",
    "&NotEqualTilde;&CounterClockwiseContourIntegral;",
    # terminal escapes, line ends, controls
    "\x1b[31;1mred\x1b[0m \x1b[\u0663m \x1b[x \x1b[1 \x1b\uff3b0m",
    "a\rb\r\nc\u2028d\u2029e\x85f\x0cg\x0bh\x7fi\ufeffj\ufffck\u206al\x00m",
    # quotation marks, ligatures, widths
    "\u02bc\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f \uff07\uff02",
    "\u0132\u0133\u0149\u01f1\u01f2\u01f3\u01c4\u01c5\u01c6\u01c7\u01c8\u01c9\u01ca\u01cb\u01cc "
    "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06\ufb13", "".join(chr(c) for c in range(0xFF00, 0xFFF0)),
    "\u3000\uff76\uff9e \uffa1\uffc2", "\u00e9" * 3 + "\u00c3\u00a9" * 3,
    # signs of Windows-1251, Greek, Baltic, Macintosh
    "\u0413\u045e\u0412\u0402\u0412\u2122s",
    "\u0432\u0402\u2122 \u03b2\u20ac\u2122 \u0101\u20ac\u2122 \u221a\u2260 \u2248\xa2 \u201a\xc4\xee "
    "\u201a\xe2\xe0 \xc2 x",
    # signs in context
    "a\xc2 b", "a \xc3 b", "\xc3 x", "x.\xc2 \xd8\xaa\xd9\u2026", "\u0412\xb0\u0413 \u0392\xb0\u0393",
    "\u2502\xf2_\xf3\u2502", "\xe9\xbbx \xe9\xbb!",
]


def damaged():
    texts = list(DAMAGED)
    for encoding in ENCODINGS:
        once = [word.encode().decode(encoding) for word in WORDS]
        texts += once + [word.encode().decode(encoding) for word in once] + ["\u2603 " + word for word in once]
        texts += [word[:-1] + " fox" for word in once]
        texts += [word.encode().replace(b"\xa0", b" ").decode(encoding) for word in WORDS]
    texts += [word.encode().decode("windows-1252", "replace") for word in WORDS]
    names = sorted(name for name in html.entities.html5 if name.endswith(";"))
    names += sorted({name.upper() for name in names} - set(names))
    return texts + [" ".join("&" + name for name in names[i:i + 40]) for i in range(0, len(names), 40)]


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
    assert ftfy.__version__ == "6.3.1"
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

        write("repairs.json", [dict(text=t, repaired=ftfy.fix_text(t), ids=clip(t).input_ids) for t in damaged()])

        characters = sorted({c for e in ENCODINGS for c in bytes(range(0x80, 0x100)).decode(e)} | set("aZ1. \n"))
        neighbours = []
        for place, first in enumerate(characters):
            digest, later = hashlib.sha256(), ""
            for second in characters[place % 7::7]:
                if "Cn" in map(unicodedata.category, ftfy.fix_text(first + second + "a")):
                    later += second
                    continue
                ids = clip(first + second + "a").input_ids
                digest.update(struct.pack(f"<{len(ids)}i", *ids))
            neighbours.append(dict(character=first, later=later, sha256=digest.hexdigest()))
        write("neighbours.json", neighbours)

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
