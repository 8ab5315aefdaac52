#!/usr/bin/env python3
"""Write what the library tokenizers makes of CLIP's tokenizer.json, for the tests of folders without vocab.json.

    python3.11 -m venv .venv && .venv/bin/pip install tokenizers==0.22.2
    .venv/bin/python Scripts/goldens/make_tokenizer_json_goldens.py

Python 3.11.7, whose unicodedata is Unicode 14.0.0. tokenizers 0.15.2, 0.19.1, 0.22.2 and 0.23.3 give the same ids, but
that the first two do not read merges as pairs and dropout 0, and the first knows no ignore_merges. For characters after
Unicode 14.0 they differ: letters and numbers are 14.0's in the first two and 16.0's in the others, lower case is 14.0's
and 17.0's.
NFC is Unicode 9.0's in all of them: 98 later marks are not reordered (7FD 898-89F 8CA-8D3 9FE C3C D3B-D3C EBA 1715
1ABF-1ACE 1DF6-1DFA A82C 10D24-10D27 10EAB-10EAC 10F46-10F50 10F82-10F85 11070 1133B 1145E 11839-1183A 1193D-1193E 11943
119E0 11A34 11A47 11A99 11D42 11D44-11D45 11D97 16FF0-16FF1 1E130-1E136 1E2AE 1E2EC-1E2EF), U+11938 is not composed.

The vocabulary is the embedded model's, Sources/CEmbeddedModel/model/tokenizer. In Tests/Goldens/tokenizer/json:
transformers-4.json  written: a whole tokenizer.json as transformers 4.35 writes it (merges as "a b")
transformers-5.json  written: the same of transformers 5.24 (another expression, merges as pairs, ignore_merges)
letters.json         written: a small vocabulary that lacks most letters, some only at a word's end
texts.json           written: texts, one a line
cases.json           written, one case a line. base: one of the three files; set: values to put into it, by the names on
                     the way there joined with dots; remove: what to take out; count: how many of the texts were
                     encoded, from the first; ids: by the text's index, what Tokenizer.encode gives, where that is not
                     what the base gives as it is (those cases come first and have all ids)
refused.json         written: base, set and remove as above, of files that Tokenizer.from_str refuses, and its message
                     ("load"), or that fail to encode a text ("encode")
characters.json      written: transformers-4.json's ids; for each 4096 code points, SHA-256 (int32, little-endian) of
                     the ids of the texts "aCB 'C", C being each character assigned in Unicode 14.0; and of those of
                     "q(U+0345)C(U+0301) q(U+0301)C D(U+0323)", C being each that has a combining class or decomposes,
                     D its decomposition
"""
import hashlib, json, os, re, struct, unicodedata
import tokenizers
from tokenizers import Tokenizer
import lined_json

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
FOLDER = os.path.join(ROOT, "Tests", "Goldens", "tokenizer", "json")
SOURCE = os.path.join(ROOT, "Sources", "CEmbeddedModel", "model", "tokenizer")
BEGIN, END = "<|startoftext|>", "<|endoftext|>"

