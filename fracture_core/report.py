"""One film's answer on one sheet of paper: a PDF to print, to file, or to hand to a student.

``render_report`` draws a single A4 page whatever it is given: text is measured before it is drawn, and
shrinks, wraps or ends in an ellipsis where it would not fit. Equal input gives equal bytes. The page shows
the file's name as the user gave it and nothing of a DICOM header but the decoding steps and the spacing.

No torch here: the answer and its map come ready made.
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from fracture_core.errors import UnknownName
from fracture_core.imaging import Radiograph
from fracture_core.metrics import Estimate
from fracture_core.overlay import blend, colourise, encode_jpeg, encode_png, fit_within, to_uint8
from fracture_core.weights import Card

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap, Method
    from fracture_core.inference import Prediction

DISCLAIMER = "Research and teaching use only. Not a medical device; not for diagnosis."

LEFT, RIGHT = 45.0, A4[0] - 45.0
WIDTH = RIGHT - LEFT
TOP, BOTTOM = A4[1] - 48.0, 42.0
BOX = 25.0  # height of the disclaimer's box
FACTS = 205.0  # height of the two columns of facts
GUTTER = 11.0

INK, SOFT, LINE = HexColor(0x1B1B1B), HexColor(0x666666), HexColor(0xC9C9C9)
LONGEST = 1400  # pixels of an embedded picture's longer side: 300 dpi or more in a panel
SMALLEST = 700  # smaller films are enlarged pixel by pixel: they stay sharp and a map over them smooth
PICTURE_BYTES = 330_000  # two pictures, a quarter larger as ASCII text, and two fonts stay under 1 MB


@dataclass(frozen=True)
class Style:
    """How a finding is said: words, colour and sign, so that none of them stands alone."""

    words: str
    colour: Color
    sign: str


# orange and green: Okabe and Ito, Color Universal Design, 2008
STYLES = {
    "fractured": Style("Fractured", HexColor(0xD55E00), "triangle"),
    "not fractured": Style("Not fractured", HexColor(0x009E73), "tick"),
    "uncertain": Style("Uncertain: have it read", HexColor(0x8A7A2B), "question"),
    "not answered": Style("This does not look like a limb radiograph", HexColor(0x5C6166), "stop"),
}

Rows = list[tuple[str, str]]

# reportlab's font faces keep one read position for all their users: one page is drawn at a time
_drawing = threading.Lock()


def render_report(
    radiograph: Radiograph, prediction: Prediction, heatmap: Heatmap | None, card: Card, *, when: datetime
) -> bytes:
    """One film's answer as a PDF of one A4 page.

    Args:
        heatmap: the map to lay over the film; None, or a film that was not answered, shows the film alone.
        card: of the weights that answered.
        when: the date to print; also the document's creation date.

    Returns:
        the PDF's bytes, below 1 MB, the same for the same input.

    Raises:
        UnknownName: the card does not have the prediction's operating point.
    """
    if prediction.operating_point not in card.operating_points:
        raise UnknownName("operating point", prediction.operating_point, card.operating_points)
    answered = _answered(prediction)
    if not answered:
        heatmap = None  # a map would explain an answer that is not given
    style = STYLES[prediction.finding if answered else "not answered"]
    pictures = _pictures(radiograph, heatmap)
    with _drawing:
        buffer = io.BytesIO()
        canvas = _open(buffer, printable(radiograph.name), when)
        y = _masthead(canvas, printable(radiograph.name) or "film without a name", when)
        y = _finding(canvas, y, style, prediction, card)
        y = _probability(canvas, y, style, prediction, card) if answered else _refusal(canvas, y, prediction)
        foot = BOTTOM + BOX + 14
        _panels(canvas, y, foot + FACTS + 16, pictures, radiograph, heatmap)
        film_rows = _film_rows(radiograph, prediction, heatmap)
        _facts(canvas, foot + FACTS, foot, [("Model", _model_rows(card)), ("Film and map", film_rows)])
        _disclaimer(canvas)
        canvas.showPage()
        canvas.save()
    return buffer.getvalue()


def _answered(prediction: Prediction) -> bool:
    return prediction.domain.in_domain and prediction.finding != "not answered"


# ----------------------------------------------------------------------------------------------- what it says


def operating_sentence(prediction: Prediction, card: Card) -> str:
    """What the chosen operating point gives on test films, with intervals and numbers of films."""
    point = card.operating_points[prediction.operating_point]
    found, cleared = point.sensitivity, point.specificity
    return (
        f"At this operating point the model finds {_percent(found)} of fractures and clears "
        f"{_percent(cleared)} of whole bones (n = {found.n} fractured, {cleared.n} whole test films)."
    )


def _percent(share: Estimate) -> str:
    if not share.n or not math.isfinite(share.value):
        return "a share not measured"
    value, low, high = (f"{100 * part:.0f}" for part in (share.value, share.low, share.high))
    return f"{value}{_NO_BREAK}%{_NO_BREAK}[{low}–{high}]"


def _with_interval(estimate: Estimate | None) -> str:
    if estimate is None or not math.isfinite(estimate.value):
        return "not measured"
    return f"{estimate.value:.3f} [{estimate.low:.3f}–{estimate.high:.3f}], n = {estimate.n} test films"


def probability_format(*values: float) -> Callable[[float], str]:
    """Two decimals, or as many (at most four) as keep different values different; never a rounded 0 or 1."""
    distinct = len(set(values))
    digits = next((d for d in (2, 3) if len({round(value, d) for value in values}) == distinct), 4)
    step = 10.0**-digits

    def say(value: float) -> str:
        if value < step / 2:
            return f"< {step:.{digits}f}" if value > 0 else "0"
        if value > 1 - step / 2:
            return f"> {1 - step:.{digits}f}" if value < 1 else "1"
        return f"{value:.{digits}f}"

    return say


def _model_rows(card: Card) -> Rows:
    data = card.data
    source, split = data.get("data") or {}, data.get("split") or {}
    counts = split.get("counts") or {}
    names = {"train": "training", "val": "validation", "test": "test"}
    # the set's key as its own citation spells it: "fracatlas" is FracAtlas
    spelling = re.search(re.escape(str(source.get("name"))), str(source.get("attribution")), re.IGNORECASE)
    name = spelling[0] if spelling else source.get("name", "not stated")
    parts = [
        f"{names.get(key, key)} {part['films']} ({part['fractured']}{_NO_BREAK}fractured)"
        for key, part in counts.items()
    ]
    built = ", ".join(str(data[key]) for key in ("version", "date") if data.get(key))
    attribution = data.get("attribution") or ()
    credits = [attribution] if isinstance(attribution, str) else list(attribution)
    rows = [
        ("Title", card.title),
        ("Training data", f"{name}, {source.get('films', '?')} films in all"),
        ("Split", str(split.get("rule", "not stated"))),
        ("Films", ", ".join(parts) or "not stated"),
        ("Test AUC", _with_interval(card.metrics.get("auc"))),
        ("Calibration error", _with_interval(card.metrics.get("ece"))),
        ("Input", f"{card.size} × {card.size} px, architecture {card.model}"),
        ("Weights", f"“{card.name}”, sha256 {card.sha256[:16]}"),
        ("Version", built or "not stated"),
        ("Licence", str(data.get("licence") or "not stated")),
        ("Attribution", "; ".join(map(str, credits)) or "not stated"),
    ]
    return [(label, printable(value)) for label, value in rows]


def _film_rows(radiograph: Radiograph, prediction: Prediction, heatmap: Heatmap | None) -> Rows:
    spacing = _spacing(radiograph)
    frames = f", picture {radiograph.frame + 1} of {radiograph.frames}" if radiograph.frames > 1 else ""
    passed = "passed" if prediction.domain.in_domain else "not passed"
    rows = [
        ("File", f"{radiograph.format}, {radiograph.width} × {radiograph.height} px{frames}"),
        ("sha256", radiograph.sha256[:16]),
        ("Pixel spacing", _spacing_words(spacing)),
        ("Decoding", "; ".join(radiograph.notes) or "read as it is"),
        ("Limb check", ": ".join(filter(None, (passed, prediction.domain.reason)))),
        *_map_rows(prediction, heatmap),
    ]
    return [(label, printable(value)) for label, value in rows]


def _map_rows(prediction: Prediction, heatmap: Heatmap | None) -> Rows:
    if not _answered(prediction):
        return [("Map", "none: there is no answer to explain")]
    if heatmap is None:
        return [("Map", "none was asked for")]
    method = _method(heatmap)
    return [
        ("Map", f"{method.title} for “{_target(heatmap)}”: {method.source}. {method.summary}"),
        ("What it shows", _FLAT if heatmap.flat else _MAP),
    ]


_MAP = "Where the model drew its answer from, not the outline of a fracture."
_FLAT = "The map is flat: it is the same everywhere and points to no place."


def _method(heatmap: Heatmap) -> Method:
    from fracture_core.explain import METHODS  # imports torch; whoever has a map has it already

    return METHODS[heatmap.method]


def _target(heatmap: Heatmap) -> str:
    return "fractured" if heatmap.target == 1 else "not fractured"


def _spacing(radiograph: Radiograph) -> tuple[float, float] | None:
    """(row, column) spacing in mm when it can be drawn with."""
    spacing = radiograph.spacing
    # what no detector has is an error of the file
    usable = spacing is not None and all(1e-6 < value < 1e3 for value in spacing)
    return spacing if usable else None


def _spacing_words(spacing: tuple[float, float] | None) -> str:
    if spacing is None:
        return "not known: no scale bar"
    row, column = (f"{value:.4g}" for value in spacing)
    return f"{row} mm" if row == column else f"{column} mm across, {row} mm down"


def _date(when: datetime) -> str:
    # not strftime("%B"): the page is in English whatever the server's locale
    months = "January February March April May June July August September October November December"
    month = months.split(" ")[when.month - 1]
    return printable(f"{when.day} {month} {when.year}, {when:%H:%M} {when.tzname() or ''}")


# --------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True, eq=False)
class _Picture:
    encoded: bytes
    caption: str


def _pictures(radiograph: Radiograph, heatmap: Heatmap | None) -> list[_Picture]:
    film = fit_within(radiograph.pixels, LONGEST)
    factor = max(1, SMALLEST // max(film.shape))
    film = film.repeat(factor, axis=0).repeat(factor, axis=1)
    pictures = [_Picture(_compress(to_uint8(film)), "Radiograph")]
    if heatmap is not None:
        over = blend(film, heatmap.resized(film.shape))
        caption = f"Radiograph with {_method(heatmap).title} for “{_target(heatmap)}”"
        pictures.append(_Picture(_compress(over), caption))
    return pictures


def _compress(picture: np.ndarray) -> bytes:
    """JPEG bytes of at most ``PICTURE_BYTES``: coarser, then smaller, until they fit (as noise does not)."""
    while True:
        for quality in (92, 85, 75, 60):
            encoded = encode_jpeg(picture, quality=quality)
            if len(encoded) <= PICTURE_BYTES:
                return encoded
        picture = fit_within(picture, max(picture.shape[:2]) * 3 // 4)


# ------------------------------------------------------------------------------------------ parts of the page


def _open(buffer: io.BytesIO, name: str, when: datetime) -> Canvas:
    _faces()
    canvas = Canvas(
        buffer, pagesize=A4, pageCompression=1, invariant=1, lang="en-GB", initialFontName=_face(" ", False)
    )
    canvas.setTitle(f"Fracture reading: {name[:200]}")
    canvas.setSubject(DISCLAIMER)
    canvas.setAuthor("fracture_core")
    canvas.setCreator("fracture_core")
    canvas.setDateFormatter(lambda *_: f"D:{when:%Y%m%d%H%M%S}{_offset(when)}")
    return canvas


def _offset(when: datetime) -> str:
    offset = f"{when:%z}"  # +0130, or nothing without a zone
    return f"{offset[:3]}'{offset[3:5]}'" if offset else ""


def _masthead(canvas: Canvas, name: str, when: datetime) -> float:
    _write(canvas, LEFT, TOP - 6, "Fracture reading", 21, bold=True)
    _write(canvas, RIGHT, TOP - 6, _date(when), 9, colour=SOFT, align="right")
    size = next((size for size in (11.0, 10.0, 9.0) if _width(name, size) <= WIDTH), 9.0)
    _write(canvas, LEFT, TOP - 25, shorten(name, WIDTH, size, tail=16), size)
    _rule(canvas, TOP - 35)
    return TOP - 35


def _finding(canvas: Canvas, top: float, style: Style, prediction: Prediction, card: Card) -> float:
    baseline = top - 35
    _sign(canvas, LEFT + 17, baseline + 9, 16, style)
    room = WIDTH - 44
    if _answered(prediction):
        answer = _probability_words(prediction, card)(prediction.probability)
        meaning = "calibrated probability of a fracture"
        _write(canvas, RIGHT, baseline, answer, 26, bold=True, colour=style.colour, align="right")
        _write(canvas, RIGHT, baseline - 13, meaning, 8, colour=SOFT, align="right")
        room -= 110
    size = min(26.0, 26.0 * room / _width(style.words, 26.0, bold=True))
    _write(canvas, LEFT + 44, baseline, style.words, size, bold=True, colour=style.colour)
    return baseline - 22


def _probability_words(prediction: Prediction, card: Card) -> Callable[[float], str]:
    points = card.operating_points
    return probability_format(prediction.probability, points["sensitive"].threshold, points["specific"].threshold)


def _probability(canvas: Canvas, top: float, style: Style, prediction: Prediction, card: Card) -> float:
    """The probability between the thresholds, and what the operating point means; returns where it ends."""
    y = _scale(canvas, top, style, prediction, card)
    point = card.operating_points[prediction.operating_point]
    threshold = _probability_words(prediction, card)(point.threshold)
    call = (
        f"{prediction.operating_point.capitalize()} operating point (threshold {threshold}): "
        f"as a two-way answer, {prediction.call}. "
    )
    return _paragraph(canvas, y, printable(call + operating_sentence(prediction, card)))


def _refusal(canvas: Canvas, top: float, prediction: Prediction) -> float:
    text = (
        "No probability is given: the model was trained and tested on limb radiographs, and its figures do "
        f"not hold for anything else. {prediction.domain.reason}"
    )
    return _paragraph(canvas, top, printable(text))


def _paragraph(canvas: Canvas, top: float, text: str) -> float:
    y = top - 9
    for line in wrap(text, WIDTH, 9, lines=3):
        _write(canvas, LEFT, y, line, 9)
        y -= 12.5
    return y


def _scale(canvas: Canvas, top: float, style: Style, prediction: Prediction, card: Card) -> float:
    say = _probability_words(prediction, card)
    low, high = (card.operating_points[name].threshold for name in ("sensitive", "specific"))
    left, right, bottom, height = LEFT + 12, RIGHT - 12, top - 26, 11.0

    def place(value: float) -> float:
        return left + (right - left) * min(max(value, 0.0), 1.0)

    here = place(prediction.probability)
    # light to dark: told apart on any printer
    zones = (
        (0.0, low, "not fractured", 0.95),
        (low, high, "uncertain", 0.87),
        (high, 1.0, "fractured", 0.78),
    )
    for start, stop, words, gray in zones:
        x1, x2 = place(start), place(stop)
        canvas.setFillGray(gray)
        canvas.rect(x1, bottom, x2 - x1, height, stroke=0, fill=1)
        if x1 < here < x2:  # the word stands on the wider side of the marker
            x1, x2 = (x1, here) if here - x1 > x2 - here else (here, x2)
        if _width(words, 7) + 8 < x2 - x1:
            _write(canvas, (x1 + x2) / 2, bottom + 3.2, words, 7, colour=SOFT, align="centre")
    _write(canvas, left - 5, bottom + 2.5, "0", 8, colour=SOFT, align="right")
    _write(canvas, right + 5, bottom + 2.5, "1", 8, colour=SOFT)
    _thresholds(canvas, bottom, height, (place(low), f"sensitive {say(low)}"), (place(high), f"specific {say(high)}"))
    _marker(canvas, here, bottom, height, style.colour)
    return bottom - 21


def _thresholds(
    canvas: Canvas, bottom: float, height: float, first: tuple[float, str], second: tuple[float, str]
) -> None:
    """Two ticks with their labels side by side, outwards where there is room, never over each other."""
    (x1, words1), (x2, words2) = first, second
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.8)
    for x in (x1, x2):
        canvas.line(x, bottom - 3, x, bottom + height)
    width1, width2 = _width(words1, 7.5), _width(words2, 7.5)
    start1 = min(max(x1 - width1 / 2, LEFT), RIGHT - width1 - 8 - width2)
    start2 = min(max(x2 - width2 / 2, start1 + width1 + 8), RIGHT - width2)
    start1 = max(LEFT, min(start1, start2 - 8 - width1))
    _write(canvas, start1, bottom - 11, words1, 7.5)
    _write(canvas, start2, bottom - 11, words2, 7.5)


def _marker(canvas: Canvas, x: float, bottom: float, height: float, colour: Color) -> None:
    canvas.setFillColor(colour)
    canvas.setStrokeColor(white)
    canvas.setLineWidth(0.8)
    canvas.rect(x - 1.5, bottom - 1, 3, height + 3, stroke=1, fill=1)
    _polygon(canvas, [(x, bottom + height), (x - 5, bottom + height + 8), (x + 5, bottom + height + 8)], stroke=1)


def _panels(
    canvas: Canvas,
    top: float,
    bottom: float,
    pictures: list[_Picture],
    radiograph: Radiograph,
    heatmap: Heatmap | None,
) -> None:
    """The pictures side by side on black, drawn at one scale, each over a strip for its bar or legend."""
    strip, pad = 22.0, 5.0
    width = (WIDTH - GUTTER * (len(pictures) - 1)) / len(pictures)
    bottom += 13  # the caption's line
    spacing = _spacing(radiograph)
    rows, columns = spacing or (1.0, 1.0)
    wide, high = radiograph.width * columns, radiograph.height * rows
    scale = min((width - 2 * pad) / wide, (top - bottom - strip - pad) / high)  # points per mm, or per pixel
    for index, picture in enumerate(pictures):
        left = LEFT + index * (width + GUTTER)
        canvas.setFillColor(black)
        canvas.rect(left, bottom, width, top - bottom, stroke=0, fill=1)
        # half a point at least: a film one pixel high stays visible
        drawn_width, drawn_height = max(wide * scale, 0.5), max(high * scale, 0.5)
        x = left + (width - drawn_width) / 2
        y = bottom + strip + (top - bottom - strip - pad - drawn_height) / 2
        canvas.drawImage(ImageReader(io.BytesIO(picture.encoded)), x, y, drawn_width, drawn_height)
        _write(canvas, left, bottom - 11, picture.caption, 8, colour=SOFT)
        if index == 0 and spacing:
            _scale_bar(canvas, left + 10, bottom + 8, scale, width - 20)
        if index == 1 and heatmap is not None:
            _legend(canvas, left + width - 10, bottom + 8, flat=heatmap.flat)


def _scale_bar(canvas: Canvas, x: float, y: float, points_per_mm: float, room: float) -> None:
    longest = 0.4 * room / points_per_mm
    decade = 10.0 ** math.floor(math.log10(longest))
    length = max((step for step in (decade, 2 * decade, 5 * decade) if step <= longest), default=decade)
    end = x + length * points_per_mm
    canvas.setStrokeColor(white)
    canvas.setLineWidth(1.2)
    canvas.line(x, y, end, y)
    for tick in (x, end):
        canvas.line(tick, y - 2.5, tick, y + 2.5)
    _write(canvas, end + 6, y - 2.7, f"{length:g} mm", 7.5, colour=white)


def _legend(canvas: Canvas, right: float, y: float, *, flat: bool) -> None:
    words = "flat map: no place stands out" if flat else "weight in the answer"
    length = 90.0
    _write(canvas, right, y - 2.7, "1", 7.5, colour=white, align="right")
    x = right - 8 - length
    colours = np.ascontiguousarray(colourise(np.linspace(0, 1, 256)[None])[..., :3])
    canvas.drawImage(ImageReader(io.BytesIO(encode_png(colours))), x, y - 3.5, length, 7)
    canvas.setStrokeGray(0.55)  # inferno begins in black
    canvas.setLineWidth(0.4)
    canvas.rect(x, y - 3.5, length, 7, stroke=1, fill=0)
    _write(canvas, x - 4, y - 2.7, "0", 7.5, colour=white, align="right")
    _write(canvas, x - 16, y - 2.7, words, 7.5, colour=white, align="right")


def _facts(canvas: Canvas, top: float, bottom: float, columns: list[tuple[str, Rows]]) -> None:
    """Columns of labelled facts, all in one size: the largest at which every column fits."""
    width, label = (WIDTH - 2 * GUTTER) / len(columns), 74.0
    room = top - bottom - 20
    size, settled = settle([rows for _, rows in columns], width - label, room)
    for index, ((heading, _), rows) in enumerate(zip(columns, settled, strict=True)):
        x, y = LEFT + index * (width + 2 * GUTTER), top
        _write(canvas, x, y - 8, heading, 9.5, bold=True)
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.5)
        canvas.line(x, y - 13, x + width, y - 13)
        y -= 16 + size
        for name, lines in rows:
            _write(canvas, x, y, name, size, colour=SOFT)
            for line in lines:
                _write(canvas, x + label, y, line, size)
                y -= size * LEADING
            y -= GAP


LEADING, GAP = 1.3, 1.6
_TRIES: list[tuple[float, int | None]] = [(8.0, None), (7.5, None), (7.0, None)]
_TRIES += [(7.0, lines) for lines in (12, 10, 8, 6, 5, 4)] + [(6.5, lines) for lines in (4, 3, 2, 1)]


def settle(columns: list[Rows], width: float, height: float) -> tuple[float, list[list[tuple[str, list[str]]]]]:
    """The largest type in which every column of facts fits its height, the longest facts cut if none does.

    Returns:
        the size in points, and each column's rows with their values broken into lines.
    """
    for size, most in _TRIES:
        broken = [
            [(label, wrap(value, width, size, lines=most) or [""]) for label, value in rows] for rows in columns
        ]
        heights = [sum(len(lines) * size * LEADING + GAP for _, lines in rows) for rows in broken]
        if max(heights) <= height:
            break
    return size, broken


def _disclaimer(canvas: Canvas) -> None:
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.9)
    canvas.roundRect(LEFT, BOTTOM, WIDTH, BOX, 3, stroke=1, fill=0)
    _write(canvas, A4[0] / 2, BOTTOM + BOX / 2 - 3.5, DISCLAIMER, 10, bold=True, align="centre")


def _rule(canvas: Canvas, y: float) -> None:
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.6)
    canvas.line(LEFT, y, RIGHT, y)


def _sign(canvas: Canvas, x: float, y: float, r: float, style: Style) -> None:
    """The finding's sign: four outlines that differ without their colour."""
    canvas.setFillColor(style.colour)
    canvas.setStrokeColor(white)
    canvas.setLineCap(1)
    canvas.setLineJoin(1)
    canvas.setLineWidth(r * 0.2)
    if style.sign == "triangle":
        _polygon(canvas, [(x, y + r), (x - 1.1 * r, y - 0.9 * r), (x + 1.1 * r, y - 0.9 * r)])
        canvas.line(x, y + 0.35 * r, x, y - 0.25 * r)
        canvas.setFillColor(white)
        canvas.circle(x, y - 0.6 * r, r * 0.12, stroke=0, fill=1)
    elif style.sign == "tick":
        canvas.circle(x, y, r, stroke=0, fill=1)
        canvas.lines([(x - 0.42 * r, y - 0.02 * r, x - 0.1 * r, y - 0.36 * r)])
        canvas.lines([(x - 0.1 * r, y - 0.36 * r, x + 0.46 * r, y + 0.36 * r)])
    elif style.sign == "question":
        _polygon(canvas, [(x, y + 1.1 * r), (x - 1.1 * r, y), (x, y - 1.1 * r), (x + 1.1 * r, y)])
        _write(canvas, x, y - 0.42 * r, "?", 1.2 * r, bold=True, colour=white, align="centre")
    else:
        canvas.roundRect(x - 0.95 * r, y - 0.95 * r, 1.9 * r, 1.9 * r, 0.3 * r, stroke=0, fill=1)
        canvas.line(x - 0.5 * r, y, x + 0.5 * r, y)
    canvas.setLineCap(0)
    canvas.setLineJoin(0)


