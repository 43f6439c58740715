"""From attenuation to the film as a digital plate shows it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from fracture_core.phantom.numerics import soft_step
from fracture_core.phantom.positioning import Setup


def expose(density: np.ndarray, whole: np.ndarray, setup: Setup, rng: np.random.Generator) -> np.ndarray:
    """Optical density to the film as shown; ``whole``, the unbroken twin's, sets the display."""
    height, width = density.shape
    mm = setup.scale / setup.fine
    coarse = cv2.resize(whole, (max(width // 8, 4), max(height // 8, 4)), interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), sigmaX=max(22 * mm / 8, 1), borderType=cv2.BORDER_REPLICATE)
    broad = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    dose = rng.uniform(0.7, 1.6)
    grain = cv2.GaussianBlur(rng.standard_normal(density.shape, dtype=np.float32), (0, 0), 0.6)
    seen = density + grain * np.float32(0.02 / math.sqrt(dose)) * np.exp(0.28 * density)
    seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.35, 0.5))
    reach = 2 * round(2 + 2 * mm) + 1
    edges = seen - cv2.blur(cv2.blur(seen, (reach, reach)), (reach, reach))
    even = rng.uniform(0.42, 0.55)  # the plate reader's dynamic range compression
    value = seen - np.float32(even) * broad + np.float32(0.35) * edges
    flat = whole - np.float32(even) * broad
    top = float(np.percentile(flat[::2, ::2], 99.6))
    value = value / top * np.float32(rng.uniform(0.88, 1.02))
    fog = np.float32(rng.uniform(0.02, 0.13))
    film = fog + (1 - fog) * (value * (0.76 + 0.18 * value))
    film = np.where(film > 0.8, 0.8 + 0.2 * np.tanh((film - 0.8) / 0.2), film)
    film = _plate(film, whole, setup, rng)
    film += np.float32(0.004) * rng.standard_normal(film.shape, dtype=np.float32)
    return np.clip(film, 0, 1).astype(np.float32)


def _plate(film: np.ndarray, whole: np.ndarray, setup: Setup, rng: np.random.Generator) -> np.ndarray:
    """What the plate adds: banding, strips kept from the beam, the rim, dust, the side marker."""
    height, width = film.shape
    banding = [np.asarray(rng.normal(0, 0.004, n), np.float32) for n in (width, height)]
    film = film + cv2.blur(banding[0][None], (5, 1)) + cv2.blur(banding[1][:, None], (1, 7))
    rows, cols = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    unit = height / 454
    for far in (height - rows, width - cols, cols):  # never the top: the limb enters there
        covered, deep, soft = rng.random() < 0.17, rng.uniform(4, 16) * unit, rng.uniform(1.2, 3) * unit
        slant = rng.normal(0, 0.012) * (rows + cols)
        if covered:
            film = film + (np.float32(0.93) - film) * soft_step(deep - far - slant, soft)
    rim = rng.uniform(0, 3, 4) * unit
    edge_y = np.minimum(rows - rim[0], height - 1 - rows - rim[1])
    edge_x = np.minimum(cols - rim[2], width - 1 - cols - rim[3])
    film = film * np.clip(np.minimum(edge_y, edge_x) + 1, 0.03, 1)
    specks = rng.random((int(rng.integers(0, 9)), 3))
    for x, y, bright in specks:
        film[int(y * (height - 1)), int(x * (width - 1))] += 0.12 + 0.4 * bright
    if rng.random() < 0.6:
        film = _marker(film, whole, setup, rng)
    return film


def _marker(film: np.ndarray, whole: np.ndarray, setup: Setup, rng: np.random.Generator) -> np.ndarray:
    """A lead letter in the emptiest corner."""
    height, width = film.shape
    size = int(rng.uniform(15, 19) * setup.scale / setup.fine * 0.55 + 0.022 * height)
    tile = np.zeros((4 * size, 4 * size), np.uint8)
    font, thick = cv2.FONT_HERSHEY_DUPLEX, max(2, size // 4)
    cv2.putText(tile, setup.side, (size // 2, 3 * size), font, size * 0.1, 255, thick, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((2 * size, 2 * size), rng.normal(0, 7), 1.0)
    letter = cv2.resize(cv2.warpAffine(tile, turn, tile.shape), (size, size), interpolation=cv2.INTER_AREA)
    inset = int(0.09 * min(height, width))
    spots = [(y, x) for y in (inset, height - inset - size) for x in (inset, width - inset - size)]
    spots = sorted(spots, key=lambda at: float(whole[at[0] : at[0] + size, at[1] : at[1] + size].sum()))
    y, x = spots[int(rng.integers(0, 2))] if whole[spots[1][0], spots[1][1]] < 0.05 else spots[0]
    patch = film[y : y + size, x : x + size]
    patch += (np.float32(0.96) - patch) * (letter[: patch.shape[0], : patch.shape[1]] / np.float32(255))
    return film
