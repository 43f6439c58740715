"""Regions found by gray value: the limb against its background (wang2024) and the bones (gupta2024).

Both papers only name the step and its aim (wang2024: the bone alone; here the limb stays); the methods are ours,
chosen by eye on films of hands, legs, hips and shoulders. Lengths are fractions of the image's shorter side, so the
film's resolution does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from fracture_core.preprocessing.transforms import Transform, as_uint8, as_unit


def otsu_thresholds(gray_levels: np.ndarray) -> tuple[int, int]:
    """The two gray levels that best part uint8 values in three classes (Otsu 1979, extended to two).

    Returns (low, high), low ≤ high; the classes are ≤ low, ≤ high, and above. Equal values: (0, 0).
    """
    counts = np.bincount(gray_levels.ravel(), minlength=256).astype(np.float64)
    mass = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * np.arange(256))])

    def between(start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """The class of levels start ≤ level < stop: its share of the between-class variance."""
        return np.square(moment[stop] - moment[start]) / np.maximum(mass[stop] - mass[start], 1.0)

    first, second = np.arange(1, 257)[:, None], np.arange(1, 257)[None, :]
    variance = between(first * 0, first) + between(first, second) + between(second, second * 0 + 256)
    variance[first > second] = -np.inf
    low, high = np.unravel_index(int(np.argmax(variance)), variance.shape)
    return int(low), int(high)


def limb_mask(image: np.ndarray, *, gain: float, closing: float, margin: float, smallest: float) -> np.ndarray:
    """Where there is anything but air: bool (H, W).

    Three-class Otsu on log(1 + gain · x), which lifts soft tissue out of the dark; the darkest class is
    air. Gaps up to ``closing`` are closed, parts below ``smallest`` of the film's area dropped, the rest
    grown by ``margin``, for the skin, and enclosed holes filled.
    Where air and limb are alike it keeps too much rather than lose a finger.
    """
    side = min(image.shape)
    lifted = np.log1p(gain * _smooth(image, 0.004 * side)) / np.log1p(gain)
    levels = as_uint8(lifted)
    mask = _morphology(levels > otsu_thresholds(levels)[0], cv2.MORPH_CLOSE, closing * side)
    mask = _without_small(mask, smallest * mask.size)
    mask = _morphology(mask, cv2.MORPH_DILATE, margin * side)
    return _filled(mask, largest=mask.size, touching_border=False)


def bone_mask(image: np.ndarray, limb: np.ndarray, *, gain: float, width: float) -> np.ndarray:
    """Where the bones (and implants, and casts) are, inside ``limb``: bool (H, W).

    The white top-hat of log(1 + gain · x) keeps what is brighter than its surroundings and narrower than
    ``width``: bones, not the bright trunk, nor unexposed borders. Its upper two Otsu classes are taken, small
    gaps closed, specks removed.
    """
    side = min(image.shape)
    hat = _top_hat(np.log1p(gain * _smooth(image, 0.003 * side)), width * side)
    if not limb.any() or hat[limb].max() <= 0.0:
        return np.zeros(image.shape, dtype=bool)
    # The brightest hundredth saturates, lest a metal marker set the scale.
    scale = np.quantile(hat[limb], 0.99)
    levels = as_uint8(hat / (scale if scale > 0.0 else hat[limb].max()))
    mask = (levels > otsu_thresholds(levels[limb])[0]) & limb
    mask = _morphology(mask, cv2.MORPH_CLOSE, 0.015 * side)
    mask = _morphology(mask, cv2.MORPH_OPEN, 0.008 * side)
    mask = _without_small(mask, 0.002 * mask.size)
    return _filled(mask, largest=0.003 * mask.size, touching_border=True)


def _smooth(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(as_unit(image), (0, 0), max(0.5, sigma))


def _disc(diameter: float) -> np.ndarray:
    odd = max(1, round(diameter)) | 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd, odd))


def _morphology(mask: np.ndarray, operation: int, diameter: float) -> np.ndarray:
    return cv2.morphologyEx(mask.astype(np.uint8), operation, _disc(diameter)).astype(bool)


def _top_hat(field: np.ndarray, diameter: float) -> np.ndarray:
    # With the border's gray repeated outside, a bright strip along the border counts as wide, and goes.
    rim = int(diameter) + 1
    padded = cv2.copyMakeBorder(field, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    return cv2.morphologyEx(padded, cv2.MORPH_TOPHAT, _disc(diameter))[rim:-rim, rim:-rim]


def _without_small(mask: np.ndarray, smallest: float) -> np.ndarray:
    """Only the parts of at least ``smallest`` pixels."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = statistics[:, cv2.CC_STAT_AREA] >= smallest
    kept[0] = False
    return kept[labels]


def _filled(mask: np.ndarray, *, largest: float, touching_border: bool) -> np.ndarray:
    """Holes of at most ``largest`` pixels filled, those at the film's border only if ``touching_border``."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    left, top, width, height, area = statistics.T
    fill = area <= largest
    if not touching_border:
        fill &= (left > 0) & (top > 0) & (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    fill[0] = False
    return mask | fill[labels]


def _blackened(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, image, image.dtype.type(0))


@dataclass(frozen=True, kw_only=True)
class RoiMask(Transform):
    """The background blackened, the limb kept with its grays. Every constant is not stated; ours."""

    name: ClassVar[str] = "Region of interest"
    source: str = "wang2024, Pre-processing: grayscale masks, method not stated; ours"
    gain: float = 20.0
    closing: float = 0.03
    margin: float = 0.02
    smallest: float = 0.01

    def mask(self, image: np.ndarray) -> np.ndarray:
        """The limb, bool (H, W)."""
        return limb_mask(image, gain=self.gain, closing=self.closing, margin=self.margin, smallest=self.smallest)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return _blackened(image, self.mask(image))


@dataclass(frozen=True, kw_only=True)
class Segmentation(Transform):
    """All but the bones blackened. Every constant is not stated; ours."""

    name: ClassVar[str] = "Bone segmentation"
    source: str = "gupta2024, Image Segmentation Transform: method not stated; ours"
    gain: float = 20.0
    width: float = 0.12  # a little more than the widest bone, in shorter sides of the film

    def mask(self, image: np.ndarray) -> np.ndarray:
        """The bones, bool (H, W)."""
        return bone_mask(image, RoiMask(gain=self.gain).mask(image), gain=self.gain, width=self.width)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return _blackened(image, self.mask(image))