def _polygon(canvas: Canvas, corners: list[tuple[float, float]], *, stroke: int = 0) -> None:
    path = canvas.beginPath()
    path.moveTo(*corners[0])
    for corner in corners[1:]:
        path.lineTo(*corner)
    path.close()
    canvas.drawPath(path, stroke=stroke, fill=1)


# ------------------------------------------------------------------------------------------------- typography

_NO_BREAK = "\N{NO-BREAK SPACE}"
NARROW = 0.9  # DejaVu Sans Condensed is DejaVu Sans at nine tenths of its width

# Not embedded: every PDF reader brings or fetches a face for these names. The codec says what the face holds.
_EAST_ASIAN = {
    "HeiseiKakuGo-W5": ("cp932", re.compile("[\u3040-\u30ff]")),
    "HYGothic-Medium": ("cp949", re.compile("[\uac00-\ud7af]")),
    "STSong-Light": ("gbk", re.compile("")),
}


@cache
def _faces() -> tuple[TTFont, TTFont]:
    """The regular and the bold face, embedded: matplotlib's DejaVu Sans, or else reportlab's Vera."""
    matplotlib = importlib.util.find_spec("matplotlib")  # where it lies, without importing it
    places = (matplotlib and matplotlib.submodule_search_locations) or ()
    folders = [Path(place) / "mpl-data/fonts/ttf" for place in places]
    folder = next((folder for folder in folders if (folder / "DejaVuSans-Bold.ttf").is_file()), None)
    files = ("Vera.ttf", "VeraBd.ttf")
    if folder is not None:
        files = (str(folder / "DejaVuSans.ttf"), str(folder / "DejaVuSans-Bold.ttf"))
    regular, bold = TTFont("report-regular", files[0]), TTFont("report-bold", files[1])
    for face in (regular, bold):
        pdfmetrics.registerFont(face)
    for name in _EAST_ASIAN:
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return regular, bold


