"""Pages, screens and charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from scripts.gate.parts import Picture, blurred, grained, pick, spectrum

WORDS = (
    "the of and to in is that for it with as was on are by this be at from or an which one all their there been has "
    "were more time bone when who will what about up out them some could into than its only other new these may do "
    "first any my now such like over our man me even most made after also did many before must through back years "
    "where much your way well down should because each just those people how too little state good very make world "
    "patient report left right view findings normal series page total date name number value table figure"
)


def words(rng: Generator, count: int) -> str:
    text = " ".join(pick(rng, WORDS.split()) for _ in range(count))
    return (text + (f" {rng.integers(1, 9999)}" if rng.random() < 0.2 else "")).capitalize()


@cache
def typeface(path: str, size: int) -> Any:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@cache
def dejavu() -> tuple[str, ...]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    names = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold", "DejaVuSerif-Bold")
    return tuple(str(folder / f"{name}.ttf") for name in names)


@cache
def other_fonts() -> tuple[str, ...]:
    """Pillow's own font, Bitstream Vera italic, Computer Modern and STIX."""
    import matplotlib
    import reportlab

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    vera = Path(reportlab.__file__).parent / "fonts" / "VeraIt.ttf"
    return ("", str(vera), str(folder / "cmr10.ttf"), str(folder / "STIXGeneral.ttf"))


def page(fonts: Callable[[], tuple[str, ...]]) -> Picture:
    """Lines of text in one column or two, dark on light or light on dark, as printed, scanned or shown."""

    def draw(rng: Generator) -> np.ndarray:
        height = int(rng.integers(350, 1500))
        width, dark = int(height * rng.uniform(0.6, 1.4)), rng.random() < 0.25
        paper = int(rng.integers(0, 60) if dark else rng.integers(215, 256))
        ink = int(rng.integers(190, 256) if dark else rng.integers(0, 80))
        image = Image.new("L", (width, height), paper)
        pen, size, margin = ImageDraw.Draw(image), int(rng.integers(9, 34)), int(rng.integers(5, width // 8))
        face, top = typeface(pick(rng, fonts()), size), float(margin)
        if rng.random() < 0.5:
            pen.text((margin, top), words(rng, 4), fill=ink, font=typeface(pick(rng, fonts()), int(size * 1.8)))
            top += size * 3
        columns = 1 if rng.random() < 0.6 else 2
        step, column = size * rng.uniform(1.15, 1.9), (width - 2 * margin) // columns
        for index in range(columns):
            y, end, ragged = top, height * rng.uniform(0.5, 1), rng.uniform(0, 0.5)
            while y < end - size:
                if rng.random() > 0.12:
                    letters = max(3, int(column / (size * 0.52) * (1 - ragged * rng.random())))
                    pen.text(
                        (margin + index * column, y), words(rng, letters // 4 + 2)[:letters], fill=ink, font=face
                    )
                y += step
        x = np.asarray(image, np.float32) / 255
        if rng.random() < 0.4:
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 4), 1)
            x = cv2.warpAffine(x, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        x = np.rot90(x) if rng.random() < 0.15 else x
        if rng.random() < 0.4:
            x = x * (0.75 + 0.25 * spectrum(rng, *x.shape, 2))
        return grained(rng, blurred(x, rng.uniform(0, 1.2)), rng.uniform(0, 0.04))

    return draw


def screen(fonts: Callable[[], tuple[str, ...]]) -> Picture:
    """A program's window: bars, boxes, round marks and short lines of text."""

    def draw(rng: Generator) -> np.ndarray:
        height, width = int(rng.integers(300, 700)), int(rng.integers(400, 1000))
        ground = int(rng.integers(15, 60) if rng.random() < 0.4 else rng.integers(200, 256))
        image = Image.new("L", (width, height), ground)
        pen = ImageDraw.Draw(image)
        shade = int(np.clip(ground + rng.integers(-70, 70), 0, 255))
        pen.rectangle((0, 0, width, int(rng.integers(18, 50))), fill=shade)
        if rng.random() < 0.7:
            shade = int(np.clip(ground + rng.integers(-40, 40), 0, 255))
            pen.rectangle((0, 40, int(width * rng.uniform(0.1, 0.3)), height), fill=shade)
        for _ in range(int(rng.integers(6, 26))):
            x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
            w, h = int(rng.integers(20, 220)), int(rng.integers(12, 110))
            kind, tone = int(rng.integers(4)), int(rng.integers(0, 256))
            if kind == 0:
                pen.rounded_rectangle((x, y, x + w, y + h), int(rng.integers(1, 6)), fill=tone)
            elif kind == 1:
                pen.rectangle((x, y, x + w, y + h), outline=tone)
            elif kind == 2:
                pen.ellipse((x, y, x + h, y + h), fill=tone)
            for line in range(int(rng.integers(1, 7))):
                face = typeface(pick(rng, fonts()), int(rng.integers(9, 17)))
                text = words(rng, int(rng.integers(1, 6)))
                pen.text((x + 4, y + 3 + 14 * line), text, fill=255 - (ground if kind else tone), font=face)
        return np.asarray(image, np.float32) / 255

    return draw


def plotted(rng: Generator, fill: Callable[[Any], None], styles: Sequence[str]) -> np.ndarray:
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.style.context(pick(rng, styles)):
        figure = Figure(figsize=(rng.uniform(3, 7), rng.uniform(3, 6)), dpi=80)
        sheet = FigureCanvasAgg(figure)
        fill(figure.add_subplot())
        sheet.draw()
        colour = np.asarray(sheet.buffer_rgba())[..., :3].astype(np.float32)
    return colour @ np.array([0.299, 0.587, 0.114], np.float32) / 255


def chart(rng: Generator) -> np.ndarray:
    """Lines, bars or points."""

    def fill(axes: Any) -> None:
        kind, count = int(rng.integers(3)), int(rng.integers(3, 14))
        if kind == 0:
            axes.plot(np.cumsum(rng.normal(size=(80, count // 3 + 1)), axis=0))
        elif kind == 1:
            axes.bar(range(count), rng.uniform(1, 9, count))
        else:
            axes.scatter(*rng.normal(size=(2, 20 * count)), s=rng.uniform(4, 60))
        axes.grid(bool(rng.random() < 0.5))
        axes.set_title(words(rng, 3))

    return plotted(rng, fill, ("default", "dark_background", "ggplot"))


def other_chart(rng: Generator) -> np.ndarray:
    """Pies, matrices, contours, histograms or areas."""

    def fill(axes: Any) -> None:
        kind, count = int(rng.integers(5)), int(rng.integers(3, 14))
        if kind == 0:
            axes.pie(rng.uniform(1, 5, count))
        elif kind == 1:
            axes.imshow(rng.uniform(size=(count, count)), cmap="gray")
        elif kind == 2:
            axes.contourf(spectrum(rng, 60, 60, 2))
        elif kind == 3:
            axes.hist(rng.normal(size=900), 40)
        else:
            axes.fill_between(range(60), np.cumsum(rng.normal(size=60)), alpha=0.5)
            axes.step(range(60), np.cumsum(rng.normal(size=60)))
        axes.set_xlabel(words(rng, 2))

    return plotted(rng, fill, ("default", "dark_background", "bmh"))
