"""Sections through bodies, drawn as CT, MR and ultrasound show them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.random import Generator

from fracture_core.imaging import read_image
from scripts.gate.parts import blob, blurred, canvas, grained, pick, rician, speckle, spectrum


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