def _face(char: str, bold: bool, text: str = "") -> str | None:
    """Name of the face that draws a character, None when none does; ``text`` tells Japanese from Chinese."""
    regular, heavy = _faces()
    if all(ord(char) in face.face.charToGlyph for face in (regular, heavy)):
        return str(heavy.fontName if bold else regular.fontName)
    if ord(char) > 0xFFFF:
        return None
    fitting = [name for name, (codec, _) in _EAST_ASIAN.items() if _encodes(codec, char)]
    return min(fitting, key=lambda name: _EAST_ASIAN[name][1].search(text) is None, default=None)


def _encodes(codec: str, char: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str, *, longest: int = 4000) -> str:
    """Text of which every character can be drawn.

    Accents join their letters, Arabic letters take the forms that join, line breaks become spaces, invisible
    characters (among them those that reverse a name's reading order) go, and what no face holds becomes "�".
    """
    composed = unicodedata.normalize("NFC", text[:longest])
    spaced = (" " if char.isspace() and char != _NO_BREAK else char for char in composed)
    visible = "".join(char for char in spaced if unicodedata.category(char) not in {"Cc", "Cf"})
    joined = _join_arabic(visible)
    drawn = (char if char == _NO_BREAK or _face(char, False) else "�" for char in joined)
    return re.sub(" {2,}", " ", "".join(drawn)).strip()


