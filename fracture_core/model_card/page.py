"""A4 pages that fill from the top and turn by themselves, for the PDF of a model card."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from fracture_core import RESEARCH_ONLY
from fracture_core.model_card.drawing import Box, Dot, Drawing, Line, Shape
from fracture_core.typography import INK, fonts, printable, shorten, text_width, wrap, write

LEFT, RIGHT, TOP, BOTTOM = 48.0, A4[0] - 48.0, A4[1] - 50.0, 58.0
WIDTH = RIGHT - LEFT
SOFT, GRID, PANEL = HexColor(0x5C5F63), HexColor(0xC9C9C9), HexColor(0xF1F2F3)
LEADING = 1.38
COLOURS = {
    "ink": INK,
    "soft": SOFT,
    "grid": GRID,
    "fractured": HexColor(0xD55E00),
    "whole": HexColor(0x009E73),
    "first": HexColor(0x0072B2),
    "second": HexColor(0xB35C00),
}
_ANCHORS = {"start": "left", "middle": "centre", "end": "right"}


class Pages:
    """A PDF that is written from top to bottom; ``y`` is where the next line may begin."""

    def __init__(self, title: str, foot: str) -> None:
        self._buffer = io.BytesIO()
        first = fonts()[0].fontName
        self.canvas = Canvas(
            self._buffer, pagesize=A4, pageCompression=1, invariant=1, lang="en-GB", initialFontName=first
        )
        self.canvas.setTitle(printable(title)[:200])
        self.canvas.setSubject(RESEARCH_ONLY)
        self.canvas.setCreator("fracture_core")
        self._foot = printable(foot)
        self.y = TOP

    def finish(self) -> bytes:
        """The PDF's bytes."""
        self._close()
        self.canvas.save()
        return self._buffer.getvalue()

    def _close(self) -> None:
        foot, room = f"{RESEARCH_ONLY} {self._foot}", WIDTH - 20
        # smaller type before an ellipsis: the version stands last
        size = max(5.5, min(7.5, 7.5 * (room - 1) / text_width(foot, 7.5)))
        write(self.canvas, LEFT, 32, shorten(foot, room, size), size, colour=SOFT)
        write(self.canvas, RIGHT, 32, str(self.canvas.getPageNumber()), 7.5, colour=SOFT, align="right")

    def turn(self) -> None:
        """Begin the next page."""
        self._close()
        self.canvas.showPage()
        self.y = TOP

    def need(self, height: float) -> None:
        """Turn the page unless so much room is left on it."""
        if self.y - height < BOTTOM and self.y < TOP:
            self.turn()

    def bookmark(self, key: str, title: str) -> None:
        """An entry of the PDF's outline, at this place."""
        self.canvas.bookmarkHorizontal(key, 0, self.y + 12)
        self.canvas.addOutlineEntry(printable(title), key, 0)

    def text(
        self, text: str, size: float = 9.5, *, bold: bool = False, colour: Color = INK, indent: float = 0.0
    ) -> None:
        """Lines of text, as many as it takes."""
        for line in wrap(printable(text), (WIDTH - indent) * (0.94 if bold else 1), size):
            self.need(size * LEADING)
            self.y -= size * LEADING
            write(self.canvas, LEFT + indent, self.y, line, size, bold=bold, colour=colour)

    def rule(self) -> None:
        """A thin line across the page."""
        self.canvas.setStrokeColor(GRID)
        self.canvas.setLineWidth(0.6)
        self.canvas.line(LEFT, self.y, RIGHT, self.y)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, size: float = 8.0) -> None:
        """A table whose head stands again on every page; a row is never parted."""
        texts = [[printable(cell) for cell in row] for row in rows]
        widths = column_widths([list(head), *texts], size)
        headed = False
        for row in texts:
            lines = [wrap(cell, width - 6, size) for cell, width in zip(row, widths, strict=True)]
            height = size * LEADING * max(map(len, lines)) + 5
            before = self.canvas.getPageNumber()
            self.need(height + (0 if headed else 2 * size + 8))
            if not headed or self.canvas.getPageNumber() != before:
                self._row([[name] for name in head], widths, size, bold=True)
                headed = True
            self._row(lines, widths, size)

    def _row(self, lines: list[list[str]], widths: list[float], size: float, *, bold: bool = False) -> None:
        x, most = LEFT, max(map(len, lines))
        for cell, width in zip(lines, widths, strict=True):
            for number, line in enumerate(cell, 1):
                write(self.canvas, x, self.y - number * size * LEADING, line, size, bold=bold)
            x += width
        self.y -= size * LEADING * most + 4
        self.rule()
        self.y -= 1

    def draw(self, drawing: Drawing, *, scale: float = 1.0) -> None:
        """A drawing, y turned upwards."""
        self.need(scale * drawing.height + 4)
        self.canvas.saveState()
        self.canvas.translate(LEFT, self.y)
        self.canvas.scale(scale, scale)
        for shape in drawing.shapes:
            self._shape(shape)
        self.canvas.restoreState()
        self.y -= scale * drawing.height

    def _shape(self, shape: Shape) -> None:
        canvas, colour = self.canvas, COLOURS[shape.role]
        canvas.setFillColor(colour)
        canvas.setStrokeColor(colour)
        if isinstance(shape, Line):
            canvas.setLineWidth(shape.width)
            canvas.setDash([4, 3] if shape.dashed else [])
            canvas.line(shape.x1, -shape.y1, shape.x2, -shape.y2)
        elif isinstance(shape, Box):
            canvas.rect(shape.x, -shape.y - shape.height, shape.width, shape.height, stroke=0, fill=1)
        elif isinstance(shape, Dot) and shape.square:
            canvas.rect(shape.x - shape.r, -shape.y - shape.r, 2 * shape.r, 2 * shape.r, stroke=0, fill=1)
        elif isinstance(shape, Dot):
            canvas.circle(shape.x, -shape.y, shape.r, stroke=0, fill=1)
        else:
            align = _ANCHORS[shape.align]
            write(canvas, shape.x, -shape.y, printable(shape.text), shape.size, colour=colour, align=align)


