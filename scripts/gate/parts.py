"""Parts that pictures are made of: fields, grain, outlines, cuts. Pictures are float (H, W) in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

Picture = Callable[[Generator], np.ndarray]


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


def speckle(rng: Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    return unit(np.hypot(blurred(rng.standard_normal(shape), sigma), blurred(rng.standard_normal(shape), sigma)))


def rician(rng: Generator, x: np.ndarray, deviation: float) -> np.ndarray:
    return np.hypot(x + rng.normal(0, deviation, x.shape), rng.normal(0, deviation, x.shape))


def framed(rng: Generator, x: np.ndarray, width: int, value: float) -> np.ndarray:
    sides = [int(side) for side in rng.integers(0, width + 1, 4)]
    return cv2.copyMakeBorder(np.ascontiguousarray(x, dtype=np.float32), *sides, cv2.BORDER_CONSTANT, value=value)