# The first 44 are for every case, the others only for cases that change how a text is read.
TEXTS = [
    "", "   ", "a photo of a red fox", "A Photo of a RED Fox, 4K!", "the fox's dog isn't ours, they'll've gone",
    "one two three four five six seven eight", "a fox! " * 40, "word " * 76, "photo" * 60, "a" * 300,
    "a<|endoftext|>b <|startoftext|> c", "<|ENDOFTEXT|> <|StartOfText|>", "<|endoftext|><|endoftext|>",
    "x <|endoftext|>\t <|startoftext|>  y", "<|endof\0text|>", "<|<|endoftext|>|>", ".<|endoftext|",
    "_<|endoftext|>s", "red  <fox>  dog", "red<fox>dog", "<FOX> <fox> <Fox>", "<dog>   <fox> \u00a0<dog> x",
    "x<owl> <owl>\u0301 (<owl>)", "<owl><owl> _<owl>- <owl>", "a<Cat>b <cat> <CAT>",
    "<caf\u00e9> <cafe\u0301> <CAFE\u0301>", "the red   house red house", "foxes <foxes> <fox", "hi!!! wow! a fox! !",
    "  leading and trailing \n", "tab\there\r\nnew\n\nline  two   three",
    "nbsp\u00a0em\u2003ls\u2028ps\u2029nel\x85ideo\u3000graphic", "caf\u00e9 cafe\u0301 CAFE\u0301 \u00c9COLE",
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u0391\u03a3. \u0391\u03a3'\u0391 \u03a3 \u03c2",
    "\u0130stanbul STRASSE", "\u6771\u4eac\u306e\u72d0 a\u72d0b", "\U0001f98a\u2764\ufe0f\U0001f469\u200d\U0001f680",
    "3.14159 1,000,000 x1y2", "it's IT'S 's''s '' 'll're", "don\u2019t \u2018quote\u2019", "&eacute; &amp;lt; &#233;",
    "caf\u00c3\u00a9 \u00e2\u20ac\u2122s", "e\u0301x qzq 89!9 \u00e9\u00e9", "aaaaaab baab abab aab",
    # letters in two spellings, marks alone and in any order
    "e\u0301 a\u0323\u0302 a\u0302\u0323 q\u0307\u0323 \u0344 \u0958",
    "\u0f73 a\u0f81 \u0f71\u0f80 \u09c7\u09be \u0ccb", "\u0cc6\u0cc2\u0cd5 \U00011099\U000110ba \U0001109c",
    "\u1100\u1161\u11a8 \uac00\u11a8 \uac00\u11a7 \u1113\u1175 \uac01", "\u0301 \u0323a \u0301", "a \u0301b",
    "J\u030c j\u030c \u01f0 T\u0308 \u1e97", "\u212b \u2126 \u212a \u0340 \u037e \u2adc \ufb1f",
    "q\u0345\u0301\u08d3 q\u0301\u0c3c q\u0345\u1abf", "\U00011935\U00011930 \U00011938",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0363l\u0348g\u0338o", "A\u030a\u0327 \u00c5\u0327 a\u0327\u030a",
    "\u1fb3 \u03b1\u0345 \u0391\u0345 \u1fbc", "\u01d5 u\u0308\u0304 U\u0304\u0308",
    "\u1112\u1161\u11ab\u1100\u1173\u11af \ud55c\uae00", "\u3042\u3099 \u304b\u3099 \u30cf\u309a",
    # case
    "\u0130 I \u0131 i\u0307 \u017f \u1e9b", "\u00df \u1e9e SS \ufb01 \ufb03 \ufb06 \u0149",
    "\u01c4 \u01c5 \u01c6 \u01f1 \u01f2",
    "\u0391\u0301\u03a3 \u0391\u03a3\u00ad\u0391 1\u03a31 \u0391\u03a3<|endoftext|>\u0391",
    "\U00010400\U00010428 \u2c00 \ua640 \u10a0 \u1c90", "\u24b6 \u2160 \u216f \u00aa \u00ba",
    "\u1f88 \u1f80 \u1ff7 \u0390", "\uff26\uff4f\uff58 \uff11", "\U0001d400\U0001d7d8 \u210c",
    # what an expression's classes hold
    "\u0663\u0664 \u0967 \u0e51 \u09ea \uff17 \U0001d7e2", "\u00b2 \u00bd \u2167 \u2460 \u3007 \u4e00",
    "x\u0345y \u03b1\u0345 '\u0345s \u0345", "'\u017f \u017f's \u017f'\u017f 's\u017f",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
    "\u05e2\u05d1\u05e8\u05d9\u05ea \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0641\u064e",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u0401\u0436 \u0419",
    "\u4e2d\u6587\u5b57 \uf900 \U00020000 \ufa5e \U0002a6d6x",
    "\ud55c\uad6d\uc5b4 \u3131 \u30ab\u30bf\u30ab\u30ca\u30fc",
    "\u0378x \ufdd0 \uffff \U0010ffff \U000e0080 \U0001fffe", "\ue000private \ufffdreplaced \U000f0000",
    "\u00ad soft\u00adhyphen",
    # blanks, controls, what nobody sees
    "a\x0bb\x0cc\x1cd\x1de\x1ef\x1fg", "zw\u200bj\u200dn\u200cb\u2060 bom\ufeffx", "\x00\x01a\x7fb\x80\x9f",
    "\u180e mongolian\u1680ogham\u205f", "\u2000\u2001\u2002\u200a\u202f", " \u00a0 ", "\t", "\n\n", "\ufeff",
    "a  b\u00a0 \u00a0c", "\u200e\u200f\u202aLRE\u202c", "\u2028", "x\r\ny\rz", "   !   ", "\u3000\u3000a",
    "a \x85 b",
    # marks of punctuation, apostrophes, emoji
    "...---!!!??? @#$%^&*()_+", "!?'s !'s !!'t x'y", "'S'T'RE'VE'M'LL'D", "'s't're've'm'll'd", "''''s ' 's", "a'b'c",
    "(best:1.3) [a|b] {c} </w> <fox</w>", "</w>", "fox</w> 'll</w>", "\u201cq\u201d \u2014 \u2026 \u00ab \u00bb",
    "\u00b4m \u2032s \u02bcs \uff07s", "\U0001f1e9\U0001f1ea\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2764 \u2764\ufe0f \u2122 \u00a9 \u3030", "\U0001f600" * 30,
    # damage that nobody repairs here
    "&lt;b&gt; &nbsp; &notit; &#x1F98A;", "\u00f0\u0178\u00a6\u0160 fox \u00c3", "\ufb01ne \uff26ull \u0133",
    "\x1b[31mred\x1b[0m", "na\u00efve \u0153uvre \u00c6on", "\u00c2\u00a0x \u0412\u0402\u2122", "\\u00e9 %C3%A9 =E9",
    # long, repeated
    "supercalifragilisticexpialidocious" * 8, "\u00e9" * 130, "\u6587" * 90, "1234567890" * 9, "!" * 200, "'s" * 50,
    "ab " * 90, "in an on the of and or red", "! a 1 \u00e9 ll", "photo photograph photos", "rrrrooooxxxx",
    "the\u200bfox", "q", "z9",
]
CORE = 44

