"""Small pictures that stand for films."""

from __future__ import annotations

import cv2
import numpy as np


def made_film(rng: np.random.Generator, *, fractured: bool, size: int = 64) -> np.ndarray:
    """A uint8 (size, size) picture like no other: soft clouds, and a bright bar if fractured."""
    clouds = cv2.resize(rng.random((8, 8), dtype=np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    film = 0.2 + 0.3 * np.clip(clouds, 0, 1)
    if fractured:
        film[size * 3 // 8 : size * 5 // 8, size // 4 : size * 3 // 4] = 1
    return np.asarray(film * 255, dtype=np.uint8)