def column_widths(rows: Sequence[Sequence[str]], size: float) -> list[float]:
    """Widths that fill the page: narrow columns keep what they need, wide ones share the rest by their length."""
    count = len(rows[0])
    wanted = [
        max(text_width(row[column], size, bold=number == 0) for number, row in enumerate(rows)) + 8
        for column in range(count)
    ]
    words = [
        max(
            (
                text_width(word, size, bold=number == 0)
                for number, row in enumerate(rows)
                for word in re.split(r"\s", row[column])
                if word
            ),
            default=0.0,
        )
        + 8
        for column in range(count)
    ]
    if sum(wanted) <= WIDTH:
        spare = (WIDTH - sum(wanted)) / count
        return [width + min(spare, 24.0) for width in wanted]
    share = WIDTH / count
    kept = {column for column in range(count) if wanted[column] <= share}
    room = WIDTH - sum(wanted[column] for column in kept)
    # by the root of the length: a column with one long cell does not starve the others
    roots = {column: wanted[column] ** 0.5 for column in range(count) if column not in kept}
    widths = [wanted[c] if c in kept else room * roots[c] / sum(roots.values()) for c in range(count)]
    return _with_room_for_words(widths, words, kept)


def _with_room_for_words(widths: list[float], words: list[float], kept: set[int]) -> list[float]:
    """The widths, no wide column narrower than its longest word as long as the others can give."""
    wide = [column for column in range(len(widths)) if column not in kept]
    lacking = {column: words[column] - widths[column] for column in wide if words[column] > widths[column]}
    spare = {column: widths[column] - words[column] for column in wide if words[column] < widths[column]}
    asked, there = sum(lacking.values()), sum(spare.values())
    if not lacking or there <= 0:
        return widths
    given = min(1.0, there / asked)
    taken = asked * given / there
    return [
        width + lacking.get(column, 0.0) * given - spare.get(column, 0.0) * taken
        for column, width in enumerate(widths)
    ]
