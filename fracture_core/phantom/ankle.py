"""An ankle in space, whole or broken, that any plane can be cut through.

Patient coordinates in mm as DICOM has them: x to the left, y to the back, z to the head; z = 0 at the ankle
joint. Every solid is an implicit function of (x, y, z).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from fracture_core.phantom.numerics import either_sign, smoothed, soft_step


class Solid(NamedTuple):
    """A bone in space: a column, an ellipse at every height, melted together with ellipsoids."""

    name: str
    column: np.ndarray  # (N, 5) mm from the bottom up: z, x, y, rx, ry; or (0, 5)
    balls: np.ndarray  # (M, 6) mm: x, y, z, rx, ry, rz
    cortex: float  # mm
    lobes: float  # how triangular the column is


class Cleft(NamedTuple):
    """A fracture surface in space: signed distance n . (p - at) plus waves; the far side moves."""

    bone: str
    at: np.ndarray  # (3,) mm
    normal: np.ndarray  # (3,) unit
    waves: np.ndarray  # (3, 5): amplitude, wave vector (3), phase
    gap: float  # mm
    shift: np.ndarray  # (3,) mm
    ceiling: float  # mm: the cleft ends at this height

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        u, v, w = (c - np.float32(a) for c, a in zip((x, y, z), self.at, strict=True))
        n = self.normal.astype(np.float32)
        q = n[0] * u + n[1] * v + n[2] * w
        for amplitude, kx, ky, kz, phase in self.waves.astype(np.float32):
            q = q + amplitude * np.sin(kx * x + ky * y + kz * z + phase)
        return q


class Ankle(NamedTuple):
    """One person's ankle: the solids, the skin, and how dense the bone is."""

    solids: tuple[Solid, ...]
    skin: np.ndarray
    sponge: float  # HU
    mirror: float  # +1 a left ankle, -1 a right one
    phase: np.ndarray


_ANKLE: Final = (  # name, column, balls, cortex, lobes
    (
        "tibia",
        (
            (-1, 0, 0, 20, 17), (5, 0, 0, 21, 18.5), (14, -0.5, 0, 20, 18), (30, -1, 0, 16, 15.5),
            (60, -1, -1, 13, 13.5), (140, 0, -2, 12.5, 14),
        ),
        ((-19.5, -2, -3, 5.5, 10, 11), (-17, -2, 4, 8, 11, 12), (0, 12, 2, 14, 7, 6)),
        3.6, 0.07,
    ),
    (
        "fibula",
        (
            (-20, 26, 8.5, 6, 8), (-8, 26, 9, 7.5, 9.5), (6, 25, 9, 7, 9), (30, 24, 9.5, 6, 7),
            (140, 24, 10, 6, 6.5),
        ),
        ((26, 10, -19, 5.5, 7.5, 8.5),), 2.4, 0.08,
    ),
    (
        "talus", (),
        (
            (1.5, 1, -16.5, 14, 19, 12.5), (1, 6, -20, 14.5, 16, 9), (-4, -18, -20, 11, 14, 9.5),
            (10, 4, -22, 9, 9, 6),
        ),
        1.3, 0.0,
    ),
    (
        "calcaneus", (),
        (
            (5, 40, -49, 12, 16, 19), (6, 22, -46, 12.5, 24, 13), (12, -4, -44, 11, 16, 10),
            (-7, 6, -37, 9, 9, 4.5),
        ),
        1.3, 0.0,
    ),
    ("navicular", (), ((-8, -38, -25, 15, 6.5, 11),), 1.2, 0.0),
    ("cuboid", (), ((17, -31, -43, 11.5, 12, 9.5),), 1.2, 0.0),
    ("cuneiforms", (), ((-13, -53, -30, 8, 7.5, 11), (3, -52, -30, 6, 8, 9)), 1.2, 0.0),
)  # fmt: skip
_ENVELOPE: Final = (
    (-74, 4, -6, 36, 64), (-66, 4, -10, 42, 76), (-50, 4, -10, 44, 74), (-30, 4, -4, 43, 62),
    (-8, 4, 5, 40, 46), (15, 4, 8, 37, 41), (60, 3, 12, 42, 45), (140, 2, 16, 54, 56),
)  # fmt: skip
TENDONS: Final = (  # x, y, rx, ry, HU in the axial plane, bottom z
    (2, 40, 8, 3.2, 95, -38), (-8, -24, 4.5, 2.8, 90, -24), (2, -25, 3.5, 2.4, 90, -24),
    (11, -23, 4.5, 2.2, 88, -24), (-21, 17, 3.6, 3, 90, -50), (-16, 22, 3.2, 2.6, 85, -50),
    (27, 22, 4, 3, 90, -50), (-9, 26, 4, 3.4, 70, -60),
)  # fmt: skip