def _runs(text: str, bold: bool) -> Iterator[tuple[str, str]]:
    for name, run in groupby(text, key=lambda char: _face(char, bold, text) or _face("?", bold)):
        yield str(name), "".join(run)


def _width(text: str, size: float, *, bold: bool = False) -> float:
    return NARROW * sum(pdfmetrics.stringWidth(run, name, size) for name, run in _runs(text, bold))


def wrap(text: str, width: float, size: float, *, lines: int | None = None) -> list[str]:
    """Lines of at most ``width`` points, broken at spaces, or inside words too long; the last one is cut."""
    broken: list[str] = []
    while text:
        if lines and len(broken) == lines - 1:
            return [*broken, shorten(text, width, size)]
        end = _fitting(text, width, size)
        if end < len(text):
            end = (text.rfind(" ", 0, end + 1) + 1) or end
        broken.append(text[:end].rstrip(" "))
        text = text[end:].lstrip(" ")
    return broken


def _fitting(text: str, width: float, size: float) -> int:
    """How many of the first characters fit, at least one."""
    used, count = 0.0, 0
    for char in text:
        used += _width(char, size)
        if used > width:
            break
        count += 1
    return max(1, count)


def shorten(text: str, width: float, size: float, *, tail: int = 0) -> str:
    """Text cut with "…" where it is too wide; its last ``tail`` characters stay (a file name's ending)."""
    if _fitting(text, width, size) == len(text):
        return text
    ending = "…" + (text[-tail:] if tail else "")
    return text[: _fitting(text, width - _width(ending, size), size)].rstrip(" ") + ending


