"""Fit the gate before the classifiers, and measure it: ``python scripts/fit_gate.py --data DIR``.

``DIR`` is the folder that ``FRACTURE_DATA`` names: ``fracatlas/`` and ``pretrained/`` in it are needed; films of
``multi_region/`` and ``dicom/`` are measured where they are there. Written are ``weights/gate/model.safetensors`` and
``gate.json``, the card with everything that was measured.

Films are split as for the classifiers. Training films and alterations of them (turned, cropped, collimated, other
contrasts) stand against pictures of the kinds in ``FITTING``; the limits come from validation films; measured are the
test films and the kinds in ``MEASURING``. No photograph, scan, font or drawing rule is on both sides, pages and
screenshots excepted, whose layout is drawn alike with other fonts. Every picture is drawn from its kind, its number
and a seed, or cut from a file that an installed package brings along.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import logging
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fracture_core.datasets import Case  # noqa: E402
from fracture_core.domain import (  # noqa: E402
    STRIDES,
    Gate,
    Limits,
    correlation,
    describe,
    load_gate,
    shrink,
    spread,
)
from fracture_core.imaging import Radiograph, read_image  # noqa: E402
from fracture_core.metrics import proportion  # noqa: E402

log = logging.getLogger("fit_gate")

SIDE = 144  # px; larger is no better and slower
ALTERATIONS = 2  # of each training film ...
ALTERATIONS_OF_RARE = 8  # ... and of those with hardware and of shoulders and hips
PER_KIND = 200  # fitting pictures of each kind
SHRINKAGE = 0.1  # of the covariance, towards its diagonal
RIDGE = 0.01  # inverse strength of the logistic layer's penalty
REFUSED_FILMS = 0.01  # share of validation films that the logit's limit may refuse ...
REFUSED_ALTERED = 0.02  # ... and of altered ones; the milder of both limits holds
MARGIN = 1.1  # on both limits: films from elsewhere vary more than those at hand
FIT_SEED, MEASURE_SEED = 0, 2

Picture = Callable[[Generator], np.ndarray]


# Parts that pictures are made of -----------------------------------------------------------------------


def canvas(rng: Generator, low: int = 200, high: int = 520) -> tuple[int, int]:
    """A height and a width."""
    height = int(rng.integers(low, high))
    return height, int(np.clip(height * rng.uniform(0.6, 1.6), low * 0.7, high * 1.4))


def unit(values: np.ndarray) -> np.ndarray:
    """Stretched to [0, 1]."""
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / max(high - low, 1e-9), dtype=np.float32)


def blurred(x: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(np.ascontiguousarray(x, dtype=np.float32), (0, 0), sigma) if sigma > 0.2 else x


def grained(rng: Generator, x: np.ndarray, deviation: float) -> np.ndarray:
    return np.clip(x + rng.normal(0, deviation, x.shape), 0, 1)


def spectrum(rng: Generator, height: int, width: int, slope: float) -> np.ndarray:
    """Random phases under an amplitude of 1 / frequency ** slope, in [0, 1]."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    amplitude = np.fft.rfft2(rng.standard_normal((height, width))) / frequency**slope
    amplitude[0, 0] = 0
    return unit(np.fft.irfft2(amplitude, (height, width)))


def blob(
    rng: Generator,
    shape: tuple[int, int],
    centre: tuple[float, float],
    radii: tuple[float, float],
    *,
    wobble: float = 0.05,
    turn: float | None = None,
) -> np.ndarray:
    """Mask (H, W) of an ellipse with a wobbly outline, centre and radii as (x, y)."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    waves = (rng.normal(0, wobble / k) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in range(2, 7))
    radius = 1 + sum(waves)
    turn = rng.uniform(0, np.pi) if turn is None else turn
    x, y = radii[0] * radius * np.cos(angle), radii[1] * radius * np.sin(angle)
    outline = [centre[0] + x * np.cos(turn) - y * np.sin(turn), centre[1] + x * np.sin(turn) + y * np.cos(turn)]
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.stack(outline, 1) * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(bool)


def cut(rng: Generator, image: np.ndarray, low: float = 0.25) -> np.ndarray:
    """A part of an image, as often as not mirrored."""
    height, width = image.shape[:2]
    share, stretch = rng.uniform(low, 1), np.exp(rng.uniform(-0.35, 0.35))
    h, w = int(min(height, height * share / stretch)), int(min(width, width * share * stretch))
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    part = image[top : top + h, left : left + w]
    return part[:, ::-1] if rng.random() < 0.5 else part


def pick(rng: Generator, choices: Sequence[Any]) -> Any:
    return choices[int(rng.integers(len(choices)))]


# Photographs and scans that packages bring along ---------------------------------------------------------


def matplotlib_data(name: str) -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "sample_data" / name


@cache
def photograph_of(name: str) -> np.ndarray:
    """Gray photograph in [0, 1]: ``china`` and ``flower`` of scikit-learn, any other a file of matplotlib."""
    if name in ("china.jpg", "flower.jpg"):
        from sklearn.datasets import load_sample_image

        colour = load_sample_image(name).astype(np.float32)
    else:
        colour = np.asarray(Image.open(matplotlib_data(name)).convert("RGB"), dtype=np.float32)
    return colour @ np.array([0.299, 0.587, 0.114], np.float32) / 255


def photograph(*names: str) -> Picture:
    """Parts of photographs without their colour, which would give them away."""

    def draw(rng: Generator) -> np.ndarray:
        return cut(rng, photograph_of(pick(rng, names))) ** np.exp(rng.normal(0, 0.25))

    return draw


@cache
def slice_of(name: str) -> np.ndarray:
    """A real CT or MR slice in [0, 1]: a file of matplotlib or one of pydicom's."""
    if name.endswith(".gz"):
        with gzip.open(matplotlib_data(name)) as stream:
            values = np.frombuffer(stream.read(), ">u2").reshape(256, 256).astype(np.float32)
    else:
        import pydicom

        path = Path(pydicom.__file__).parent / "data" / "test_files" / name
        values = pydicom.dcmread(path).pixel_array.astype(np.float32)
        values = values.reshape(-1, *values.shape[-2:])[0]
    low, high = np.percentile(values, (0.5, 99.5))
    return np.clip((values - low) / (high - low), 0, 1)


