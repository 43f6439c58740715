"""One film's answer on one sheet of paper: a PDF to print, to file, or to hand to a student.

``render_report`` draws a single A4 page whatever it is given: text is measured before it is drawn, and
shrinks, wraps or ends in an ellipsis where it would not fit. Equal input gives equal bytes. The page shows
the file's name as the user gave it and nothing of a DICOM header but the decoding steps and the spacing.

No torch here: the answer and its map come ready made.
"""

from __future__ import annotations

import io
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from fracture_core import RESEARCH_ONLY
from fracture_core.errors import UnknownName
from fracture_core.imaging import Radiograph
from fracture_core.overlay import blend, colourise, encode_jpeg, encode_png, fit_within, to_uint8
from fracture_core.typography import INK, NO_BREAK, fonts, printable, shorten, text_width, wrap, write
from fracture_core.weights import Card

if TYPE_CHECKING:
    from fracture_core.explain import Heatmap, Method
    from fracture_core.inference import Prediction


LEFT, RIGHT = 45.0, A4[0] - 45.0
WIDTH = RIGHT - LEFT
TOP, BOTTOM = A4[1] - 48.0, 42.0
BOX = 25.0  # height of the disclaimer's box
FACTS = 205.0  # height of the two columns of facts
GUTTER = 11.0

SOFT, LINE = HexColor(0x666666), HexColor(0xC9C9C9)
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
Broken = list[tuple[str, list[str]]]  # each value in its lines

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
    points = card.operating_points
    if prediction.operating_point not in points:
        raise UnknownName("operating point", prediction.operating_point, points)
    answered = prediction.domain.in_domain
    heatmap = heatmap if answered else None  # a map would explain an answer that is not given
    style = STYLES[prediction.finding if answered else "not answered"]
    say = probability_format(prediction.probability, points["sensitive"].threshold, points["specific"].threshold)
    pictures = _pictures(radiograph, heatmap)
    with _drawing:
        name = printable(radiograph.name)
        buffer = io.BytesIO()
        canvas = _open(buffer, name, when)
        y = _masthead(canvas, name or "film without a name", when)
        y = _finding(canvas, y, style, say(prediction.probability) if answered else None)
        if answered:
            y = _scale(canvas, y, style, prediction, card, say)
        y -= 9
        for line in wrap(printable(_explanation(prediction, card, say)), WIDTH, 9, lines=5):
            write(canvas, LEFT, y, line, 9)
            y -= 12.5
        foot = BOTTOM + BOX + 14
        _panels(canvas, y, foot + FACTS + 16, pictures, radiograph, heatmap)
        film_rows = _film_rows(radiograph, prediction, heatmap)
        _facts(canvas, foot + FACTS, foot, {"Model": _model_rows(card), "Film and map": film_rows})
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.9)
        canvas.roundRect(LEFT, BOTTOM, WIDTH, BOX, 3)
        write(canvas, A4[0] / 2, BOTTOM + BOX / 2 - 3.5, RESEARCH_ONLY, 10, bold=True, align="centre")
        canvas.save()
    return buffer.getvalue()


# --- what it says --------------------------------------------------------------------------------------------


def _explanation(prediction: Prediction, card: Card, say: Callable[[float], str]) -> str:
    """What the chosen operating point gives on test films, with intervals, or why there is no answer."""
    if not prediction.domain.in_domain:
        return (
            "No probability is given: the model was trained and tested on limb radiographs, and its figures do "
            f"not hold for anything else. {prediction.domain.reason}"
        )
    name = prediction.operating_point
    point = card.operating_points[name]
    found, cleared = (share.percent().replace(" ", NO_BREAK) for share in (point.sensitivity, point.specificity))
    return (
        f"{name.capitalize()} operating point (threshold {say(point.threshold)}): as a two-way answer, "
        f"{prediction.call}. At this operating point the model finds {found} of fractures and clears {cleared} of "
        f"whole bones (n = {point.sensitivity.n} fractured, {point.specificity.n} whole test films). "
        f"{prediction.domain.caution}"
    )


