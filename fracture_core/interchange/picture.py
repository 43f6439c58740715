"""A film as a picture with what its readers marked, and a legend of the readers."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fracture_core.annotations.readings import Reading
from fracture_core.marks import Mark
from fracture_core.overlay import encode_png, to_uint8

# Okabe and Ito's colours but those that stand for findings; told apart by number too, from the eighth on by it alone.
COLOURS = ((86, 180, 233), (230, 159, 0), (204, 121, 167), (240, 228, 66), (0, 114, 178), (255, 255, 255))
FINDING_WORDS = {"fracture": "fractured", "none": "not fractured", "uncertain": "uncertain"}
_PAPER, _INK = (24, 24, 24), (235, 235, 235)


def write_png(pixels: np.ndarray, readings: Sequence[Reading]) -> bytes:
    """PNG, RGB: the film at its own size, every reader's outlines in a colour and with a number, the legend below.

    Args:
        pixels: float (H, W) in [0, 1] or uint8 (H, W), as ``read_image`` gives them.
        readings: of this film; the legend has a line for each.
    """
    film = np.repeat(to_uint8(pixels)[..., None], 3, axis=2)
    height, width = film.shape[:2]
    text = max(11, round(max(height, width) / 60))
    for number, reading in enumerate(readings, 1):
        for mark in reading.marks:
            _draw(film, mark, colour(number), max(2, round(max(height, width) / 500)))
    film = _number(film, readings, text)
    return encode_png(np.vstack([film, _legend(readings, width, text)]))


def colour(number: int) -> tuple[int, int, int]:
    """RGB of the reading with that number, from 1."""
    return COLOURS[(number - 1) % len(COLOURS)]


def _draw(film: np.ndarray, mark: Mark, rgb: tuple[int, int, int], thickness: int) -> None:
    """Into the film itself. OpenCV counts from pixel centres, in sixteenths here."""
    reach = 4 * max(film.shape)
    points = np.clip(mark.outline - 0.5, -reach, 2 * reach)
    places = np.round(points * 16).astype(np.int32)
    if mark.kind == "point":
        (x, y), arm = places[0], 16 * (3 + 3 * thickness)
        for start, end in (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))):
            ends = tuple(map(int, start)), tuple(map(int, end))
            cv2.line(film, *ends, rgb, thickness, cv2.LINE_AA, shift=4)
    else:
        cv2.polylines(film, [places], True, rgb, thickness, cv2.LINE_AA, shift=4)


def _number(film: np.ndarray, readings: Sequence[Reading], text: int) -> np.ndarray:
    """Each mark with its reader's number at its top-left corner."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(film)
    pen = ImageDraw.Draw(picture)
    for number, reading in enumerate(readings, 1):
        for mark in reading.marks:
            left, top, *_ = mark.bounds
            x, y = np.clip([left, top - 1.3 * text], 0, [film.shape[1] - text, film.shape[0] - text])
            look = {"fill": colour(number), "font": _font(text), "stroke_width": 1, "stroke_fill": _PAPER}
            pen.text((float(x), float(y)), str(number), **look)
    return np.asarray(picture)


def _legend(readings: Sequence[Reading], width: int, text: int) -> np.ndarray:
    """uint8 (h, width, 3): a line for each reading, with number, reader, finding and confidence."""
    from PIL import Image, ImageDraw

    line, edge = round(1.5 * text), round(0.5 * text)
    picture = Image.new("RGB", (width, line * max(1, len(readings)) + 2 * edge), _PAPER)
    pen = ImageDraw.Draw(picture)
    if not readings:
        pen.text((edge, edge), "nobody has read this film", fill=_INK, font=_font(text))
    for number, reading in enumerate(readings, 1):
        top = edge + (number - 1) * line
        pen.rectangle((edge, top + edge // 2, edge + text, top + edge // 2 + text // 2), fill=colour(number))
        words = fitted(legend_line(number, reading), width - 3 * edge - text, text)
        pen.text((2 * edge + text, top), words, fill=_INK, font=_font(text))
    return np.asarray(picture)


def legend_line(number: int, reading: Reading) -> str:
    """ "1  Ada: fractured, 80 of 100, 2 marks (shown prediction before)"."""
    parts = [FINDING_WORDS[reading.finding]]
    if reading.confidence is not None:
        parts.append(f"{reading.confidence} of 100")
    count = len(reading.marks)
    parts.append("1 mark" if count == 1 else f"{count} marks")
    aided = f" (shown {reading.shown} before)" if reading.aided else ""
    return f"{number}  {' '.join(reading.reader.split())}: {', '.join(parts)}{aided}"


def fitted(words: str, width: float, text: int) -> str:
    """The words, cut with an ellipsis where they are wider than ``width`` pixels."""
    font = _font(text)
    if font.getlength(words) <= width:
        return words
    kept = len(words)
    while kept and font.getlength(words[:kept] + "…") > width:
        kept -= 1
    return words[:kept] + "…"


def _font(size: int):  # type: ignore[no-untyped-def]
    """DejaVu Sans, as matplotlib brings it."""
    from pathlib import Path

    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)