def scan(*names: str) -> Picture:
    """Parts of real slices, turned, with other windows and sizes."""

    def draw(rng: Generator) -> np.ndarray:
        x = slice_of(pick(rng, names))
        x = np.rot90(cut(rng, x, 0.6) if rng.random() < 0.6 else x, int(rng.integers(4)))
        low, high = rng.uniform(0, 0.3), rng.uniform(0.6, 1)
        x = np.clip((x - low) / (high - low), 0, 1)
        scale = rng.uniform(1, 2.5) * max(1, 128 / min(x.shape))
        return cv2.resize(np.ascontiguousarray(x), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)

    return draw


# Pages, screens and charts ------------------------------------------------------------------------------

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


# Plain grounds, noise and textures ------------------------------------------------------------------------


def blank(rng: Generator) -> np.ndarray:
    """One tone, hardly any slope or grain, an empty field, or a soft light."""
    height, width = canvas(rng)
    x, kind = np.full((height, width), rng.uniform(0, 1)), int(rng.integers(6))
    if kind == 1:
        return grained(rng, x, rng.uniform(0.002, 0.02))
    if kind == 2:
        return x + np.linspace(-0.1, 0.1, width) * rng.uniform(0.02, 1)
    if kind == 3:
        x[:] = 0
        x[height // 8 : -height // 8, width // 8 : -width // 8] = rng.uniform(0.1, 1)
    if kind == 4:
        y, z = np.mgrid[:height, :width]
        x = np.clip(1 - np.hypot(y / height - 0.5, z / width - 0.5) * rng.uniform(0.2, 1.6), 0, 1)
    return grained(rng, np.round(x), 0.004) if kind == 5 else x


def gradient(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    y, x = np.mgrid[:height, :width] / max(height, width)
    angle = rng.uniform(0, 6.3)
    linear = rng.random() < 0.5
    field = x * np.cos(angle) + y * np.sin(angle) if linear else np.hypot(y - rng.random(), x - rng.random())
    return grained(rng, unit(field) ** np.exp(rng.normal(0, 0.5)), rng.choice([0, 0.01, 0.05]))


def noise(rng: Generator) -> np.ndarray:
    """Uniform, Gaussian, blurred or binary."""
    shape, kind = canvas(rng), int(rng.integers(4))
    if kind == 0:
        return rng.random(shape)
    if kind == 1:
        return grained(rng, np.full(shape, 0.5), 0.2)
    if kind == 2:
        return unit(blurred(rng.standard_normal(shape), rng.uniform(0.5, 12)))
    return rng.random(shape) < rng.uniform(0.02, 0.9)


def other_noise(rng: Generator) -> np.ndarray:
    """Poisson, salt and pepper, exponential, of several octaves, of lines, of blocks, speckle."""
    height, width = canvas(rng)
    kind = int(rng.integers(7))
    if kind == 0:
        return rng.poisson(rng.uniform(0.3, 20), (height, width)) / 40
    if kind == 1:
        grain = rng.random((height, width))
        return np.where(grain < 0.1, 0, np.where(grain > 0.9, 1, rng.random()))
    if kind == 2:
        return unit(rng.exponential(size=(height, width)))
    if kind == 3:
        fall, size = rng.uniform(0.3, 1), (width, height)
        layers = [rng.random((2**octave + 1, 2**octave + 1)) * fall**octave for octave in range(1, 7)]
        return unit(np.sum([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in layers], axis=0))
    if kind == 4:
        return unit(rng.standard_normal((height, 1)) + 0.3 * rng.standard_normal((height, width)))
    if kind == 5:
        side = int(rng.integers(3, 40))
        coarse = rng.random((height // side + 1, width // side + 1))
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return speckle(rng, (height, width), 2)


def speckle(rng: Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    return unit(np.hypot(blurred(rng.standard_normal(shape), sigma), blurred(rng.standard_normal(shape), sigma)))


def clouds(rng: Generator) -> np.ndarray:
    return spectrum(rng, *canvas(rng), rng.uniform(0.4, 2.6)) ** np.exp(rng.normal(0, 0.4))


def pattern(rng: Generator) -> np.ndarray:
    """Checks, stripes, waves or dots."""
    height, width = canvas(rng)
    y, x = np.mgrid[:height, :width]
    period, angle, kind = rng.uniform(6, 90), rng.uniform(0, 6.3), int(rng.integers(4))
    u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    if kind == 0:
        x = (u // period + v // period) % 2
    elif kind == 1:
        x = u // period % 2
    elif kind == 2:
        x = 0.5 + 0.5 * np.sin(2 * np.pi * u / period)
    else:
        x = np.hypot(u % period - period / 2, v % period - period / 2) < period * rng.uniform(0.15, 0.45)
    return grained(rng, x * rng.uniform(0.4, 1), rng.choice([0, 0.03]))


def leaves(rng: Generator) -> np.ndarray:
    """Shapes of all sizes, each with its texture, covering one another: photographs' statistics without objects."""
    shape = canvas(rng)
    textures = [spectrum(rng, *shape, slope) for slope in (0.8, 1.3, 1.8)]
    x, round_ = np.full(shape, rng.random(), np.float32), rng.random() < 0.4
    radii = np.minimum(rng.pareto(1.6, int(rng.integers(20, 260))) * 8 + 4, min(shape) / 2.2)
    for radius in sorted(radii, reverse=True):
        centre = (float(rng.integers(shape[1])), float(rng.integers(shape[0])))
        if round_:
            mask = blob(rng, shape, centre, (radius, radius * rng.uniform(0.3, 1)), wobble=rng.uniform(0, 0.3))
        else:
            angle = np.sort(rng.uniform(0, 6.3, int(rng.integers(3, 7))))
            corners = np.array(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], 1)
            mask = cv2.fillPoly(np.zeros(shape, np.uint8), [corners.astype(np.int32)], 1).astype(bool)
        x[mask] = rng.random() + (pick(rng, textures)[mask] - 0.5) * rng.uniform(0, 0.9)
    if rng.random() < 0.6:
        x = x * (0.5 + 0.5 * spectrum(rng, *shape, 2.2))
    return grained(rng, blurred(x, rng.uniform(0, 1.5)), rng.uniform(0, 0.03))


def cells(rng: Generator) -> np.ndarray:
    from scipy.spatial import cKDTree

    height, width = canvas(rng)
    seeds = rng.uniform(size=(int(rng.integers(20, 500)), 2)) * [height, width]
    places = np.stack(np.mgrid[:height, :width], axis=-1)
    distance, nearest = cKDTree(seeds).query(places, k=2)
    kind = int(rng.integers(3))
    if kind == 0:
        return grained(rng, unit(distance[..., 0]), 0.02)
    if kind == 1:
        return grained(rng, unit(np.minimum(distance[..., 1] - distance[..., 0], 6)), 0.02)
    return grained(rng, rng.random(len(seeds))[nearest[..., 0]], 0.02)


def bricks(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    h, w = int(rng.integers(10, 50)), int(rng.integers(20, 110))
    y, x = np.mgrid[:height, :width]
    x = x + y // h % 2 * (w // 2)
    tones = rng.random((height // h + 2, (width + w) // w + 3))[y // h, x // w]
    wall = np.where((y % h < 3) | (x % w < 3), 0.2, 0.4 + 0.4 * tones)
    return grained(rng, wall * (0.6 + 0.4 * spectrum(rng, height, width, 1.2)), 0.02)


def emblem(rng: Generator) -> np.ndarray:
    """A few plain shapes on a plain ground: icons, marks, masks."""
    shape = canvas(rng)
    x = np.full(shape, rng.choice([0, 1, rng.random()]))
    for _ in range(int(rng.integers(1, 7))):
        centre = (rng.uniform(0.2, 0.8) * shape[1], rng.uniform(0.2, 0.8) * shape[0])
        radii = (rng.uniform(0.06, 0.4) * shape[1], rng.uniform(0.06, 0.4) * shape[0])
        mask = blob(rng, shape, centre, radii, wobble=rng.uniform(0, 0.25))
        if rng.random() < 0.3:
            mask ^= cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        x[mask] = rng.random()
    return blurred(x, rng.uniform(0, 1))


def wood(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    bend = spectrum(rng, height, width, 2.2) * rng.uniform(6, 40)
    return unit(np.sin(np.arange(width) / rng.uniform(4, 20) + bend) + 0.6 * spectrum(rng, height, width, 1))


def weave(rng: Generator) -> np.ndarray:
    height, width = canvas(rng)
    y, x = np.mgrid[:height, :width] * (2 * np.pi / rng.uniform(5, 26))
    over = np.maximum(np.sin(x) * (np.sin(y / 2) > 0), np.sin(y) * (np.sin(x / 2) > 0))
    return grained(rng, unit(over), 0.05)


def marble(rng: Generator) -> np.ndarray:
    veins = np.sin(spectrum(rng, *canvas(rng), 1.9) * rng.uniform(8, 50))
    return unit(np.abs(veins) ** rng.uniform(0.2, 1.5))


def coral(rng: Generator) -> np.ndarray:
    """What reaction and diffusion leave behind: winding bands of one width."""
    x, width = rng.standard_normal((256, 256)), rng.uniform(1.2, 4)
    for _ in range(12):
        x = np.tanh(20 * (blurred(x, width) - blurred(x, width * 1.6)))
    return unit(cv2.resize(x, canvas(rng)))


def relief(rng: Generator) -> np.ndarray:
    """Parts of two terrain models, as heights or lit from a side."""
    name, field = pick(rng, (("jacksboro_fault_dem.npz", "elevation"), ("topobathy.npz", "topo")))
    with np.load(matplotlib_data(name)) as file:
        heights = unit(file[field].astype(np.float32))
    return cut(rng, heights if rng.random() < 0.5 else unit(cv2.Sobel(heights, cv2.CV_32F, 1, 1)), 0.35)


# Sections through bodies ----------------------------------------------------------------------------------


def ct(rng: Generator) -> np.ndarray:
    """An axial slice in Hounsfield units, of a head or a trunk, in a usual window."""
    n = int(rng.choice([256, 384, 512]))
    hu = np.full((n, n), -1000.0)
    if rng.random() < 0.3:
        _head(rng, hu)
        centre, width = pick(rng, ((40, 80), (40, 350), (500, 2000), (0, 2000)))
    else:
        _trunk(rng, hu)
        centre, width = pick(rng, ((40, 400), (40, 400), (-500, 1500), (400, 1800), (50, 200)))
    hu = blurred(hu, rng.uniform(0.6, 1.4)) + rng.standard_normal((n, n)) * rng.uniform(2, 40)
    if rng.random() < 0.4:
        y, x = np.mgrid[:n, :n] - n / 2
        hu[np.hypot(y, x) > n / 2] = -2000
    return np.clip((hu - centre) / width + 0.5, 0, 1)


def _head(rng: Generator, hu: np.ndarray) -> None:
    n = len(hu)
    rx, ry, turn = n * rng.uniform(0.26, 0.36), n * rng.uniform(0.33, 0.43), rng.normal(0, 0.15)
    cx, cy = n / 2 + rng.normal(0, n * 0.02, 2)
    shape, seed = (n, n), int(rng.integers(1 << 31))

    def shell(share: float) -> np.ndarray:
        radii = (rx * share, ry * share)
        return blob(np.random.default_rng(seed), shape, (cx, cy), radii, wobble=0.02, turn=turn)

    hu[shell(1)] = 40
    hu[shell(0.96)] = rng.uniform(700, 1600)
    brain = shell(rng.uniform(0.87, 0.92))
    hu[brain] = 5 + 60 * spectrum(rng, n, n, 1.6)[brain]
    for side in (-1, 1):
        place = (cx + side * rx * 0.22, cy - ry * rng.uniform(-0.1, 0.2))
        hu[blob(rng, shape, place, (rx * 0.08, ry * 0.28), wobble=0.1, turn=side * 0.25) & brain] = 5
    for _ in range(int(rng.integers(2, 9)) if rng.random() < 0.5 else 0):
        place = (cx + rng.normal(0, rx * 0.5), cy - ry * rng.uniform(0, 0.8))
        radii = (rx * rng.uniform(0.05, 0.25), ry * rng.uniform(0.04, 0.18))
        hu[blob(rng, shape, place, radii, wobble=0.2) & shell(0.9)] = rng.choice([-900, 900, 60])


def _trunk(rng: Generator, hu: np.ndarray) -> None:
    n = len(hu)
    rx, ry, centre = n * rng.uniform(0.34, 0.47), n * rng.uniform(0.24, 0.36), n / 2
    shape, seed = (n, n), int(rng.integers(1 << 31))

    def shell(share: float) -> np.ndarray:
        radii = (rx * share, ry * share)
        return blob(np.random.default_rng(seed), shape, (centre, centre), radii, wobble=0.05, turn=0)

    def texture(mask: np.ndarray, depth: float) -> np.ndarray:
        return (spectrum(rng, n, n, 1.6)[mask] - 0.5) * depth

    hu[shell(1)] = -100
    inner = shell(rng.uniform(0.8, 0.95))
    hu[inner] = 50 + texture(inner, 40)
    if rng.random() < 0.35:  # lungs
        for side in (-1, 1):
            lung = blob(rng, shape, (centre + side * rx * 0.42, centre), (rx * 0.3, ry * 0.6), wobble=0.12, turn=0)
            hu[lung] = -850 + texture(lung, 200)
    else:
        for _ in range(int(rng.integers(4, 16))):
            place = (centre + rng.normal(0, rx * 0.4), centre - ry * 0.1 + rng.normal(0, ry * 0.35))
            radii = (rx * rng.uniform(0.06, 0.35), ry * rng.uniform(0.06, 0.4))
            organ = blob(rng, shape, place, radii, wobble=0.15) & inner
            hu[organ] = rng.choice([-100, 0, 30, 90, 140, 180, -700]) + texture(organ, 50)
    spine = blob(rng, shape, (centre, centre + ry * 0.62), (rx * 0.13, ry * 0.16), wobble=0.15, turn=0)
    hu[spine] = 250 + texture(spine, 300)
    hu[blob(rng, shape, (centre, centre + ry * 0.8), (rx * 0.06, ry * 0.06), wobble=0.15, turn=0)] = 0
    for _ in range(int(rng.integers(0, 16))):
        angle = rng.uniform(0, 6.3)
        place = (centre + rx * 0.84 * np.cos(angle), centre + ry * 0.84 * np.sin(angle))
        hu[blob(rng, shape, place, (rx * 0.06, ry * 0.03), wobble=0.1, turn=angle + 1.57)] = 500
    if rng.random() < 0.6:
        y, x = np.mgrid[:n, :n]
        hu[np.abs(y - (centre + ry * 1.06 - 0.3 * n * ((x - centre) / n) ** 2)) < n * 0.005] = -300


def mr(rng: Generator) -> np.ndarray:
    """A slice with a bright rim, folds and organs, under an uneven coil."""
    n = int(rng.choice([192, 256, 320, 512]))
    rx, ry, wobble = n * rng.uniform(0.25, 0.46), n * rng.uniform(0.25, 0.46), rng.uniform(0.02, 0.12)
    shape, seed = (n, n), int(rng.integers(1 << 31))

    def shell(share: float) -> np.ndarray:
        radii = (rx * share, ry * share)
        return blob(np.random.default_rng(seed), shape, (n / 2, n / 2), radii, wobble=wobble, turn=0.1)

    x = np.zeros(shape)
    x[shell(1)] = rng.uniform(0.5, 1)
    x[shell(rng.uniform(0.9, 0.96))] = rng.uniform(0.02, 0.2)
    depth = rng.uniform(0.75, 0.9)
    inner, texture, level = shell(depth), spectrum(rng, n, n, rng.uniform(1.2, 2)) - 0.5, rng.uniform(0.2, 0.7)
    x[inner] = level + 0.4 * texture[inner]
    if rng.random() < 0.5:
        folds = np.abs(np.sin(spectrum(rng, n, n, 1.8) * rng.uniform(20, 60))) > 0.6
        x[inner] += rng.uniform(-0.3, 0.3) * folds[inner]
        core = shell(depth * 0.72)
        x[core] = level + rng.uniform(-0.2, 0.25) + 0.15 * texture[core]
    for _ in range(int(rng.integers(2, 14))):
        place = (n / 2 + rng.normal(0, rx * 0.35), n / 2 + rng.normal(0, ry * 0.35))
        radii = (rx * rng.uniform(0.05, 0.35), ry * rng.uniform(0.05, 0.35))
        organ = blob(rng, shape, place, radii, wobble=0.2) & inner
        x[organ] = rng.random() + 0.2 * texture[organ]
    x = blurred(x * (0.6 + 0.8 * spectrum(rng, n, n, 3)), rng.uniform(0.5, 1.5))
    return rician(rng, x / np.percentile(x, 99.5), rng.uniform(0.005, 0.06))


def rician(rng: Generator, x: np.ndarray, deviation: float) -> np.ndarray:
    return np.hypot(x + rng.normal(0, deviation, x.shape), rng.normal(0, deviation, x.shape))


def tissue(rng: Generator) -> np.ndarray:
    """Level sets of smooth fields as organs, inside a silhouette or to the border."""
    height = int(rng.choice([224, 320, 448]))
    width = int(height * rng.uniform(0.7, 1.2))

    def levels(count: int) -> np.ndarray:
        field = spectrum(rng, height, width, rng.uniform(1.6, 2.6))
        return rng.random(count)[np.minimum((field * count).astype(int), count - 1)]

    x = levels(int(rng.integers(4, 16)))
    x = 0.5 * x + 0.5 * levels(int(rng.integers(3, 9))) if rng.random() < 0.6 else x
    x = x + rng.uniform(0, 0.4) * (spectrum(rng, height, width, rng.uniform(0.6, 1.6)) - 0.5)
    kind = int(rng.integers(4))
    if kind == 0:
        body = spectrum(rng, height, width, 2.6) > rng.uniform(0.25, 0.5)
    elif kind == 1:
        radii = (width * rng.uniform(0.3, 0.5), height * rng.uniform(0.3, 0.5))
        body = blob(rng, (height, width), (width / 2, height / 2), radii, wobble=0.15)
    elif kind == 2:
        middle = width * (rng.uniform(0.35, 0.65) + 0.25 * (spectrum(rng, height, 4, 2)[:, :1] - 0.5))
        body = np.abs(np.arange(width) - middle) < width * rng.uniform(0.25, 0.5)
    else:
        body = np.ones((height, width), bool)
    core = cv2.erode(body.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=int(rng.integers(1, 14)))
    x = np.where(core, x, np.where(body, rng.choice([0.05, 0.9, rng.random()]), 0))
    if rng.random() < 0.5:
        x = x * (0.4 + 1.2 * spectrum(rng, height, width, 3))
    return rician(rng, blurred(x, rng.uniform(0.4, 2)), rng.uniform(0, 0.05))


@cache
def ankle_series(seed: int, view: str) -> tuple[np.ndarray, ...]:
    from fracture_core.phantom import ct_series

    series = ct_series(seed=seed, patient_id="gate", slices=8, view=view, size=(256, 256))
    return tuple(read_image(one.data).pixels for one in series)


def ankle(rng: Generator) -> np.ndarray:
    """A CT slice of the phantom's ankle: of all sections the likest to a film."""
    from fracture_core.phantom import VIEWS

    return pick(rng, ankle_series(int(rng.integers(10)), pick(rng, VIEWS)))


def ultrasound(rng: Generator) -> np.ndarray:
    height, width = canvas(rng, 260, 480)
    y, x = np.mgrid[:height, :width] - np.array([-0.1 * height, width / 2])[:, None, None]
    radius, angle = np.hypot(y, x), np.arctan2(x, y)
    field = (np.abs(angle) < rng.uniform(0.4, 0.9)) & (radius > 0.15 * height) & (radius < 1.05 * height)
    if rng.random() < 0.3:
        field = np.abs(x) < 0.4 * width
    echo = speckle(rng, (height, width), rng.uniform(0.8, 2))
    echo = np.where(field, echo * spectrum(rng, height, width, 2) ** rng.uniform(0.5, 2), 0)
    return echo / np.percentile(echo, 99.8)


def section(rng: Generator) -> np.ndarray:
    """A slice made otherwise than ``ct`` and ``mr``: fields over a warped plane instead of painted shapes."""
    n = int(rng.choice([256, 320, 512]))

    def field(slope: float) -> np.ndarray:
        return spectrum(rng, n, n, slope)

    v, u = (np.mgrid[:n, :n] + 0.5) / n * 2 - 1
    x, y = u + 0.35 * (field(2.6) - 0.5), v + 0.35 * (field(2.6) - 0.5)
    r = np.hypot(x / rng.uniform(0.6, 0.9), y / rng.uniform(0.55, 0.9))
    if rng.random() < 0.5:  # like MR
        folds = np.tanh(3 * np.sin(rng.uniform(14, 40) * field(1.6)))
        inner = rng.uniform(0.3, 0.6) + rng.uniform(0.05, 0.2) * folds
        s = np.select([r < 0.8, r < 0.9, r < 0.98], [inner, 0.08, rng.uniform(0.5, 0.95)], 0.02)
        s = np.where((np.abs(x) - 0.12) ** 2 / 0.01 + (y + 0.05) ** 2 / 0.08 < 1, rng.choice([0.05, 0.95]), s)
        s = s * (0.7 + 0.6 * field(3))
    else:  # like CT
        s = np.select([r < 0.9, r < 1], [0.35 + 0.25 * field(1.5), 0.25], 0)
        shell = np.abs(r - rng.uniform(0.78, 0.9)) < rng.uniform(0.015, 0.05)
        gaps = np.cos(np.arctan2(y, x) * rng.integers(1, 24)) > rng.uniform(-1.2, 0.4)
        s = np.where(shell & gaps, rng.uniform(0.85, 1), s)
        s = np.where(np.hypot(x / 0.16, (y - 0.5) / 0.13) < 1, 0.7 + 0.3 * field(0.8), s)
        s = np.where(np.hypot(x / 0.07, (y - 0.68) / 0.06) < 1, 0.4, s)
        for _ in range(int(rng.integers(0, 8))):
            dx, dy = x - rng.uniform(-0.5, 0.5), y - rng.uniform(-0.5, 0.35)
            organ = np.hypot(dx / rng.uniform(0.08, 0.3), dy / rng.uniform(0.08, 0.3)) < 1
            s = np.where(organ, rng.choice([0.02, 0.2, 0.45, 0.55, 0.65]), s)
        s = np.where(np.abs(v - 0.93 + 0.25 * u**2) < 0.01, 0.25, s)
    return grained(rng, blurred(s, rng.uniform(0.5, 1.2)), rng.uniform(0.01, 0.06))


# The two sides --------------------------------------------------------------------------------------------

FITTING: dict[str, Picture] = {
    "photograph": photograph("china.jpg", "Minduka_Present_Blue_Pack.png"),
    "scan": scan("CT_small.dcm", "examples_overlay.dcm"),
    "ct": ct,
    "mr": mr,
    "tissue": tissue,
    "ankle": ankle,
    "ultrasound": ultrasound,
    "page": page(dejavu),
    "screen": screen(dejavu),
    "chart": chart,
    "leaves": leaves,
    "clouds": clouds,
    "noise": noise,
    "gradient": gradient,
    "pattern": pattern,
    "cells": cells,
    "bricks": bricks,
    "emblem": emblem,
}
SECTIONS = ("scan", "ct", "mr", "tissue", "ankle", "ultrasound")

MEASURING: dict[str, tuple[Picture, int]] = {
    "photograph": (photograph("flower.jpg", "grace_hopper.jpg"), 36),
    "scan": (scan("s1045.ima.gz", "J2K_pixelrep_mismatch.dcm", "693_J2KI.dcm", "MR_small.dcm"), 24),
    "section": (section, 20),
    "page": (page(other_fonts), 28),
    "screen": (screen(other_fonts), 8),
    "chart": (other_chart, 14),
    "blank": (blank, 14),
    "noise": (other_noise, 24),
    "wood": (wood, 6),
    "weave": (weave, 6),
    "marble": (marble, 6),
    "coral": (coral, 6),
    "relief": (relief, 8),
}


def drawn(kind: str, picture: Picture, number: int, *, seed: int) -> tuple[Generator, np.ndarray]:
    """One picture float32 (H, W) in [0, 1], and the generator it came from."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    return rng, np.clip(picture(rng), 0, 1).astype(np.float32)


def fitting_pictures(per_kind: int = PER_KIND) -> Iterator[np.ndarray]:
    """Pictures to tell films from, three of four altered."""
    for kind, picture in FITTING.items():
        for number in range(per_kind):
            rng, x = drawn(kind, picture, number, seed=FIT_SEED)
            yield varied(rng, x, invert=kind not in SECTIONS) if number % 4 else x


def measuring_pictures(*, every: int = 1) -> Iterator[tuple[str, np.ndarray]]:
    """The 200 pictures to measure with, or every so many of each kind, each with its kind."""
    for kind, (picture, count) in MEASURING.items():
        for number in range(0, count, every):
            yield kind, drawn(kind, picture, number, seed=MEASURE_SEED)[1]


def varied(rng: Generator, x: np.ndarray, *, invert: bool) -> np.ndarray:
    """Inverted, cut, darkened, framed, turned, blurred or grained, each now and then."""
    if invert and rng.random() < 0.35:
        x = 1 - x
    if rng.random() < 0.4:
        x = cut(rng, x, 0.4)
    if rng.random() < 0.4:
        x = x ** np.exp(rng.normal(0, 0.5))
    if rng.random() < 0.3:
        x = x * rng.uniform(0.2, 1)
    if rng.random() < 0.2:
        x = framed(rng, x, 60, 0)
    if rng.random() < 0.3:
        x = np.rot90(x, int(rng.integers(1, 4)))
    if rng.random() < 0.25:
        x = blurred(x, rng.uniform(0.5, 3))
    return grained(rng, x, rng.uniform(0.005, 0.08)) if rng.random() < 0.25 else x


def framed(rng: Generator, x: np.ndarray, width: int, value: float) -> np.ndarray:
    sides = [int(side) for side in rng.integers(0, width + 1, 4)]
    return cv2.copyMakeBorder(np.ascontiguousarray(x, dtype=np.float32), *sides, cv2.BORDER_CONSTANT, value=value)


# Films ----------------------------------------------------------------------------------------------------


def altered(rng: Generator, film: np.ndarray) -> np.ndarray:
    """A film as another department might have made it; float32 (H, W) in [0, 1]."""
    x = np.rot90(film, int(rng.integers(4)))
    x = x[:, ::-1] if rng.random() < 0.5 else x
    if rng.random() < 0.6:  # of four parts the one that shows most
        x = max((cut(rng, x, 0.4) for _ in range(4)), key=lambda part: float(part.std()))
    if rng.random() < 0.4:
        turn, size = rng.uniform(-40, 40), (x.shape[1], x.shape[0])
        matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), turn, rng.uniform(0.7, 1.2))
        x = cv2.warpAffine(np.ascontiguousarray(x), matrix, size)
    if rng.random() < 0.7:
        low, high = np.percentile(x, (rng.uniform(0, 30), rng.uniform(97, 100)))
        x = np.clip((x - low) / max(high - low, 0.05), 0, 1)
    x = x ** np.exp(rng.normal(0, 0.4))
    if rng.random() < 0.25:
        x = collimated(rng, x)
    if rng.random() < 0.06:
        x = pinned(rng, x)
    if rng.random() < 0.3:
        x = marked(rng, x)
    if rng.random() < 0.2:
        x = framed(rng, x, int(0.1 * min(x.shape)), float(rng.choice([0, 0, 1])))
    if rng.random() < 0.05:  # the lower end of a file that was cut off
        x = x.copy()
        x[int(len(x) * rng.uniform(0.5, 1)) :] = 0.5
    if rng.random() < 0.3:
        x = blurred(x, rng.uniform(0.4, 2))
    if rng.random() < 0.3:  # edges enhanced
        x = np.clip(x + rng.uniform(0.5, 2) * (x - blurred(x, rng.uniform(2, 12))), 0, 1)
    if rng.random() < 0.3:
        x = grained(rng, x, rng.uniform(0.005, 0.04))
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        packed = cv2.imencode(".jpg", np.ascontiguousarray(x * 255).astype(np.uint8), quality)[1]
        x = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE) / 255
    return np.asarray(x, dtype=np.float32)


def collimated(rng: Generator, x: np.ndarray) -> np.ndarray:
    """Unexposed outside a field: there a plate without electronic shutter shows white."""
    height, width = x.shape
    field = np.zeros((height, width), np.float32)
    size = np.array([width, height]) * rng.uniform(0.4, 1.1, 2)
    if rng.random() < 0.5:  # two leaves of the four left open
        size[int(rng.integers(2))] = 4 * max(width, height)
    middle = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6))
    corners = cv2.boxPoints((middle, tuple(size), rng.normal(0, 3)))
    cv2.fillPoly(field, [corners.astype(np.int32)], 1.0)
    field = blurred(field, rng.uniform(0.5, 4))
    return np.asarray(x * field + rng.uniform(0.85, 1) * (1 - field), dtype=np.float32)


def pinned(rng: Generator, x: np.ndarray) -> np.ndarray:
    """Rods and the pins that cross them, or a plate with its screws: metal shows white."""
    height, width = x.shape
    metal, tone = np.zeros((height, width), np.float32), rng.uniform(0.8, 1)
    long, angle = max(height, width), rng.uniform(0, np.pi)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    middle, gap = np.array([width, height]) * rng.uniform(0.3, 0.7, 2), long * rng.uniform(0.02, 0.06)

    def line(start: np.ndarray, end: np.ndarray, thick: float) -> None:
        ends = [tuple(int(v) for v in np.round(point)) for point in (start, end)]
        cv2.line(metal, *ends, 1.0, max(1, round(thick)), cv2.LINE_AA)

    reach, rod = long * rng.uniform(0.15, 0.5), long * rng.uniform(0.006, 0.025)
    for number in range(int(rng.integers(1, 3))):
        line(middle - reach * along + number * gap * across, middle + reach * along + number * gap * across, rod)
    for _ in range(int(rng.integers(2, 9))):
        foot = middle + rng.uniform(-1, 1) * reach * along
        tip = across * long * rng.uniform(0.03, 0.25) + along * rng.normal(0, 0.02) * long
        line(foot - tip * rng.uniform(0, 0.5), foot + tip, rod * rng.uniform(0.3, 0.8))
    metal = blurred(metal, rng.uniform(0.3, 1))
    return np.asarray(x * (1 - metal) + tone * metal, dtype=np.float32)


def marked(rng: Generator, x: np.ndarray) -> np.ndarray:
    """Side markers and numbers."""
    ink = np.ascontiguousarray(x * 255).astype(np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        text = "".join(rng.choice(list("RLAP0123456789"), int(rng.integers(1, 5))))
        place = (int(rng.integers(0, max(1, ink.shape[1] - 30))), int(rng.integers(12, ink.shape[0])))
        size, tone = float(rng.uniform(0.3, 1) * len(ink) / 300), int(rng.integers(150, 256))
        cv2.putText(ink, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, tone, int(rng.integers(1, 4)))
    return ink.astype(np.float32) / 255


def film_at(path: Path) -> np.ndarray:
    """A film, no larger than the alterations need; nothing of it is invented."""
    pixels = read_image(path).pixels
    share = (500 * 500 / pixels.size) ** 0.5
    size = (round(pixels.shape[1] * share), round(pixels.shape[0] * share))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if share < 1 else pixels


# Network and fit ------------------------------------------------------------------------------------------


def backbone(path: Path) -> dict[str, Any]:
    """The first blocks of timm's MobileNetV2 for gray, normalisation folded in, rounded to fp16."""
    from safetensors.torch import load_file

    state = load_file(path)

    def folded(convolution: str, norm: str) -> dict[str, Any]:
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + 1e-5).sqrt()
        weight = state[f"{convolution}.weight"] * scale[:, None, None, None]
        weight = weight.sum(dim=1, keepdim=True) if convolution == "conv_stem" else weight
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        return {"weight": weight.half().float(), "bias": bias.half().float()}

    parts = {"stem": folded("conv_stem", "bn1")}
    names = sorted({name.rsplit(".", 2)[0] for name in state if name.endswith(".conv_dw.weight")}, key=_block_order)
    for index, name in enumerate(names[: len(STRIDES)]):
        expands = f"{name}.conv_pwl.weight" in state
        steps = ("conv_pw", "conv_dw", "conv_pwl") if expands else ("conv_dw", "conv_pw")
        roles = ("expand", "depthwise", "project")[-len(steps) :]
        for number, (role, step) in enumerate(zip(roles, steps, strict=True), start=1):
            parts[f"block{index:02}.{role}"] = folded(f"{name}.{step}", f"{name}.bn{number}")
    return {f"{part}.{field}": tensor for part, fields in parts.items() for field, tensor in fields.items()}


def _block_order(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".")[1:])


def whitening(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (D,) and matrix (D, D) after which films have the unit covariance."""
    centre, covariance = features.mean(axis=0), np.cov(features.T)
    diagonal = np.diag(np.diag(covariance) + 1e-6 * np.trace(covariance) / len(covariance))
    shrunken = (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal
    return centre, np.linalg.cholesky(np.linalg.inv(shrunken))


def fit_layer(films: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, float]:
    """Direction and offset of the logistic layer on whitened features; both sides count alike."""
    from sklearn.linear_model import LogisticRegression

    scale = np.sqrt(films.shape[1])
    x = np.concatenate([films, others]) / scale
    y = np.repeat([0, 1], [len(films), len(others)])
    layer = LogisticRegression(C=RIDGE, max_iter=3000, class_weight="balanced").fit(x, y)
    return layer.coef_[0] / scale, float(layer.intercept_[0])


class Sketcher:
    """Shrinks pictures and describes them with the backbone."""

    def __init__(self, layers: Mapping[str, Any]) -> None:
        self.layers = layers

    def __call__(self, pictures: Iterator[np.ndarray] | Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([describe(shrink(picture, side=SIDE), self.layers) for picture in pictures])


def fit(data: Path, folder: Path) -> dict[str, Any]:
    """Fit the gate, write it to ``folder``, and return its card without the measurements."""
    import torch
    from safetensors.torch import save

    cases, split, fingerprint = split_films(data)
    layers = backbone(data / "pretrained" / "mobilenetv2_100_imagenet.safetensors")
    sketch, rng = Sketcher(layers), np.random.default_rng(FIT_SEED)

    train = [film_at(case.path) for case in cases[split == "train"]]
    times = [ALTERATIONS_OF_RARE if is_rare(case) else ALTERATIONS for case in cases[split == "train"]]
    log.info("%d training films, %d alterations", len(train), sum(times))
    plain = sketch(train)
    changed = sketch(altered(rng, film) for film, count in zip(train, times, strict=True) for _ in range(count))
    inverted = sketch(1 - (altered(rng, film) if index % 2 else film) for index, film in enumerate(train[::3]))
    log.info("films described")
    others = sketch(fitting_pictures())
    log.info("%d other pictures described", len(others))

    centre, matrix = whitening(np.concatenate([plain, changed]))
    state = layers | {"centre": torch.tensor(centre), "whiten": torch.tensor(matrix)}
    state |= {"direction": torch.zeros(len(centre)), "offset": torch.zeros(1)}
    white = [(features - centre) @ matrix for features in (np.concatenate([plain, changed]), inverted, others)]
    direction, offset = fit_layer(white[0], np.concatenate(white[1:]))
    state |= {"direction": torch.tensor(direction), "offset": torch.tensor([offset])}
    half = {name: tensor.half().contiguous() for name, tensor in state.items()}

    val = [film_at(case.path) for case in cases[split == "val"]]
    limits = choose_limits(half, val, sketch, rng)
    content = save(half)
    card = {
        "title": "Gate before the classifiers: is this a limb radiograph?",
        "sha256": hashlib.sha256(content).hexdigest(),
        "side": SIDE,
        "limits": asdict(limits),
        "limits_rule": {
            "logit": f"the milder of: {REFUSED_FILMS:.0%} of validation films refused, {REFUSED_ALTERED:.0%} of "
            f"altered validation films refused; {MARGIN} times as far from the typical film",
            "distance": f"{MARGIN} times the largest among validation films, altered ones included",
            "spread": "a third of the smallest among validation films",
            "correlation": "0.3 less than the smallest among validation films",
            "colourfulness": "ours: films of the data set have none, and tinted ones shall pass",
        },
        "fitted_on": {
            "films": f"{len(train)} training films, {len(changed)} alterations ({ALTERATIONS} of each, "
            f"{ALTERATIONS_OF_RARE} with hardware and of shoulders and hips), {len(inverted)} inverted ones",
            "other_pictures": dict.fromkeys(FITTING, PER_KIND),
            "validation_films": len(val),
            "note": "test films that an earlier fit refused were looked at; hardware, shoulders and hips were then "
            f"altered more often, and the margin of {MARGIN} was added",
            "split": "grouped, stratified by label and region, seed 0: the classifiers' own",
            "data_fingerprint": fingerprint,
        },
        "licence": "Apache-2.0",
        "attribution": [
            "FracAtlas, CC BY 4.0: Abedeen et al., Sci. Data 10:521 (2023), doi 10.1038/s41597-023-02432-4",
            "ImageNet weights of MobileNetV2, Apache-2.0, derived from google-coral/test_data",
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(content)
    write_card(card, folder)
    return card


def choose_limits(half: Mapping[str, Any], val: list[np.ndarray], sketch: Sketcher, rng: Generator) -> Limits:
    """Limits from validation films and alterations of them, with the weights as they are stored."""
    stored = {name: tensor.float() for name, tensor in half.items()}
    gate = Gate(stored, Limits(1, 0, -1, 0, 1, 1), side=SIDE)
    logit, distance = gate.measure(sketch(val))
    altered_logit, altered_distance = gate.measure(sketch(altered(rng, film) for _ in range(2) for film in val))
    shrunken = [shrink(film, side=SIDE) for film in val]
    typical = float(np.median(logit))
    outermost = max(np.quantile(logit, 1 - REFUSED_FILMS), np.quantile(altered_logit, 1 - REFUSED_ALTERED))
    return Limits(
        colourfulness=0.15,
        spread=round(min(map(spread, shrunken)) / 3, 4),
        correlation=round(min(map(correlation, shrunken)) - 0.3, 4),
        typical=round(typical, 4),
        logit=round(typical + MARGIN * float(outermost - typical), 4),
        distance=round(MARGIN * float(max(distance.max(), altered_distance.max())), 4),
    )


def split_films(data: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Cases, split names and the data set's fingerprint, as ``train.py`` splits them."""
    from fracture_core.audit import film_groups
    from fracture_core.datasets import grouped_split, read_fracatlas

    films = read_fracatlas(data / "fracatlas")
    groups, _ = film_groups(films)
    strata = [f"{case.label}/{case.region}" for case in films.cases]
    split = grouped_split(groups, strata, shares={"train": 0.7, "val": 0.15, "test": 0.15}, seed=0)
    return np.array(films.cases, dtype=object), split, films.fingerprint()


def is_rare(case: Case) -> bool:
    return "hardware" in case.flags or case.region in ("shoulder", "hip")


# Measuring ------------------------------------------------------------------------------------------------


def as_radiograph(pixels: np.ndarray) -> Radiograph:
    """Pixels in [0, 1] as a gray PNG would bring them, with no word on where they come from."""
    rounded = (np.round(pixels * 255) / 255).astype(np.float32)
    return Radiograph(rounded, "picture.png", "0" * 64, "PNG", None, ())


def refused(gate: Gate, pictures: Iterator[np.ndarray] | Sequence[np.ndarray]) -> list[bool]:
    return [not gate.judge(as_radiograph(picture)).in_domain for picture in pictures]


def share(verdicts: Sequence[bool]) -> dict[str, float]:
    """A share with its exact 95 % interval and n, for the card."""
    return {key: round(value, 4) for key, value in asdict(proportion(sum(verdicts), len(verdicts))).items()}


def measure(data: Path, folder: Path) -> dict[str, Any]:
    """Everything measured with the gate as installed, by name."""
    gate = load_gate(folder)
    by_kind: dict[str, list[bool]] = {}
    for kind, picture in measuring_pictures():
        by_kind.setdefault(kind, []).append(refused(gate, [picture])[0])
    figures: dict[str, Any] = {
        "pictures_refused": share([verdict for verdicts in by_kind.values() for verdict in verdicts]),
        "pictures_refused_by_kind": {kind: share(verdicts) for kind, verdicts in by_kind.items()},
    }
    figures |= measure_films(gate, data)
    figures["milliseconds"] = milliseconds(gate)
    return figures


def measure_films(gate: Gate, data: Path) -> dict[str, Any]:
    cases, split, _ = split_films(data)
    test = cases[split == "test"]
    films = [read_image(case.path) for case in test]
    verdicts = [not gate.judge(film).in_domain for film in films]
    groups: dict[str, list[bool]] = {}
    for case, verdict in zip(test, verdicts, strict=True):
        for name in (case.region, *sorted(case.flags & {"hardware", "multiscan"})):
            groups.setdefault(name, []).append(verdict)
    turned = [np.rot90(film.pixels, index % 4)[:, :: 1 - 2 * (index % 8 // 4)] for index, film in enumerate(films)]
    inverted = [gate.judge(as_radiograph(1 - film.pixels)) for film in films]
    figures: dict[str, Any] = {
        "test_films_refused": share(verdicts),
        "test_films_refused_by_group": {name: share(groups[name]) for name in sorted(groups)},
        "test_films_refused_names": [case.id for case, verdict in zip(test, verdicts, strict=True) if verdict],
        "turned_test_films_refused": share(refused(gate, turned)),
        "inverted_test_films_refused": share([not verdict.in_domain for verdict in inverted]),
        "inverted_test_films_told_so": share(["inverted" in verdict.reason for verdict in inverted]),
    }
    elsewhere = sorted((data / "multi_region" / "unique").glob("*.jpg"))
    if elsewhere:
        told = [gate.judge(read_image(path)) for path in elsewhere]
        figures["multi_region_refused"] = share([not verdict.in_domain for verdict in told])
        figures["multi_region_refused_as_inverted"] = sum("inverted" in verdict.reason for verdict in told)
    radiographs = sorted((data / "dicom" / "radiograph").glob("*.dcm"))
    figures["dicom_radiographs"] = {path.name: round(gate.judge(read_image(path)).score, 2) for path in radiographs}
    return figures


def milliseconds(gate: Gate) -> float:
    """Of fifty runs the fastest (others use the machine too): one film of 373 × 454 pixels on one core."""
    import torch

    film = as_radiograph(spectrum(np.random.default_rng(0), 454, 373, 2))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for _ in range(50):
        began = time.thread_time()
        gate.score(shrink(film.pixels, side=gate.side))
        times.append(time.thread_time() - began)
    torch.set_num_threads(threads)
    return round(min(times) * 1000, 1)


def write_card(card: dict[str, Any], folder: Path) -> None:
    (folder / "gate.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the gate before the classifiers, and measure it.")
    parser.add_argument("--data", type=Path, default=os.environ.get("FRACTURE_DATA"), help="folder of the data sets")
    parser.add_argument("--weights", type=Path, default=ROOT / "weights" / "gate", help="folder to write to")
    parser.add_argument("--measure-only", action="store_true", help="measure the gate that is there")
    options = parser.parse_args(argv)
    if options.data is None:
        parser.error("name the folder of the data sets: --data DIR")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    cv2.setNumThreads(1)
    if options.measure_only:
        card = json.loads((options.weights / "gate.json").read_text(encoding="utf-8"))
    else:
        card = fit(options.data, options.weights)
        log.info("fitted, limits %s", card["limits"])
    card["measured"] = measure(options.data, options.weights) | {"date": datetime.now(UTC).date().isoformat()}
    write_card(card, options.weights)
    print(json.dumps(card["measured"], indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