CLIP4 = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP5 = r"<\|startoftext\|>|<\|endoftext\|>|" + CLIP4
NFC, LOWER = dict(type="NFC"), dict(type="Lowercase")
BLANKS = dict(type="Replace", pattern=dict(Regex=r"\s+"), content=" ")


def added(id, content, **flags):
    defaults = dict(single_word=False, lstrip=False, rstrip=False, normalized=True, special=True)
    return dict(dict(id=id, content=content, **defaults), **flags)


def sequence(*parts, kind="normalizers"):
    return {"type": "Sequence", kind: list(parts)}


def split(pattern, behavior="Removed", invert=True):
    return dict(type="Split", pattern=pattern, behavior=behavior, invert=invert)


def byte_level(**options):
    return dict(dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True), **options)


def cut(*parts):
    return sequence(*parts, kind="pretokenizers")


def tokenizer(vocabulary, merges, pattern, **model):
    """A tokenizer.json of CLIP's scheme, its fields in the library's order."""
    begin, end = vocabulary[BEGIN], vocabulary[END]
    return dict(
        version="1.0", truncation=None, padding=None, added_tokens=[added(begin, BEGIN), added(end, END)],
        normalizer=sequence(NFC, BLANKS, LOWER), pre_tokenizer=cut(split(dict(Regex=pattern)), byte_level()),
        post_processor=dict(type="RobertaProcessing", sep=[END, end], cls=[BEGIN, begin], trim_offsets=False,
                            add_prefix_space=False),
        decoder=byte_level(add_prefix_space=True),
        model=dict(type="BPE", dropout=None, unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>",
                   fuse_unk=False, byte_fallback=False, **model, vocab=vocabulary, merges=merges))


def letters():
    """A vocabulary of a few letters: "q" and "\u00c3" (a byte) only inside words, "z" only at an end, no "9" or "8"."""
    inside, ends = "abefoxrdqs'!<>|\u00c3\u0120", "abefoxrdzs'!<>|\u00a9\u0120"
    merges = ["a a", "aa a", "b a", "ba b", "aa aa", "a b</w>", "aa b</w>", "b aa", "e f", "o x</w>", "f ox</w>", "r e"]
    tokens = list(inside) + [letter + "</w>" for letter in ends]
    for merge in merges:
        if "".join(merge.split()) not in tokens:
            tokens.append("".join(merge.split()))
    return {token: index for index, token in enumerate(tokens + [BEGIN, END])}, merges


