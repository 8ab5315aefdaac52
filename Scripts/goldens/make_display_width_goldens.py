#!/usr/bin/env python3
"""Writes Tests/Goldens/terminal/*.tsv: terminal columns by the wcwidth package (pip install wcwidth==0.7.0)."""

import pathlib

import wcwidth

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/Goldens/terminal"

# Latin, combining marks, CJK, kana, Hangul as syllables and as jamo, Indic conjuncts, Thai, right-to-left,
# emoji with skin tones, joiners, flags, keycaps and variation selectors, box drawing, format characters.
TEXTS = [
    "", "hello", "é", "e\u0301\u0302", "a\u0301", "日本語テキスト", "mixed 漢字 and 🦊!", "한국어", "각", "\u1112",
    "\u1112\u1161\u11ab", "\u1161", "カ゛", "ﾊﾞ", "ｆｕｌｌ", "\u3000", "Ελληνικά", "עברית", "العربية", "\u0600", "﷽",
    "क्षि", "नमस्ते", "स्त्र", "নি", "தமிழ்", "ป้", "กำ", "ไม่", "①", "Ⅷ", "…", "—", "─", "𓀀", "𝒳", "㋿", "䷀", "🀄",
    "⚡", "❤", "❤️", "☎️", "©️", "1️⃣", "☺︎", "👍🏽", "👩🏽‍🚀", "👨‍👩‍👧", "👩‍❤️‍💋‍👨", "👁‍🗨", "🧑‍🤝‍🧑", "🏳️‍🌈", "🇩",
    "🇩🇪", "🇩🇪🇫🇷", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "\u00ad", "\u200b", "\u2060",
]


def width(scalar: int) -> int:
    """wcwidth of one scalar, with 0 for a control character."""
    return max(0, wcwidth.wcwidth(chr(scalar)))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = f"# wcwidth {wcwidth.__version__}, Unicode {wcwidth.list_versions()[-1]}\n"

    rows = [f"{' '.join(f'{ord(c):X}' for c in text)}\t{wcwidth.wcswidth(text)}\n" for text in TEXTS]
    (FOLDER / "text-width.tsv").write_text(source + "# code points\tcolumns\n" + "".join(rows))

    ranges: list[list[int]] = []
    for scalar in (s for s in range(0x110000) if not 0xD800 <= s <= 0xDFFF):
        columns = width(scalar)
        if columns == 1:
            continue
        if ranges and ranges[-1][1] == scalar - 1 and ranges[-1][2] == columns:
            ranges[-1][1] = scalar
        else:
            ranges.append([scalar, scalar, columns])
    rows = [f"{first:X}\t{last:X}\t{columns}\n" for first, last, columns in ranges]
    (FOLDER / "scalar-width.tsv").write_text(
        source + "# first\tlast\tcolumns; what is not listed takes 1\n" + "".join(rows))


if __name__ == "__main__":
    main()