def build_ankle(rng: np.random.Generator) -> Ankle:
    """One person's ankle: the sizes, the cortex, the build and the side are drawn."""
    size, thick = float(rng.uniform(0.94, 1.06)), float(rng.uniform(0.85, 1.15))
    solids = []
    for name, column, balls, cortex, lobes in _ANKLE:
        own = np.array(balls) * size * rng.uniform(0.97, 1.03, (len(balls), 6))
        solids.append(Solid(name, _smooth(column) * size, own, cortex * thick, lobes))
    girth = float(rng.uniform(0.95, 1.1))
    skin = _smooth(_ENVELOPE) * size * (1, 1, 1, girth, girth)
    sponge, mirror = float(rng.uniform(140, 230)), either_sign(rng)
    return Ankle(tuple(solids), skin, sponge, mirror, rng.uniform(0, 2 * np.pi, 4))


def _smooth(levels: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """A column's levels at every millimetre, without kinks."""
    if not levels:
        return np.zeros((0, 5))
    table = np.array(levels, float)
    z = np.arange(table[0, 0], table[-1, 0] + 0.5)
    raw = (np.interp(z, table[:, 0], table[:, k]) for k in range(1, 5))
    padded = (np.pad(v, 8, mode="reflect", reflect_type="odd") for v in raw)
    return np.column_stack([z, *(smoothed(v, 17) for v in padded)])


def fracture_clefts(kind: str, rng: np.random.Generator) -> list[Cleft]:
    """The surfaces of one fracture: a malleolus, or the tibial plafond when comminuted or hairline."""
    plans = {  # bone, a point on it, its normal, gap and displacement in mm (from, to), ceiling
        "transverse": [("fibula", (26, 9, -3), (0.1, 0.5, -0.86), (1.2, 2.2), (1.0, 2.2), math.inf)],
        "oblique": [("fibula", (25, 9, 8), (0.2, -0.75, -0.62), (1.2, 2.0), (1.2, 2.8), math.inf)],
        "hairline": [("tibia", (0, 2, 5), (0.75, 0.6, 0.1), (0.5, 0.75), (0.0, 0.0), 22.0)],
        "comminuted": [
            ("tibia", (2, 1, 5), (0.25, 0.95, 0.1), (1.4, 2.2), (1.2, 2.0), 30.0),
            ("tibia", (3, 0, 5), (0.95, -0.25, 0.1), (1.2, 2.0), (0.8, 1.6), 24.0),
            ("fibula", (25, 9, 12), (0.1, -0.4, -0.9), (1.2, 2.0), (1.5, 2.5), math.inf),
        ],
    }
    clefts = []
    for bone, at, normal, gap, shift, ceiling in plans[kind]:
        unit = np.array(normal) + rng.normal(0, 0.12, 3)
        unit /= np.linalg.norm(unit)
        waves = np.column_stack([rng.uniform(0.3, 0.8, 3), rng.normal(0, 0.35, (3, 3)), rng.uniform(0, 6.28, 3)])
        slide = np.cross(unit, rng.normal(0, 1, 3))
        slide *= rng.uniform(*shift) / np.linalg.norm(slide)
        spot = np.array(at) + rng.normal(0, 1.5, 3)
        clefts.append(Cleft(bone, spot, unit, waves, float(rng.uniform(*gap)), slide, ceiling + rng.normal(0, 2)))
    return clefts


def solid_box(solid: Solid, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[slice, slice] | None:
    """The rows and columns a bone can reach, with room to be displaced; None when the plane misses it."""
    window = [slice(None), slice(None)]
    for axis, v in enumerate((x, y, z)):
        middle, half = solid.balls[:, axis], solid.balls[:, axis + 3]
        if len(solid.column):
            own = solid.column[:, 0] if axis == 2 else solid.column[:, axis + 1]
            wide = 0 * own if axis == 2 else 1.1 * solid.column[:, axis + 3]
            middle, half = np.append(middle, own), np.append(half, wide)
        hit = np.flatnonzero((v.ravel() > np.min(middle - half) - 6) & (v.ravel() < np.max(middle + half) + 6))
        if len(hit) == 0:
            return None
        if v.size > 1:
            window[int(v.shape[0] == 1)] = slice(int(hit[0]), int(hit[-1]) + 1)
    return window[0], window[1]


def solid_depth(solid: Solid, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Millimetres inside a bone, its parts melted together over 5 mm."""
    parts = [column_depth(solid.column, x, y, z, solid.lobes)] if len(solid.column) else []
    for cx, cy, cz, rx, ry, rz in solid.balls.astype(np.float32):
        u, v, w = np.abs((x - cx) / rx), np.abs((y - cy) / ry), np.abs((z - cz) / rz)
        power = u * u * np.sqrt(u) + v * v * np.sqrt(v) + w * w * np.sqrt(w)
        rho = power ** np.float32(0.4)  # a rounded box, as short bones are
        parts.append((1 - rho) * min(rx, ry, rz))
    depth = parts[0]
    for part in parts[1:]:
        depth = np.maximum(depth, part) + np.maximum(5 - np.abs(depth - part), 0) ** 2 / 20
    return np.asarray(depth, np.float32)


def column_depth(column: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, lobes: float = 0.0) -> np.ndarray:
    """Millimetres inside a column, about; negative outside."""
    cx, cy, rx, ry = (np.interp(z, column[:, 0], column[:, k]).astype(np.float32) for k in (1, 2, 3, 4))
    u, v = (x - cx) / rx, (y - cy) / ry
    rho = np.sqrt(u * u + v * v)
    if lobes:
        rho = rho * (1 + np.float32(lobes) * np.cos(3 * np.arctan2(v, u) + np.float32(0.6)))
    side = (1 - rho) * np.minimum(rx, ry)
    end = np.minimum(z - np.float32(column[0, 0]), np.float32(column[-1, 0]) - z)
    round_off = np.float32(4)  # mm: the rim at the ends
    rim = round_off - np.hypot(np.maximum(round_off - side, 0), np.maximum(round_off - end, 0))
    return np.where(np.minimum(side, end) < round_off, rim, np.minimum(side, end))


def open_cleft(
    solid: Solid, cleft: Cleft, depth: np.ndarray, where: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open a cleft in a solid: the new depth, the distance from the cleft's walls, where it shows."""
    x, y, z = where
    q = np.broadcast_to(cleft.distance(x, y, z), depth.shape)
    here = np.clip((np.float32(min(cleft.ceiling, 1e3)) - z) / 4, 0, 1)  # closes over 4 mm below its ceiling
    if np.any(cleft.shift):
        fade = soft_step(q, 0.25) * np.exp(-((q / 9) ** 2)) * here
        moved = [v - np.float32(d) * fade for v, d in zip(where, cleft.shift, strict=True)]
        depth = np.where(q > 0, solid_depth(solid, *moved), depth).astype(np.float32)
    gap = np.abs(q) - np.float32(cleft.gap / 2) * here
    gap = np.where(here > 0.05, gap, np.float32(np.inf)).astype(np.float32)
    near = ((gap < 0.1) & (depth > 0.2) & (here > 0.25)).astype(np.uint8)
    return depth, gap, near
