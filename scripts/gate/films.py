"""Films as other departments might have made them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from fracture_core.imaging import read_image
from scripts.gate.parts import blurred, cut, framed, grained


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
