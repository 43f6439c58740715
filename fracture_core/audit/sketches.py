"""Films made small enough to be compared with every other film."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from fracture_core.errors import UnreadableImage
from fracture_core.imaging import read_image

SKETCH: Final = 64
"""px; side of the thumbnail that confirms a pair of duplicates."""
VIEW: Final = 128
"""px; side of the views that are compared under rotation."""


def sketch(path: str | Path) -> np.ndarray:
    """A film as a float32 (64, 64) thumbnail, mean 0 and norm 1; zeros when it cannot be read."""
    try:
        return sketch_of(read_image(path).pixels)
    except UnreadableImage:
        return np.zeros((SKETCH, SKETCH), np.float32)


def sketch_of(pixels: np.ndarray) -> np.ndarray:
    """``sketch`` of pixels (H, W) that have been read."""
    return standardise(cv2.resize(pixels, (SKETCH, SKETCH), interpolation=cv2.INTER_AREA))


def standardise(image: np.ndarray) -> np.ndarray:
    """Images (..., S, S) with mean 0 and norm 1; one without detail becomes nearly 0."""
    centred = image - image.mean(axis=(-2, -1), keepdims=True)
    norm = np.linalg.norm(centred, axis=(-2, -1), keepdims=True)
    # 1e-3: rounding gives an even film a norm of up to 1e-5, which must not be taken for detail
    return np.asarray(centred / np.maximum(norm, 1e-3), dtype=np.float32)


def views_of(pixels: np.ndarray) -> np.ndarray:
    """A film (H, W) as two squares, uint8 (2, 128, 128): the whole film squeezed, and its central square.

    A copy may have been turned before or after it was made square: the first view is like that of a copy
    turned after, the second like that of one turned before, and they are one where the film is square.
    """
    side = min(pixels.shape)
    top, left = ((length - side) // 2 for length in pixels.shape)
    centre = pixels[top : top + side, left : left + side]
    return np.stack([_shrunk(pixels), _shrunk(centre)])


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """uint8 (128, 128), stretched to the full range so that a film of few gray values keeps them apart."""
    small = cv2.resize(pixels, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
    low, high = float(small.min()), float(small.max())
    if high - low < 1e-3:  # an even film
        return np.zeros((VIEW, VIEW), np.uint8)
    return np.asarray((small - low) * (255 / (high - low)) + 0.5).clip(0, 255).astype(np.uint8)
