"""Text on a PDF page: characters of many scripts, measured before they are drawn.

Characters stand from left to right in the order in which they were typed, in scripts read from right to left too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

INK = HexColor(0x1B1B1B)
NO_BREAK = "\N{NO-BREAK SPACE}"
NARROW = 0.9  # DejaVu Sans Condensed is DejaVu Sans at nine tenths of its width

# Not embedded: every PDF reader brings or fetches a face for these names. The codec says what the face holds.
EAST_ASIAN = {
    "HeiseiKakuGo-W5": ("cp932", re.compile("[\u3040-\u30ff]")),
    "HYGothic-Medium": ("cp949", re.compile("[\uac00-\ud7af]")),
    "STSong-Light": ("gbk", re.compile("")),
}


@cache
def fonts() -> tuple[TTFont, TTFont]:
    """DejaVu Sans, regular and bold, as matplotlib brings it; both are embedded."""
    import matplotlib

    folder = Path(matplotlib.get_data_path(), "fonts/ttf")
    regular = TTFont("report-regular", folder / "DejaVuSans.ttf")
    bold = TTFont("report-bold", folder / "DejaVuSans-Bold.ttf")
    for font in (regular, bold, *map(UnicodeCIDFont, EAST_ASIAN)):
        pdfmetrics.registerFont(font)
    return regular, bold


def face(char: str, *, bold: bool = False, text: str = "") -> str | None:
    """Name of the face that draws a character, None when none does; ``text`` tells Japanese from Chinese."""
    if all(ord(char) in font.face.charToGlyph for font in fonts()):
        return str(fonts()[bold].fontName)
    if ord(char) > 0xFFFF:
        return None
    fitting = [name for name, (codec, _) in EAST_ASIAN.items() if char.encode(codec, "ignore")]
    return min(fitting, key=lambda name: EAST_ASIAN[name][1].search(text) is None, default=None)


def printable(text: str, *, longest: int = 4000) -> str:
    """Text of which every character can be drawn.

    Accents join their letters, line breaks become spaces, invisible characters (among them those that reverse
    a name's reading order) go, and what no face holds becomes "�".
    """
    composed = unicodedata.normalize("NFC", text[:longest])
    spaced = (" " if char.isspace() and char != NO_BREAK else char for char in composed)
    visible = (char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf"})
    drawn = (char if char == NO_BREAK or face(char) else "�" for char in visible)
    return re.sub(" {2,}", " ", "".join(drawn)).strip()


def runs(text: str, *, bold: bool = False) -> Iterator[tuple[str, str]]:
    """The text in stretches of one face: (face name, characters)."""
    for name, run in groupby(text, key=lambda char: face(char, bold=bold, text=text) or face("?", bold=bold)):
        yield str(name), "".join(run)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """In points, as ``write`` draws it."""
    return NARROW * sum(pdfmetrics.stringWidth(run, name, size) for name, run in runs(text, bold=bold))


def fitting(text: str, width: float, size: float) -> int:
    """How many of the first characters fit into ``width`` points, at least one."""
    used, count = 0.0, 0
    for char in text:
        used += text_width(char, size)
        if used > width:
            break
        count += 1
    return max(1, count)


def wrap(text: str, width: float, size: float, *, lines: int | None = None) -> list[str]:
    """One or more lines of at most ``width`` points, broken at spaces, or inside long words; the last one is cut."""
    broken: list[str] = []
    while text or not broken:
        if lines and len(broken) == lines - 1:
            return [*broken, shorten(text, width, size)]
        end = fitting(text, width, size)
        if end < len(text):
            end = (text.rfind(" ", 0, end + 1) + 1) or end
        broken.append(text[:end].rstrip(" "))
        text = text[end:].lstrip(" ")
    return broken


def shorten(text: str, width: float, size: float, *, tail: int = 0) -> str:
    """Text cut with "…" where it is too wide; its last ``tail`` characters stay (a file name's ending)."""
    if fitting(text, width, size) == len(text):
        return text
    ending = "…" + (text[-tail:] if tail else "")
    return text[: fitting(text, width - text_width(ending, size), size)].rstrip(" ") + ending


def write(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    bold: bool = False,
    colour: Color = INK,
    align: str = "left",
) -> None:
    """One line of text; ``x`` is its left end, its right end or its centre."""
    x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[align] * text_width(text, size, bold=bold)
    line = canvas.beginText(x, y)
    line.setFillColor(colour)
    line.setHorizScale(100 * NARROW)
    for name, run in runs(text, bold=bold):
        line.setFont(name, size)
        line.textOut(run)
    canvas.drawText(line)
