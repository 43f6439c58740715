"""How a limb lies on its film: body millimetres to pixels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fracture_core.phantom.anatomy import Region


class Setup(NamedTuple):
    """How this limb lies on this film: body millimetres to pixels of the (finer) drawing canvas."""

    affine: np.ndarray  # (2, 3), mm -> canvas pixels, corner convention
    warp: np.ndarray  # (4, 4): amplitude x, amplitude y, wave number, phase; one person's build
    scale: float  # canvas pixels per mm
    shape: tuple[int, int]  # canvas (H, W)
    fine: int  # canvas pixels per film pixel
    side: str

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) in mm to canvas pixels."""
        x, y = points[:, 0], points[:, 1]
        for ax, ay, k, phase in self.warp:
            x, y = x + ax * np.sin(k * points[:, 1] + phase), y + ay * np.sin(k * points[:, 0] + phase)
        (a, b, c), (d, e, f) = self.affine.tolist()
        return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)

    def y_mm(self) -> np.ndarray:
        """Body y of every film pixel (not canvas pixel), float32 (H, W)."""
        inverse = np.linalg.inv(self.affine[:, :2])
        rows, cols = (np.arange(n // self.fine, dtype=np.float32) * self.fine for n in self.shape)
        offset = -float(inverse[1] @ self.affine[:, 2])
        return np.float32(inverse[1, 1]) * rows[:, None] + np.float32(inverse[1, 0]) * cols[None] + np.float32(offset)


def position_limb(region: Region, rng: np.random.Generator, size: tuple[int, int]) -> Setup:
    """One person's limb on a film of ``size`` (rows, columns): build, side, tilt and shift are drawn."""
    height, width = size
    fine = 2 if height * width <= 1_000_000 else 1
    tall = min(height, width * 454 / 373)  # the anatomy is laid out for a 35 x 43 cm plate
    scale = fine * tall / (region.height * rng.uniform(0.94, 1.06))
    mirror = 1.0 if rng.random() < 0.5 else -1.0
    # seen from the front (AP) with the fingers or toes down, a left limb's outer side is on the film's right
    side = "L" if (mirror > 0) == (region.view == "AP") else "R"
    tilt = math.radians(rng.normal(0, 4.0))
    turn = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    matrix = scale * turn @ np.diag([mirror, 1.0])
    slim = np.diag([rng.uniform(0.93, 1.06), 1.0])
    shift = rng.normal(0, 0.02, 2) * np.array([width, height]) * fine
    matrix = matrix @ slim
    centre = np.array([width, height]) * fine / 2 + shift
    offset = centre - matrix @ np.array(region.centre)
    wave = 2 * np.pi / rng.uniform(220, 520, 4)
    warp = np.stack([rng.normal(0, 0.7, 4), rng.normal(0, 0.5, 4), wave, rng.uniform(0, 2 * np.pi, 4)], axis=1)
    return Setup(np.column_stack([matrix, offset]), warp, scale, (height * fine, width * fine), fine, side)