def probability_format(*values: float) -> Callable[[float], str]:
    """Two decimals, or as many (at most four) as keep different values different; never a rounded 0 or 1."""
    distinct = len(set(values))
    digits = next((d for d in (2, 3) if len({round(value, d) for value in values}) == distinct), 4)
    step = 10.0**-digits

    def say(value: float) -> str:
        if 0 < value < step / 2:
            return f"< {step:.{digits}f}"
        if 1 - step / 2 < value < 1:
            return f"> {1 - step:.{digits}f}"
        return f"{value:.0f}" if value in (0, 1) else f"{value:.{digits}f}"

    return say


def _model_rows(card: Card) -> Rows:
    data = card.data
    source, split = data.get("data") or {}, data.get("split") or {}
    names = {"train": "training", "val": "validation", "test": "test"}
    parts = [
        f"{names.get(key, key)} {part['films']} ({part['fractured']}{NO_BREAK}fractured)"
        for key, part in (split.get("counts") or {}).items()
    ]
    # a citation begins with the data set's name as its publisher spells it
    training = str(source.get("attribution") or source.get("name") or "not stated").partition(",")[0]
    measured = {name: f"{found.decimal()}, n = {found.n} test films" for name, found in card.metrics.items()}
    rows = {
        "Title": card.title,
        "Training data": f"{training}, {source['films']} films in all" if "films" in source else training,
        "Split": split.get("rule"),
        "Films": ", ".join(parts),
        "Test AUC": measured.get("auc"),
        "Calibration error": measured.get("ece"),
        "Input": f"{card.size} × {card.size} px, architecture {card.model}",
        "Weights": f"“{card.name}”, sha256 {card.sha256[:16]}",
        "Version": ", ".join(str(data[key]) for key in ("version", "date") if data.get(key)),
        "Licence": data.get("licence"),
        "Attribution": "; ".join(data.get("attribution") or ()),
    }
    return [(label, str(value or "not stated")) for label, value in rows.items()]


def _film_rows(radiograph: Radiograph, prediction: Prediction, heatmap: Heatmap | None) -> Rows:
    spacing = "not known: no scale bar"
    if usable := _spacing(radiograph):
        row, column = (f"{value:.4g} mm" for value in usable)
        spacing = row if row == column else f"{column} across, {row} down"
    frames = f", picture {radiograph.frame + 1} of {radiograph.frames}" if radiograph.frames > 1 else ""
    passed = "passed" if prediction.domain.in_domain else "not passed"
    rows = {
        "File": f"{radiograph.format}, {radiograph.width} × {radiograph.height} px{frames}",
        "sha256": radiograph.sha256[:16],
        "Pixel spacing": spacing,
        "Decoding": "; ".join(radiograph.notes) or "read as it is",
        "Limb check": ": ".join(filter(None, (passed, prediction.domain.reason or prediction.domain.caution))),
        "Map": "none was asked for" if prediction.domain.in_domain else "none: there is no answer to explain",
    }
    if heatmap is not None:
        method = _method(heatmap)
        rows["Map"] = f"{_map_title(heatmap)}: {method.source}. {method.summary}"
        rows["What it shows"] = _FLAT if heatmap.flat else _MAP if method.knows_class else _ACTIVITY
    return list(rows.items())


_MAP = "Where the model drew its answer from, not the outline of a fracture."
_ACTIVITY = "Where the network was active, whatever its answer; not the outline of a fracture."
_FLAT = "The map is flat: it is the same everywhere and points to no place."


def _method(heatmap: Heatmap) -> Method:
    from fracture_core.explain import METHODS  # imports torch; whoever has a map has it already

    return METHODS[heatmap.method]


def _map_title(heatmap: Heatmap) -> str:
    method = _method(heatmap)
    answer = "fractured" if heatmap.target == 1 else "not fractured"
    return f"{method.title} for “{answer}”" if method.knows_class else method.title


def _spacing(radiograph: Radiograph) -> tuple[float, float] | None:
    """(row, column) spacing in mm when it can be drawn with."""
    spacing = radiograph.spacing
    # what no detector has is an error of the file
    return spacing if spacing and all(1e-6 < value < 1e3 for value in spacing) else None


def _date(when: datetime) -> str:
    # not strftime("%B"): the page is in English whatever the server's locale
    months = "January February March April May June July August September October November December"
    month = months.split(" ")[when.month - 1]
    return printable(f"{when.day} {month} {when.year}, {when:%H:%M} {when.tzname() or ''}")


