"""The kinds of pictures that the gate is fitted on and those that it is measured with.

No photograph, scan or font is on both sides, and no drawing rule but the layout of pages and screens. Every picture
is drawn from its kind, its number and a seed, or cut from a file that an installed package brings along.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from scripts.gate.originals import photograph, relief, scan
from scripts.gate.parts import Picture, blurred, cut, framed, grained
from scripts.gate.sections import ankle, ct, mr, section, tissue, ultrasound
from scripts.gate.sheets import chart, dejavu, other_chart, other_fonts, page, screen
from scripts.gate.textures import (
    blank,
    bricks,
    cells,
    clouds,
    coral,
    emblem,
    gradient,
    leaves,
    marble,
    noise,
    other_noise,
    pattern,
    weave,
    wood,
)

PER_KIND = 200  # fitting pictures of each kind
FIT_SEED, MEASURE_SEED = 0, 2

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

SOURCES = {
    "fitting": "photographs: scikit-learn china.jpg, matplotlib Minduka_Present_Blue_Pack.png; slices: pydicom "
    "CT_small.dcm, examples_overlay.dcm, the phantom's ankle; fonts: DejaVu; all else drawn",
    "measuring": "photographs: scikit-learn flower.jpg, matplotlib grace_hopper.jpg, shown gray; slices: matplotlib "
    "s1045.ima.gz, pydicom J2K_pixelrep_mismatch.dcm, 693_J2KI.dcm, MR_small.dcm, shown without their headers; "
    "terrain: matplotlib jacksboro_fault_dem.npz, topobathy.npz; fonts: Pillow's own, Vera, Computer Modern, STIX; "
    "pages and screens are laid out as for fitting, all else is drawn by other rules from the same parts (1/f "
    "fields, speckle, outlines)",
    "caution": "parts of few originals, so the intervals are narrower than they should be",
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