def bases():
    with open(os.path.join(SOURCE, "vocab.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)
    vocabulary = dict(sorted(vocabulary.items(), key=lambda entry: entry[1]))
    with open(os.path.join(SOURCE, "merges.txt"), encoding="utf-8") as file:
        merges = file.read().strip().split("\n")[1:]
    pairs = [merge.split() for merge in merges]
    return {
        "transformers-4": tokenizer(vocabulary, merges, CLIP4),
        "transformers-5": tokenizer(vocabulary, pairs, CLIP5, ignore_merges=False),
        "letters": tokenizer(*letters(), CLIP4, ignore_merges=False),
    }


def case(name, *, base="transformers-4", remove=(), count=None, **set):
    """A case; `__` in a field's name stands for a dot."""
    return dict(name=name, base=base, set={k.replace("__", "."): v for k, v in set.items()}, remove=list(remove),
                count=len(TEXTS) if count is None else count)


def normalizer_cases():
    return [
        case("no normalizer", normalizer=None), case("normalizer absent", remove=["normalizer"], count=CORE),
        case("no lower case", normalizer=sequence(NFC, BLANKS)), case("lower case alone", normalizer=LOWER),
        case("no NFC", normalizer=sequence(BLANKS, LOWER)), case("NFC alone", normalizer=NFC),
        case("lower case before NFC", normalizer=sequence(LOWER, NFC, BLANKS)),
        case("a sequence in a sequence", normalizer=sequence(sequence(NFC), sequence(BLANKS, LOWER)), count=CORE),
        case("an empty sequence", normalizer=sequence(), count=CORE),
        case("a string replaced", normalizer=sequence(
            NFC, dict(type="Replace", pattern=dict(String="."), content=" dot "), BLANKS, LOWER), count=CORE),
    ]


def pre_tokenizer_cases():
    expression = split(dict(Regex=CLIP4))
    return [
        case("use_regex absent", pre_tokenizer=cut(
            expression, dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True))),
        case("bytes without an expression after CLIP's", pre_tokenizer=cut(expression, byte_level(use_regex=False))),
        case("a blank before each piece", pre_tokenizer=cut(expression, byte_level(add_prefix_space=True)), count=CORE),
        case("GPT-2's expression alone", pre_tokenizer=byte_level()),
        case("GPT-2's expression alone, no normalizer", pre_tokenizer=byte_level(), normalizer=None),
        case("GPT-2's expression and a blank before the text", count=CORE,
             pre_tokenizer=byte_level(add_prefix_space=True)),
        case("GPT-2's expression in a sequence", pre_tokenizer=cut(byte_level()), count=CORE),
        case("no expression at all", pre_tokenizer=byte_level(use_regex=False), count=CORE),
        case("no pre-tokenizer", pre_tokenizer=None, count=CORE),
        case("pre-tokenizer absent", remove=["pre_tokenizer"], count=CORE),
        case("transformers 5's expression in a file of 4", pre_tokenizer=cut(split(dict(Regex=CLIP5)), byte_level())),
        case("blanks kept apart", pre_tokenizer=cut(split(dict(Regex=CLIP4), "Isolated"), byte_level()), count=CORE),
    ]


def template(*pieces, **ids):
    pieces = [dict(Sequence=dict(id="A", type_id=0)) if piece == "$A" else dict(SpecialToken=dict(id=piece, type_id=0))
              for piece in pieces]
    special = {BEGIN: [1076], END: [1077], **ids}
    special = {id: dict(id=id, ids=numbers, tokens=[str(n) for n in numbers]) for id, numbers in special.items()}
    return dict(type="TemplateProcessing", single=pieces,
                pair=pieces + [dict(Sequence=dict(id="B", type_id=0))], special_tokens=special)


def post_processor_cases():
    usual, few = template(BEGIN, "$A", END), 16
    return [
        case("a template", post_processor=usual),
        case("a template of an end only", post_processor=template("$A", END), count=few),
        case("a template of many", post_processor=template("x", BEGIN, "$A", "x", x=[5, 6, 7]), count=few),
        case("BERT's", post_processor=dict(type="BertProcessing", sep=[END, 1077], cls=[BEGIN, 1076]), count=CORE),
        case("other begin and end", post_processor=dict(type="RobertaProcessing", sep=["b", 3], cls=["a", 4],
                                                        trim_offsets=True, add_prefix_space=True), count=few),
        case("no post-processor", post_processor=None, count=few),
        case("post-processor absent", remove=["post_processor"], count=few),
        case("a post-processor of offsets", post_processor=byte_level(), count=few),
        case("offsets, then a template", post_processor=sequence(byte_level(), usual, kind="processors"), count=CORE),
    ]


def length_cases():
    def cut_at(length, direction="Right", strategy="LongestFirst", stride=0):
        return dict(direction=direction, max_length=length, strategy=strategy, stride=stride)

    def pad(strategy, direction="Right", multiple=None):
        return dict(strategy=strategy, direction=direction, pad_to_multiple_of=multiple, pad_id=7, pad_type_id=0,
                    pad_token="(")

    few = 20
    return [
        case("cut at 10", truncation=cut_at(10), count=CORE),
        case("cut at 10 from the left", truncation=cut_at(10, "Left"), count=CORE),
        case("cut at 9, overlapping", truncation=cut_at(9, strategy="OnlyFirst", stride=2), count=few),
        case("cut at 2", truncation=cut_at(2), count=few), case("cut at 77", truncation=cut_at(77)),
        case("cut at 5 without post-processor", truncation=cut_at(5), post_processor=None, count=few),
        case("cut at 6 with a template of four", truncation=cut_at(6), count=few,
             post_processor=template("x", "$A", "x", x=[5, 6])),
        case("cut without a direction", truncation=dict(max_length=6, strategy="LongestFirst", stride=0), count=few),
        case("padded to 12", padding=pad(dict(Fixed=12)), count=few),
        case("padded to 12 from the left", padding=pad(dict(Fixed=12), "Left"), count=few),
        case("padded to a multiple of 8", padding=pad("BatchLongest", multiple=8), count=few),
        case("not padded, being alone", padding=pad("BatchLongest"), count=CORE),
        case("cut and padded to 77", truncation=cut_at(77), padding=pad(dict(Fixed=77)), count=10),
        case("truncation and padding absent", remove=["truncation", "padding"], count=CORE),
    ]


def added_token_cases():
    def with_tokens(*tokens):
        return [added(1076, BEGIN), added(1077, END), *tokens]

    kinds = with_tokens(
        added(1078, "<fox>", lstrip=True), added(1079, "<dog>", rstrip=True, normalized=False),
        added(1080, "<owl>", single_word=True, normalized=False), added(1081, "<Cat>", special=False),
        added(1082, "<cafe\u0301>", lstrip=True, rstrip=True), added(1083, "red  House", single_word=True),
        added(1084, "<fo"), added(1085, "<foxes>", normalized=False))
    return [
        case("added tokens of every kind", added_tokens=kinds),
        case("added tokens of every kind, blanks kept", added_tokens=kinds, pre_tokenizer=byte_level()),
        case("added tokens of every kind, no normalizer", added_tokens=kinds, normalizer=None,
             pre_tokenizer=byte_level()),
        case("an end that is not normalized", added_tokens=[added(1076, BEGIN), added(1077, END, normalized=False)]),
        case("begin and end that are not normalized", added_tokens=[
            added(1076, BEGIN, normalized=False), added(1077, END, normalized=False)]),
        case("an added \"!\"", added_tokens=[added(0, "!", normalized=False), *with_tokens()]),
        case("an added \"!\" in a file of 5", base="transformers-5",
             added_tokens=[added(0, "!", normalized=False), *with_tokens()]),
        case("single words", added_tokens=with_tokens(
            added(64, "a", single_word=True), added(864, "fox</w>", single_word=True, normalized=False),
            added(1078, "\u00e9", single_word=True)), count=CORE),
        case("ids that the library gives anew", added_tokens=with_tokens(
            added(5000, "<fox>"), added(5, "<dog>"), added(0, "fox</w>"), added(1078, "")), count=CORE),
        case("no added tokens", added_tokens=[], count=CORE),
        case("added tokens absent", remove=["added_tokens"], count=CORE),
        case("no added tokens in a file of 5", base="transformers-5", added_tokens=[], count=CORE),
        case("no added tokens, no second expression", base="transformers-5", added_tokens=[], model__ignore_merges=True,
             pre_tokenizer=cut(split(dict(Regex=CLIP5)), byte_level(use_regex=False)), count=CORE),
    ]


def model_cases():
    optional = ["dropout", "unk_token", "continuing_subword_prefix", "fuse_unk", "byte_fallback"]
    return [
        case("no unknown token", model__unk_token=None), case("unknown tokens fused", model__fuse_unk=True),
        case("byte fallback", model__byte_fallback=True), case("ignore_merges", model__ignore_merges=True),
        case("ignore_merges in a file of 5", base="transformers-5", model__ignore_merges=True),
        case("no prefix", model__continuing_subword_prefix=None, count=CORE),
        case("no suffix", model__end_of_word_suffix=None, count=CORE),
        case("an empty suffix", model__end_of_word_suffix="", count=CORE),
        case("a model of few fields", remove=[f"model.{name}" for name in optional], count=CORE),
        case("nulls for the model's switches", count=CORE, model__fuse_unk=None, model__byte_fallback=None,
             model__ignore_merges=None),
    ]


def letter_cases():
    vocabulary, merges = letters()
    size = len(vocabulary)
    every = dict(vocabulary, **{f"<0x{byte:02X}>": size + byte for byte in range(256)})
    some = dict(vocabulary, **{f"<0x{byte:02X}>": size + index for index, byte in enumerate("\u00a9y8</w>".encode())})
    few = dict(base="letters", count=CORE)
    return [
        case("letters: no unknown token", **few, model__unk_token=None),
        case("letters: unknown token absent", **few, remove=["model.unk_token"]),
        case("letters: unknown tokens fused", **few, model__fuse_unk=True),
        case("letters: byte fallback without bytes", **few, model__byte_fallback=True),
        case("letters: byte fallback", **few, model__byte_fallback=True, model__vocab=every),
        case("letters: byte fallback of a few bytes", **few, model__byte_fallback=True, model__vocab=some),
        case("letters: byte fallback of a few bytes, fused", **few, model__byte_fallback=True, model__vocab=some,
             model__fuse_unk=True),
        case("letters: bytes without fallback", **few, model__vocab=every),
        case("letters: ignore_merges", **few, model__ignore_merges=True),
        case("letters: no suffix", **few, model__end_of_word_suffix=None),
        case("letters: GPT-2's expression alone", **few, pre_tokenizer=byte_level()),
        case("letters: no pre-tokenizer", **few, pre_tokenizer=None),
        case("letters: merges from the last", **few, model__merges=merges[::-1]),
        case("letters: merges as pairs", **few, model__merges=[merge.split() for merge in merges]),
        case("letters: a merge twice", **few, model__merges=merges + merges[:1]),
        case("letters: merges with a version", **few, model__merges=["#version: 0.2", *merges]),
        case("letters: no merges", **few, model__merges=[]),
        case("letters: another unknown token", **few, model__unk_token="a"),
        case("letters: dropout 0", **few, model__dropout=0.0),
    ]


def refusals():
    tokens = [added(1076, BEGIN), {k: v for k, v in added(1077, END).items() if k != "normalized"}]
    both = dict(direction="Right", max_length=6, strategy="OnlySecond", stride=0)
    letter = dict(base="letters", count=0)
    return [
        case("version 2.0", version="2.0"), case("a version that is a number", version=1),
        case("no model", remove=["model"]),
        case("no vocabulary", remove=["model.vocab"]), case("no merges", remove=["model.merges"]),
        case("a merge of three", **letter, model__merges=["a a a"]),
        case("a merge of one", **letter, model__merges=["aa"]),
        case("a merge of unknown parts", **letter, model__merges=["a y"]),
        case("a merge of an unknown result", **letter, model__merges=["e a"]),
        case("merges of both kinds", **letter, model__merges=["a a", ["b", "a"]]),
        case("a negative id", **letter, model__vocab={"a": -1}), case("a broken id", **letter, model__vocab={"a": 1.5}),
        case("dropout 2", model__dropout=2.0), case("another model", model__type="Unigram"),
        case("an added token without a field", added_tokens=tokens), case("added tokens null", added_tokens=None),
        case("an unknown normalizer", normalizer=dict(type="Foo")),
        case("an unknown pre-tokenizer", pre_tokenizer=dict(type="Foo")),
        case("an unknown post-processor", post_processor=dict(type="Foo")),
        case("a broken expression", pre_tokenizer=split(dict(Regex="(["))),
        case("a behavior in lower case", pre_tokenizer=split(dict(Regex="a"), "removed")),
        case("an expression without invert", pre_tokenizer=dict(
            type="Split", pattern=dict(Regex="a"), behavior="Removed")),
        case("a direction in lower case", truncation=dict(both, direction="right")),
        case("a truncation without stride", truncation=dict(direction="Right", max_length=6, strategy="LongestFirst")),
        case("a truncation of second texts", truncation=both),
        case("an unknown token that is unknown", **letter, model__unk_token="<unk>"),
    ]


def changed(files, case):
    """The base's file with the case's changes, as JSON."""
    value = json.loads(json.dumps(files[case["base"]]))
    for path, new in [*case["set"].items(), *((path, None) for path in case["remove"])]:
        *way, name = path.split(".")
        owner = value
        for step in way:
            owner = owner[step]
        owner[name] = new
        if path in case["remove"]:
            del owner[name]
    return json.dumps(value)


def encoded_cases(files):
    plain = [case(name, base=name) for name in files]
    usual = {}
    for case_ in [*plain, *normalizer_cases(), *pre_tokenizer_cases(), *post_processor_cases(), *length_cases(),
                  *added_token_cases(), *model_cases(), *letter_cases()]:
        clip = Tokenizer.from_str(changed(files, case_))
        ids = [clip.encode(text).ids for text in TEXTS[:case_["count"]]]
        expected = usual.setdefault(case_["name"], ids) if case_ in plain else usual[case_["base"]]
        yield dict(case_, ids={str(index): found for index, found in enumerate(ids)
                               if case_ in plain or found != expected[index]})


def refused_cases(files):
    for case_ in refusals():
        del case_["count"]
        stage = "load"
        try:
            clip = Tokenizer.from_str(changed(files, case_))
            stage = "encode"
            for text in TEXTS:
                clip.encode(text)
        except Exception as error:
            yield dict(case_, stage=stage, message=re.sub(r" at line \d+ column \d+$", "", str(error)))
        else:
            raise AssertionError(f"{case_['name']}: not refused")


def digest_of(texts, clip):
    digest = hashlib.sha256()
    for text in texts:
        ids = clip.encode(text).ids
        digest.update(struct.pack(f"<{len(ids)}i", *ids))
    return digest.hexdigest()


def character_digests(clip):
    for first in range(0, 0x110000, 4096):
        characters = [c for c in map(chr, range(first, first + 4096)) if unicodedata.category(c) not in ("Cn", "Cs")]
        decomposed = {c: unicodedata.normalize("NFD", c) for c in characters}
        marks = [c for c in characters if unicodedata.combining(c) or decomposed[c] != c]
        if characters:
            yield dict(first=first, characters=digest_of([f"a{c}B '{c}" for c in characters], clip),
                       marks=digest_of([f"q\u0345{c}\u0301 q\u0301{c} {decomposed[c]}\u0323" for c in marks], clip))


def write(name, entries):
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
        file.write(f"[\n{lines}\n]\n")


def main():
    assert tokenizers.__version__ == "0.22.2" and unicodedata.unidata_version == "14.0.0"
    os.makedirs(FOLDER, exist_ok=True)
    files = bases()
    for name, value in files.items():
        lined_json.write(os.path.join(FOLDER, f"{name}.json"), value)
    write("texts.json", TEXTS)
    write("cases.json", encoded_cases(files))
    write("refused.json", refused_cases(files))
    write("characters.json", character_digests(Tokenizer.from_str(json.dumps(files["transformers-4"]))))


if __name__ == "__main__":
    main()