# --- how it looks --------------------------------------------------------------------------------------------


def _pictures(radiograph: Radiograph, heatmap: Heatmap | None) -> dict[str, bytes]:
    """Caption → JPEG."""
    film = fit_within(radiograph.pixels, LONGEST)
    factor = max(1, SMALLEST // max(film.shape))
    film = film.repeat(factor, axis=0).repeat(factor, axis=1)
    pictures = {"Radiograph": _compress(to_uint8(film))}
    if heatmap is not None:
        pictures[f"Radiograph with {_map_title(heatmap)}"] = _compress(blend(film, heatmap.drawn(film.shape)))
    return pictures


def _compress(picture: np.ndarray) -> bytes:
    """JPEG bytes of at most ``PICTURE_BYTES``: coarser, then smaller, until they fit (as noise does not)."""
    for quality in (92, 85, 75, 60):
        encoded = encode_jpeg(picture, quality=quality)
        if len(encoded) <= PICTURE_BYTES:
            return encoded
    return _compress(fit_within(picture, max(picture.shape[:2]) * 3 // 4))


def _open(buffer: io.BytesIO, name: str, when: datetime) -> Canvas:
    first = fonts()[0].fontName
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1, invariant=1, lang="en-GB", initialFontName=first)
    canvas.setTitle(f"Fracture reading: {name[:200]}")
    canvas.setSubject(RESEARCH_ONLY)
    canvas.setAuthor("fracture_core")
    canvas.setCreator("fracture_core")
    zone = re.sub(r"(\d\d)(\d\d).*", r"\1'\2'", f"{when:%z}")  # +01'30', or nothing without a zone
    canvas.setDateFormatter(lambda *_: f"D:{when:%Y%m%d%H%M%S}{zone}")
    return canvas


def _masthead(canvas: Canvas, name: str, when: datetime) -> float:
    write(canvas, LEFT, TOP - 6, "Fracture reading", 21, bold=True)
    write(canvas, RIGHT, TOP - 6, _date(when), 9, colour=SOFT, align="right")
    size = next((size for size in (11.0, 10.0) if text_width(name, size) <= WIDTH), 9.0)
    write(canvas, LEFT, TOP - 25, shorten(name, WIDTH, size, tail=16), size)
    _lines(canvas, LINE, 0.6, (LEFT, TOP - 35, RIGHT, TOP - 35))
    return TOP - 35


def _finding(canvas: Canvas, top: float, style: Style, probability: str | None) -> float:
    baseline = top - 35
    _sign(canvas, LEFT + 17, baseline + 9, 16, style)
    room = WIDTH - 44
    if probability is not None:
        write(canvas, RIGHT, baseline, probability, 26, bold=True, colour=style.colour, align="right")
        write(canvas, RIGHT, baseline - 13, "calibrated probability of a fracture", 8, colour=SOFT, align="right")
        room -= 110
    size = min(26.0, 26.0 * room / text_width(style.words, 26.0, bold=True))
    write(canvas, LEFT + 44, baseline, style.words, size, bold=True, colour=style.colour)
    return baseline - 22


def _scale(
    canvas: Canvas, top: float, style: Style, prediction: Prediction, card: Card, say: Callable[[float], str]
) -> float:
    """The probability between the thresholds; returns where it ends."""
    low, high = (card.operating_points[name].threshold for name in ("sensitive", "specific"))
    left, right, bottom, height = LEFT + 12, RIGHT - 12, top - 26, 11.0

    def place(value: float) -> float:
        return left + (right - left) * min(max(value, 0.0), 1.0)

    here = place(prediction.probability)
    # light to dark: told apart on any printer
    zones = ((0.0, low, "not fractured", 0.95), (low, high, "uncertain", 0.87), (high, 1.0, "fractured", 0.78))
    for start, stop, words, gray in zones:
        x1, x2 = place(start), place(stop)
        canvas.setFillGray(gray)
        canvas.rect(x1, bottom, x2 - x1, height, stroke=0, fill=1)
        if x1 < here < x2:  # the word stands on the wider side of the marker
            x1, x2 = (x1, here) if here - x1 > x2 - here else (here, x2)
        if text_width(words, 7) + 8 < x2 - x1:
            write(canvas, (x1 + x2) / 2, bottom + 3.2, words, 7, colour=SOFT, align="centre")
    write(canvas, left - 5, bottom + 2.5, "0", 8, colour=SOFT, align="right")
    write(canvas, right + 5, bottom + 2.5, "1", 8, colour=SOFT)
    x1, x2 = place(low), place(high)
    _lines(canvas, INK, 0.8, *((x, bottom - 3, x, bottom + height) for x in (x1, x2)))
    # each under its tick where there is room, never over each other
    words1, words2 = f"sensitive {say(low)}", f"specific {say(high)}"
    width1, width2 = text_width(words1, 7.5), text_width(words2, 7.5)
    start1 = min(max(x1 - width1 / 2, LEFT), RIGHT - width1 - 8 - width2)
    start2 = min(max(x2 - width2 / 2, start1 + width1 + 8), RIGHT - width2)
    write(canvas, start1, bottom - 11, words1, 7.5)
    write(canvas, start2, bottom - 11, words2, 7.5)
    canvas.setFillColor(style.colour)
    canvas.setStrokeColor(white)
    canvas.rect(here - 1.5, bottom - 1, 3, height + 3, stroke=1, fill=1)
    y = bottom + height
    _polygon(canvas, (here, y), (here - 5, y + 8), (here + 5, y + 8), stroke=1)
    return bottom - 21


def _panels(
    canvas: Canvas, top: float, bottom: float, pictures: dict[str, bytes], film: Radiograph, heatmap: Heatmap | None
) -> None:
    """The pictures side by side on black, drawn at one scale, each over a strip for its bar or legend."""
    strip, pad = 22.0, 5.0
    width = (WIDTH - GUTTER * (len(pictures) - 1)) / len(pictures)
    bottom += 13  # the caption's line
    spacing = _spacing(film)
    rows, columns = spacing or (1.0, 1.0)
    wide, high = film.width * columns, film.height * rows
    scale = min((width - 2 * pad) / wide, (top - bottom - strip - pad) / high)  # points per mm, or per pixel
    # half a point at least: a film one pixel high stays visible
    drawn_width, drawn_height = max(wide * scale, 0.5), max(high * scale, 0.5)
    y = bottom + strip + (top - bottom - strip - pad - drawn_height) / 2
    for index, (caption, encoded) in enumerate(pictures.items()):
        left = LEFT + index * (width + GUTTER)
        canvas.setFillColor(black)
        canvas.rect(left, bottom, width, top - bottom, stroke=0, fill=1)
        picture = ImageReader(io.BytesIO(encoded))
        canvas.drawImage(picture, left + (width - drawn_width) / 2, y, drawn_width, drawn_height)
        write(canvas, left, bottom - 11, caption, 8, colour=SOFT)
    if spacing:
        _scale_bar(canvas, LEFT + 10, bottom + 8, scale, width - 20)
    if heatmap is not None:
        _legend(canvas, RIGHT - 10, bottom + 8, heatmap)


def _scale_bar(canvas: Canvas, x: float, y: float, points_per_mm: float, room: float) -> None:
    longest = 0.4 * room / points_per_mm
    decade = 10.0 ** math.floor(math.log10(longest))
    length = max((step for step in (decade, 2 * decade, 5 * decade) if step <= longest), default=decade)
    end = x + length * points_per_mm
    _lines(canvas, white, 1.2, (x, y, end, y), (x, y - 2.5, x, y + 2.5), (end, y - 2.5, end, y + 2.5))
    write(canvas, end + 6, y - 2.7, f"{length:g} mm", 7.5, colour=white)


def _legend(canvas: Canvas, right: float, y: float, heatmap: Heatmap) -> None:
    words = "flat map: no place stands out" if heatmap.flat else heatmap.drawn_is
    length = 90.0
    x = right - 8 - length
    colours = np.ascontiguousarray(colourise(np.linspace(0, 1, 256)[None])[..., :3])
    canvas.drawImage(ImageReader(io.BytesIO(encode_png(colours))), x, y - 3.5, length, 7)
    canvas.setStrokeGray(0.55)  # inferno begins in black
    canvas.setLineWidth(0.4)
    canvas.rect(x, y - 3.5, length, 7)
    for end, text in ((right, "1"), (x - 4, "0"), (x - 16, words)):
        write(canvas, end, y - 2.7, text, 7.5, colour=white, align="right")


def _facts(canvas: Canvas, top: float, bottom: float, columns: dict[str, Rows]) -> None:
    """Columns of labelled facts under their headings, all in one size: the largest at which every column fits."""
    width, indent = (WIDTH - 2 * GUTTER) / len(columns), 74.0
    drawable = [[(label, printable(value)) for label, value in rows] for rows in columns.values()]
    size, settled = settle(drawable, width - indent, top - bottom - 20)
    for index, (heading, rows) in enumerate(zip(columns, settled, strict=True)):
        x, y = LEFT + index * (width + 2 * GUTTER), top
        write(canvas, x, y - 8, heading, 9.5, bold=True)
        _lines(canvas, LINE, 0.5, (x, y - 13, x + width, y - 13))
        y -= 16 + size
        for label, lines in rows:
            write(canvas, x, y, label, size, colour=SOFT)
            for line in lines:
                write(canvas, x + indent, y, line, size)
                y -= size * LEADING
            y -= GAP


LEADING, GAP = 1.3, 1.6
_TRIES: list[tuple[float, int | None]] = [(8.0, None), (7.5, None), (7.0, None)]
_TRIES += [(7.0, lines) for lines in (12, 10, 8, 6, 5, 4)] + [(6.5, lines) for lines in (4, 3, 2, 1)]


def settle(columns: list[Rows], width: float, height: float) -> tuple[float, list[Broken]]:
    """The largest type in which every column of facts fits its height; in none, those too high are cut.

    Returns the size in points, and each column's rows with their values broken into lines.
    """

    def fits(rows: Broken, size: float) -> bool:
        return sum(len(lines) * size * LEADING + GAP for _, lines in rows) <= height

    def broken(rows: Rows, size: float, most: int | None = None) -> Broken:
        return [(label, wrap(value, width, size, lines=most)) for label, value in rows]

    for size, most in _TRIES:
        whole = [broken(rows, size) for rows in columns]
        settled = [
            found if fits(found, size) else broken(rows, size, most)
            for found, rows in zip(whole, columns, strict=True)
        ]
        if all(fits(found, size) for found in settled):
            break
    return size, settled


def _sign(canvas: Canvas, x: float, y: float, r: float, style: Style) -> None:
    """The finding's sign: four outlines that differ without their colour."""
    canvas.setFillColor(style.colour)
    canvas.setLineCap(1)
    if style.sign == "triangle":
        _polygon(canvas, (x, y + r), (x - 1.1 * r, y - 0.9 * r), (x + 1.1 * r, y - 0.9 * r))
        _lines(canvas, white, 0.2 * r, (x, y + 0.35 * r, x, y - 0.25 * r))
        canvas.setFillColor(white)
        canvas.circle(x, y - 0.6 * r, r * 0.12, stroke=0, fill=1)
    elif style.sign == "tick":
        canvas.circle(x, y, r, stroke=0, fill=1)
        foot = (x - 0.1 * r, y - 0.36 * r)
        _lines(canvas, white, 0.2 * r, (x - 0.42 * r, y - 0.02 * r, *foot), (*foot, x + 0.46 * r, y + 0.36 * r))
    elif style.sign == "question":
        _polygon(canvas, (x, y + 1.1 * r), (x - 1.1 * r, y), (x, y - 1.1 * r), (x + 1.1 * r, y))
        write(canvas, x, y - 0.42 * r, "?", 1.2 * r, bold=True, colour=white, align="centre")
    else:
        canvas.roundRect(x - 0.95 * r, y - 0.95 * r, 1.9 * r, 1.9 * r, 0.3 * r, stroke=0, fill=1)
        _lines(canvas, white, 0.2 * r, (x - 0.5 * r, y, x + 0.5 * r, y))
    canvas.setLineCap(0)


def _lines(canvas: Canvas, colour: Color, width: float, *lines: tuple[float, float, float, float]) -> None:
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(width)
    canvas.lines(lines)


def _polygon(canvas: Canvas, *corners: tuple[float, float], stroke: int = 0) -> None:
    path = canvas.beginPath()
    path.moveTo(*corners[0])
    for corner in corners[1:]:
        path.lineTo(*corner)
    path.close()
    canvas.drawPath(path, stroke=stroke, fill=1)