def _write(
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
    x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[align] * _width(text, size, bold=bold)
    line = canvas.beginText(x, y)
    line.setFillColor(colour)
    line.setHorizScale(100 * NARROW)
    for name, run in _runs(visual_order(text), bold):
        line.setFont(name, size)
        line.textOut(run)
    canvas.drawText(line)


# A right-to-left stretch: from its first letter to its last, with the numbers and signs within and after it
_RIGHT_TO_LEFT = re.compile("R(?:[^L]*[R1])?m*")
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


def visual_order(text: str) -> str:
    """A line of text as it stands on paper, left to right: Hebrew and Arabic stretches are turned around.

    The common cases of the Unicode bidirectional algorithm (UAX #9) in a left-to-right line.
    """
    kinds = {"R": "R", "AL": "R", "L": "L", "EN": "1", "AN": "1", "NSM": "m"}
    classes = "".join(kinds.get(unicodedata.bidirectional(char), "n") for char in text)
    pieces, done = [], 0
    for span in _RIGHT_TO_LEFT.finditer(classes):
        pieces += [text[done : span.start()], _turned(text[span.start() : span.end()])]
        done = span.end()
    return "".join([*pieces, text[done:]])


def _turned(text: str) -> str:
    """Right to left, numbers and letters with their marks kept whole."""
    clusters: list[str] = []
    for part in re.findall(r"\d+(?:[.,:/]\d+)*|\D", text):
        if clusters and unicodedata.combining(part[0]):
            clusters[-1] += part
        else:
            clusters.append(part.translate(_MIRRORED))
    return "".join(reversed(clusters))


@cache
def _arabic_forms() -> dict[str, dict[str, str]]:
    """Letter (or lam with alef) → joining form → the character of that shape, by Unicode's decompositions."""
    forms: dict[str, dict[str, str]] = {}
    for code in (*range(0xFE80, 0xFEFD), *range(0xFB50, 0xFBB2)):
        form, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        letter = "".join(chr(int(value, 16)) for value in letters)
        if form.startswith("<") and _face(chr(code), False):
            forms.setdefault(letter, {}).setdefault(form, chr(code))
    return forms


def _join_arabic(text: str) -> str:
    """Each Arabic letter in the shape that its neighbours ask for."""
    if not re.search("[\u0600-\u06ff]", text):
        return text
    forms: dict[str, dict[str, str]] = dict(_arabic_forms())
    for pair in [letters for letters in forms if len(letters) == 2]:
        single = forms[pair]["<isolated>"]
        text, forms[single] = text.replace(pair, single), forms[pair]
    letters = [index for index, char in enumerate(text) if not unicodedata.combining(char)]
    shaped = list(text)
    for place, index in enumerate(letters):
        before = text[letters[place - 1]] if place else ""
        after = text[letters[place + 1]] if place + 1 < len(letters) else ""
        own = forms.get(text[index], {})
        joins_before = "<final>" in own and (before == "ـ" or "<initial>" in forms.get(before, {}))
        joins_after = "<initial>" in own and (after == "ـ" or "<final>" in forms.get(after, {}))
        form = f"<{('isolated', 'final', 'initial', 'medial')[joins_before + 2 * joins_after]}>"
        shaped[index] = own.get(form, text[index])
    return "".join(shaped)
