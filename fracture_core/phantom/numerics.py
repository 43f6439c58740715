"""Numbers that every run draws alike: streams, smooth noise, soft steps, outlines in pixels."""

from __future__ import annotations

import zlib

import cv2
import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for every purpose, so that a twin draws the same numbers for all they share."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def either_sign(rng: np.random.Generator) -> float:
    """-1 or 1, as likely."""
    return -1.0 if rng.random() < 0.5 else 1.0


def soft_step(q: np.ndarray, soft: float) -> np.ndarray:
    """A soft threshold, 0 below and 1 above zero, ``soft`` pixels wide."""
    return 0.5 + 0.5 * np.tanh(q * np.float32(0.5 / soft))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> np.ndarray:
    """Smooth noise of unit variance, ``sigma`` (x, y) pixels; coarse noise is made small and enlarged."""
    step = max(1, int(min(sigma) / 1.5))
    small = (shape[0] // step + 2, shape[1] // step + 2)
    field = np.asarray(rng.standard_normal(small, dtype=np.float32))
    blur_x, blur_y = (max(width / step, 0.3) for width in sigma)
    field = np.asarray(cv2.GaussianBlur(field, (0, 0), sigmaX=blur_x, sigmaY=blur_y), np.float32)
    field /= max(float(field.std()), 1e-6)
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """``values`` under a Hann window of ``width``, ``width - 1`` shorter.

    Not ``np.convolve``: its BLAS sums in an order that depends on where the array lies in memory, and two runs
    would differ in the last bit.
    """
    weights = np.hanning(width) / np.hanning(width).sum()
    size = len(values) - width + 1
    total = np.zeros(size)
    for k, weight in enumerate(weights.tolist()):
        total += weight * values[k : k + size]
    return total


def sixteenths(points: np.ndarray) -> np.ndarray:
    """Pixels (corner convention) to what cv2 draws with ``shift=4``: sixteenths, from pixel centres."""
    return np.round((points - 0.5) * 16).astype(np.int32)


def grown_hull(points: np.ndarray, margin: float) -> np.ndarray:
    """The convex outline (N, 2) of ``points``, ``margin`` wider all around."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = margin * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    grown = (points[:, None] + ring[None]).reshape(-1, 2).astype(np.float32)
    return cv2.approxPolyDP(cv2.convexHull(grown), 0.25, True)[:, 0].astype(np.float64)
