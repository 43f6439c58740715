"""Synthetic limb radiographs and ankle CT series whose truth is known, for demos and tests.

Nothing here comes from a patient. A film is made as a film is made: solids with a cortical shell and marrow are
laid out in millimetres, their attenuation is summed along the beam, and the sum goes through blur, quantum noise
and the display curve of a digital plate. A fracture cuts one bone's attenuation along a jagged surface and moves
the pieces, so a fractured film and its whole twin (same seed, ``fracture=None``) differ only around the fracture,
and the polygon handed out is the truth by construction.

The pictures look like radiographs; they do not sample any population, and no figure measured on them says
anything about how a classifier performs on people.

Example:
    >>> film = radiograph(seed=7, region="leg", fracture="oblique")
    >>> film.pixels.shape, film.fractured, film.bone in ("tibia", "fibula")
    ((454, 373), True, True)
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np

from fracture_core.errors import UnknownName

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

KINDS: Final = ("transverse", "oblique", "comminuted", "hairline")


@dataclass(frozen=True, eq=False)
class Phantom:
    """One synthetic radiograph and its truth.

    Attributes:
        pixels: float32 (H, W) in [0, 1], bone bright, read-only.
        fractured: Whether a bone is broken.
        kind: One of ``KINDS``, or None when whole.
        region: One of ``REGIONS``.
        polygon: float64 (N, 2), the fracture's outline as (x, y) in continuous source pixels (origin at the
            top-left corner of the top-left pixel), convex; None when whole.
        spacing: (row, column) millimetres per pixel.
        seed: The seed that made it.
        bone: The broken bone ("radius", "tibia", ...), or None when whole.
        side: "L" or "R".
    """

    pixels: np.ndarray
    fractured: bool
    kind: str | None
    region: str
    polygon: np.ndarray | None
    spacing: tuple[float, float]
    seed: int
    bone: str | None = None
    side: str = "R"


# ---------------------------------------------------------------------------------------------------- anatomy
# In millimetres: x towards the thumb's or the fibula's side, y away from the body. Adult sizes, drawn by hand
# after usual atlas proportions. The upper limb counts y from the elbow joint, the lower limb from the knee joint.


class _Bone(NamedTuple):
    name: str
    outline: np.ndarray  # (N, 2) mm, closed
    axis: np.ndarray  # (2, 2) mm, proximal and distal end
    cortex: float  # mm at mid-shaft
    spongy: float = 1.0  # density of the spongy bone, 1 = usual
    depth: float = 1.0  # thickness along the beam over width
    pits: tuple[tuple[float, float, float, float], ...] = ()  # thinned ellipses: x, y, rx, ry


class _Limb(NamedTuple):
    bones: tuple[_Bone, ...]
    envelope: np.ndarray  # (N, 4) mm: y, left edge, right edge, half thickness along the beam
    digits: tuple[np.ndarray, ...]  # per digit (N, 3) mm: x, y, radius of the soft tissue


class _Region(NamedTuple):
    limb: str
    centre: tuple[float, float]  # mm, the middle of the film
    height: float  # mm, the film's height
    girth: float  # stretches the soft tissue
    sites: tuple[tuple[str, float, float], ...]  # where it breaks: bone, from, to (fractions of its length)


_HUMERUS = (
    (-2, -318), (12, -314), (21, -304), (22, -292), (18, -270), (14, -245), (12, -200), (11, -150), (10.5, -100),
    (13, -65), (17, -45), (24, -30), (28, -20), (25, -12), (23, -5), (18, 1), (11, 2.5), (5, -1.5), (-1, 0.5),
    (-8, 4), (-16, 6), (-20, 1), (-21, -8), (-28, -14), (-33, -21), (-31, -28), (-22, -37), (-15, -52),
    (-11.5, -70), (-10, -100), (-11, -150), (-11, -200), (-12, -245), (-16, -270), (-26, -284), (-29, -296),
    (-26, -308), (-16, -316),
)  # fmt: skip
_ULNA = (
    (-8, -23), (0, -21), (5, -14), (6, -4), (3, 4), (1.5, 14), (0, 25), (-3, 45), (-7, 80), (-9, 120), (-11, 160),
    (-12.5, 200), (-12, 225), (-9, 235), (-7.5, 241), (-11, 245), (-16, 243.5), (-19.5, 249), (-22, 247),
    (-22, 237), (-21, 225), (-22, 200), (-22, 160), (-21.5, 120), (-20.5, 80), (-20, 45), (-19, 25), (-20, 14),
    (-22, 6), (-20.5, -6), (-17, -18),
)  # fmt: skip
_RADIUS = (
    (5, 6), (10, 6.2), (15, 7.2), (20, 6.2), (25, 6), (27, 9), (26.5, 15), (22.5, 21), (21.5, 30), (23, 47),
    (26.5, 80), (28, 120), (27, 160), (24, 195), (23, 213), (25, 230), (27, 243), (25, 253), (22, 255), (17, 251),
    (9, 246.5), (1, 244.5), (-5, 244), (-7, 240), (-5.5, 234), (-2, 224), (4, 207), (10, 188), (14, 160), (15, 120),
    (13, 80), (9, 55), (5, 42), (4.5, 34), (7, 26), (8, 20), (4.5, 15), (3.5, 9),
)  # fmt: skip
_FEMUR = (
    (14, -420), (14, -300), (15, -200), (16, -120), (20, -85), (29, -62), (39, -42), (43, -27), (42, -12), (36, -4),
    (25, -2), (15, -4.5), (9, -12), (0, -17), (-8, -12), (-14, -4), (-25, -1.5), (-37, -3.5), (-44, -13), (-46, -28),
    (-42, -43), (-31, -62), (-21, -85), (-16, -120), (-14.5, -200), (-14, -300), (-14, -420),
)  # fmt: skip
_TIBIA = (
    (-37, 6), (-30, 4), (-18, 5), (-8, 4), (-4, -1), (-1, 3.5), (2, 3.5), (5.5, -1.5), (9, 3.5), (20, 5), (30, 4),
    (37, 6), (38.5, 13), (36, 23), (28, 39), (20, 60), (15.5, 90), (13.5, 140), (12.5, 200), (12.5, 250), (14, 300),
    (17.5, 330), (20.5, 347), (20, 358), (16, 361), (8, 361.5), (0, 361), (-9, 361.5), (-12.5, 364), (-14, 371),
    (-18, 376), (-23, 374), (-25.5, 365), (-25, 352), (-21, 332), (-16.5, 305), (-13, 265), (-12, 200),
    (-13.5, 140), (-16, 90), (-22, 60), (-31, 39), (-38, 23), (-40, 12),
)  # fmt: skip
_FIBULA = (
    (31, 17), (35, 15.5), (39, 21), (41, 31), (38.5, 42), (36, 60), (35.5, 120), (34.5, 200), (34, 270), (34, 320),
    (36, 342), (38, 360), (35.5, 376), (30, 387), (26, 384), (23.5, 372), (23, 355), (25, 332), (24.5, 300),
    (24, 270), (24, 200), (25, 120), (27, 60), (26.5, 44), (24, 34), (25, 23),
)  # fmt: skip
_TALUS = ((-11, 366), (0, 364.5), (10, 365), (19, 364), (21, 372), (22, 384), (19, 396), (4, 399), (-10, 397), (-14, 386), (-12, 375))  # fmt: skip
_CALCANEUS = ((-14, 396), (0, 393), (18, 394), (23, 403), (22, 420), (16, 436), (2, 441), (-12, 436), (-17, 420), (-17, 405))  # fmt: skip
_TARSUS = ((-32, 392), (-20, 384), (0, 388), (20, 386), (30, 396), (34, 414), (30, 432), (8, 440), (-16, 438), (-34, 424), (-37, 406))  # fmt: skip

_CARPALS = {  # x, y, rx, ry, tilt in degrees
    "scaphoid": (15.5, 260, 6.2, 11.5, -38), "lunate": (1.5, 255.5, 8.2, 6.6, 8), "triquetrum": (-11.5, 259.5, 7, 6, 35),
    "pisiform": (-12.5, 263, 4.2, 4.8, 0), "trapezium": (22, 275, 6.6, 6.6, 25), "trapezoid": (11.5, 275.5, 5, 5.4, 10),
    "capitate": (2, 271, 6.4, 11, 0), "hamate": (-10.5, 273, 7, 8.4, 14),
}  # fmt: skip
_DIGITS = (  # base x, y; lengths; directions in degrees from the axis towards the thumb; width of the metacarpal
    ("1", (26, 284), (45, 31, 23), (36, 27, 20), 6.4), ("2", (12.5, 283), (67, 40, 24, 18), (7, 9, 8, 7), 6.8),
    ("3", (2, 284), (63, 44, 28, 18.5), (0, 1, 0, 1), 6.6), ("4", (-7.5, 283.5), (56, 41, 27, 18.5), (-8, -7, -6, -5), 5.9),
    ("5", (-16, 281), (52, 33, 19, 16.5), (-17, -16, -13, -10), 5.8),
)  # fmt: skip
_METACARPAL = ((0, 0.02), (0.95, 0.0), (1.1, 0.06), (0.9, 0.16), (0.6, 0.35), (0.58, 0.55), (0.82, 0.8), (1, 0.89), (0.8, 0.965), (0, 1))  # fmt: skip
_PHALANX = ((0, 0.03), (0.9, 0.0), (1.12, 0.05), (0.95, 0.18), (0.64, 0.45), (0.62, 0.7), (0.82, 0.88), (0.78, 0.96), (0.4, 1), (0, 0.975))  # fmt: skip
_TUFT = ((0, 0.03), (0.9, 0.0), (1.1, 0.06), (0.85, 0.2), (0.42, 0.55), (0.4, 0.72), (0.62, 0.85), (0.5, 0.97), (0, 1))  # fmt: skip

_ARM = (  # y, left, right, half thickness
    (-700, -62, 58, 55), (-360, -58, 54, 52), (-250, -52, 48, 46), (-120, -44, 43, 40), (-60, -43, 41, 38),
    (-20, -45, 42, 38), (10, -45, 44, 38), (50, -49, 51, 38), (90, -46, 51, 36), (150, -39, 44, 31),
    (200, -33, 36, 25), (235, -30, 33, 20), (255, -30, 34, 19), (280, -33, 38, 17), (300, -37, 42, 16),
    (325, -40, 40, 15), (345, -38, 34, 13), (352, -34, 30, 12),
)  # fmt: skip
_LEG = (
    (-700, -92, 88, 80), (-200, -78, 76, 72), (-90, -62, 60, 62), (-40, -57, 55, 58), (0, -56, 54, 55),
    (40, -55, 56, 56), (100, -58, 62, 60), (160, -52, 58, 55), (230, -42, 50, 46), (300, -34, 45, 38),
    (345, -36, 48, 38), (370, -38, 50, 44), (395, -42, 48, 62), (425, -44, 46, 80), (445, -34, 36, 80),
    (455, -18, 20, 70),
)  # fmt: skip

_FOREARM_SITES = (("radius", 0.28, 0.93), ("ulna", 0.35, 0.93))
_REGIONS: Final = {
    "forearm": _Region("arm", (2, 150), 410, 1.0, _FOREARM_SITES),
    "hand": _Region("arm", (2, 345), 290, 1.0, tuple((f"metacarpal {d}", 0.3, 0.8) for d in "12345")
                    + tuple((f"proximal phalanx {d}", 0.3, 0.75) for d in "12345")),
    "finger": _Region("arm", (6, 405), 165, 1.0, tuple((f"{p} phalanx {d}", 0.3, 0.72) for d in "234" for p in ("proximal", "middle"))),
    "humerus": _Region("arm", (0, -120), 350, 1.15, (("humerus", 0.25, 0.85),)),
    "leg": _Region("leg", (2, 190), 430, 1.0, (("tibia", 0.25, 0.9), ("fibula", 0.3, 0.9))),
}  # fmt: skip
REGIONS: Final = tuple(_REGIONS)


def _spline(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """A closed Catmull-Rom curve through ``points`` (N, 2)."""
    p0, p1, p2, p3 = (np.roll(points, k, axis=0)[:, None] for k in (1, 0, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return (curve / 2).reshape(-1, 2)


def _drawn(name: str, points: tuple[tuple[float, float], ...], ends: tuple[tuple[float, float], tuple[float, float]],
           cortex: float, **more: object) -> _Bone:  # fmt: skip
    return _Bone(name, _spline(np.array(points, float)), np.array(ends, float), cortex, **more)  # type: ignore[arg-type]


def _carpal(name: str, x: float, y: float, rx: float, ry: float, tilt: float) -> _Bone:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    lobes = 1 + 0.05 * np.cos(3 * angle + len(name)) + 0.035 * np.cos(4 * angle + 2 * len(name))
    flat = np.stack([rx * lobes * np.cos(angle), ry * lobes * np.sin(angle)], axis=1)
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    return _Bone(name, flat @ np.array([[c, s], [-s, c]]) + (x, y), np.array([[x, y - ry], [x, y + ry]]), 1.0, 1.5)


def _digit(
    number: str, base: tuple[float, float], lengths: tuple[float, ...], angles: tuple[float, ...], width: float
) -> tuple[list[_Bone], np.ndarray]:
    """The bones of one ray from the metacarpal outwards, and the soft tissue around them as (x, y, radius)."""
    names = ["metacarpal", "proximal phalanx", "middle phalanx", "distal phalanx"]
    if len(lengths) == 3:
        names.pop(2)
    at, bones, chain = np.array(base, float), [], []
    for k, (name, length, angle) in enumerate(zip(names, lengths, angles, strict=True)):
        along = np.array([math.sin(math.radians(angle)), math.cos(math.radians(angle))])
        half = width * (1.0, 0.98, 0.86, 0.8)[k if len(lengths) == 4 or k < 2 else 3]
        shape = np.array(_METACARPAL if k == 0 else _TUFT if name.startswith("distal") else _PHALANX, float)
        outline = np.concatenate([shape, (shape * (-1, 1))[-2:0:-1]])
        across = np.array([along[1], -along[0]])
        points = at + outline[:, :1] * half * across + outline[:, 1:] * length * along
        ends = np.stack([at, at + length * along])
        bones.append(_Bone(f"{name} {number}", _spline(points), ends, 2.2 - 0.25 * k, 1.2, 0.9))
        chain += [(*at, half + (5.5 if k == 0 else 3.6)), (*(at + 0.5 * length * along), half + 2.6)]
        at = at + (length + 1.7) * along
    chain.append((*(at - 1.5 * along), half * 1.05))
    return bones, np.array(chain)


@cache
def _limb(name: str) -> _Limb:
    if name == "leg":
        bones = [
            _drawn("femur", _FEMUR, ((0, -420), (0, 0)), 5.5, depth=0.95),
            _Bone("patella", _ellipse(-1, -32, 21, 22), np.array([[0, -54.0], [0, -10]]), 1.3, 0.7, 0.5),
            _drawn("tibia", _TIBIA, ((0, 4), (0, 364)), 4.8),
            _drawn("fibula", _FIBULA, ((33, 16), (30, 387)), 2.9),
            _drawn("talus", _TALUS, ((4, 364), (4, 398)), 1.5, spongy=1.5, depth=1.3),
            _drawn("calcaneus", _CALCANEUS, ((2, 393), (2, 441)), 1.5, spongy=1.2, depth=1.6),
            _drawn("tarsus", _TARSUS, ((0, 384), (0, 440)), 1.5, spongy=0.9, depth=1.4),
        ]
        return _Limb(tuple(bones), np.array(_LEG, float), ())
    bones = [
        _drawn("humerus", _HUMERUS, ((-2, -318), (-2, 5)), 4.2, pits=((-4, -23, 10, 8),)),
        _drawn("ulna", _ULNA, ((-8, -23), (-17, 248)), 3.4, spongy=1.1),
        _drawn("radius", _RADIUS, ((15, 6), (12, 250)), 3.3, spongy=1.1),
        *(_carpal(key, *value) for key, value in _CARPALS.items()),
    ]
    chains = []
    for digit in _DIGITS:
        more, chain = _digit(*digit)
        bones += more
        chains.append(chain)
    return _Limb(tuple(bones), np.array(_ARM, float), tuple(chains))


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


# --------------------------------------------------------------------------------------------------- the setup


class _Setup(NamedTuple):
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
        return np.stack([x, y], axis=1) @ self.affine[:, :2].T + self.affine[:, 2]

    def y_mm(self) -> np.ndarray:
        """Body y of every film pixel (not canvas pixel), float32 (H, W)."""
        inverse = np.linalg.inv(self.affine[:, :2])
        rows, cols = (np.arange(n // self.fine, dtype=np.float32) * self.fine for n in self.shape)
        offset = -float(inverse[1] @ self.affine[:, 2])
        return np.float32(inverse[1, 1]) * rows[:, None] + np.float32(inverse[1, 0]) * cols[None] + np.float32(offset)


def _setup(region: _Region, rng: np.random.Generator, size: tuple[int, int]) -> _Setup:
    height, width = size
    fine = 2 if height * width <= 1_000_000 else 1
    tall = min(height, width * 454 / 373)  # the anatomy is laid out for a 35 x 43 cm plate
    scale = fine * tall / (region.height * rng.uniform(0.94, 1.06))
    side = "R" if rng.random() < 0.5 else "L"
    tilt = math.radians(rng.normal(0, 4.0))
    mirror = 1.0 if side == "R" else -1.0
    matrix = scale * np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]]) @ np.diag([mirror, 1.0])
    slim = np.diag([rng.uniform(0.93, 1.06), 1.0])
    shift = rng.normal(0, 0.02, 2) * np.array([width, height]) * fine
    matrix = matrix @ slim
    centre = np.array([width, height]) * fine / 2 + shift
    offset = centre - matrix @ np.array(region.centre)
    wave = 2 * np.pi / rng.uniform(140, 420, 4)
    warp = np.stack([rng.normal(0, 0.8, 4), rng.normal(0, 0.5, 4), wave, rng.uniform(0, 2 * np.pi, 4)], axis=1)
    return _Setup(np.column_stack([matrix, offset]), warp, scale, (height * fine, width * fine), fine, side)


# ----------------------------------------------------------------------------------------------- attenuation

_CORTEX: Final = 0.036  # /mm above soft tissue: compact bone about 0.057, soft tissue about 0.021 near 60 keV
_SPONGE: Final = 0.0075  # /mm above soft tissue, at the ends
_MARROW: Final = -0.0012  # /mm: yellow marrow is fat
_MUSCLE: Final = 0.0205
_FAT: Final = 0.0175


class _Layer(NamedTuple):
    """One bone's attenuation on a window of the canvas."""

    bone: _Bone
    density: np.ndarray  # float32 (h, w), optical density
    mask: np.ndarray  # uint8 (h, w)
    corner: tuple[int, int]  # row, column of the window on the canvas


def _chord(depth: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Path length through a round rod of ``radius``, ``depth`` inside its edge: 2 sqrt(r^2 - (r - d)^2)."""
    d = np.clip(depth, 0, radius)
    return 2 * np.sqrt(np.maximum(d * (2 * radius - d), 0))


def _noise(rng: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> np.ndarray:
    """Smooth noise of unit variance, ``sigma`` (x, y) pixels; coarse noise is made small and enlarged."""
    step = max(1, int(min(sigma) / 1.5))
    small = (shape[0] // step + 2, shape[1] // step + 2)
    field = rng.standard_normal(small, dtype=np.float32)
    field = cv2.GaussianBlur(field, (0, 0), sigmaX=max(sigma[0] / step, 0.3), sigmaY=max(sigma[1] / step, 0.3))
    field /= max(float(field.std()), 1e-6)
    return field if step == 1 and field.shape == shape else cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _bone_layer(bone: _Bone, setup: _Setup, texture: np.ndarray) -> _Layer | None:
    """Attenuation of a whole bone: a shell of compact bone around spongy bone and marrow."""
    outline = setup.place(bone.outline)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 3, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 3, setup.shape[::-1])
    if np.any(high - low < 4):
        return None
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, [np.round((outline - low - 0.5) * 16).astype(np.int32)], 1, lineType=cv2.LINE_8, shift=4)
    if not mask.any():
        return None
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / np.float32(setup.scale)
    radius, along = _radius(inside, setup.place(bone.axis) - low)
    shaft = np.clip(np.minimum(along, 255 - along) / 255 * 3.4, 0, 1)
    shaft = (shaft * shaft * (3 - 2 * shaft)).astype(np.float32)  # 0 at the ends, 1 in the diaphysis
    cortex = np.float32(min(0.7, 0.35 * bone.cortex)) + shaft * np.float32(bone.cortex - min(0.7, 0.35 * bone.cortex))
    outer = _chord(inside, radius)
    inner = _chord(inside - cortex, np.maximum(radius - cortex, 0.1))
    grain = texture[low[1] : high[1], low[0] : high[0]]
    sponge = (1 - 0.92 * shaft) * bone.spongy
    filled = (_SPONGE * sponge * (1 + 0.2 * grain) + _MARROW * shaft) * inner
    density = bone.depth * (_CORTEX * (1 + 0.03 * grain) * (outer - inner) + filled)
    for x, y, rx, ry in bone.pits:
        centre = setup.place(np.array([[x, y]]))[0] - low
        rows, cols = (np.arange(n, dtype=np.float32) + 0.5 for n in mask.shape)
        far = ((cols[None] - centre[0]) / (rx * setup.scale)) ** 2 + ((rows[:, None] - centre[1]) / (ry * setup.scale)) ** 2
        density *= 1 - 0.45 / (1 + np.exp((far - 0.8) * 6))
    return _Layer(bone, density.astype(np.float32), mask, (int(low[1]), int(low[0])))


def _radius(inside: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the bone's width at every pixel (mm), and the place along its axis as 0..255."""
    direction = (axis[1] - axis[0]) / max(float(np.sum((axis[1] - axis[0]) ** 2)), 1e-6) * 255
    rows, cols = (np.arange(n, dtype=np.float32) + 0.5 for n in inside.shape)
    along = (cols[None] - axis[0, 0]) * np.float32(direction[0]) + (rows[:, None] - axis[0, 1]) * np.float32(direction[1])
    along = np.clip(along, 0, 255)
    index = along.astype(np.uint8)
    widest = np.zeros(256, np.float32)
    np.maximum.at(widest, index.ravel(), inside.ravel())
    known = np.flatnonzero(widest)
    widest = np.interp(np.arange(256), known, widest[known]).astype(np.float32)
    padded = np.pad(widest, 12, mode="edge")
    smooth = np.convolve(padded, np.hanning(25) / np.hanning(25).sum(), mode="valid").astype(np.float32)
    return np.maximum(cv2.LUT(index, np.maximum(smooth, 0.5)), inside), along


def _soft_tissue(limb: _Limb, region: _Region, setup: _Setup, rng: np.random.Generator) -> np.ndarray:
    """Attenuation of skin, fat and muscle on the film's grid, float32 (H, W)."""
    fine = setup.fine
    shape = (setup.shape[0] // fine, setup.shape[1] // fine)
    mask = np.zeros(setup.shape, np.uint8)
    girth = region.girth * rng.uniform(0.92, 1.12)
    y = np.arange(limb.envelope[0, 0], limb.envelope[-1, 0] + 1, 4.0)
    table = [np.interp(y, limb.envelope[:, 0], limb.envelope[:, k]) for k in (1, 2, 3)]
    kernel = np.hanning(15) / np.hanning(15).sum()
    left, right, thick = (np.convolve(np.pad(v, 7, mode="edge"), kernel, mode="valid") for v in table)
    bulge = [np.convolve(rng.normal(0, 1, len(y)), np.hanning(21) / 3, mode="same") for _ in range(2)]
    outline = np.concatenate(
        [np.stack([left * girth + bulge[0], y], axis=1), np.stack([right * girth + bulge[1], y], axis=1)[::-1]]
    )
    cv2.fillPoly(mask, [np.round((setup.place(outline) - 0.5) * 16).astype(np.int32)], 255, shift=4)
    for chain in limb.digits:
        points, radii = setup.place(chain[:, :2]), chain[:, 2] * setup.scale * (0.5 + 0.5 * girth)
        for k in range(len(points) - 1):
            cv2.fillConvexPoly(mask, _capsule(points[k : k + 2], radii[k : k + 2]), 255, shift=4)
    smooth = cv2.GaussianBlur(mask, (0, 0), sigmaX=2.4 * setup.scale)  # rounds the webs between the fingers
    mask = np.where(smooth > 120, np.uint8(1), np.uint8(0)) if limb.digits else (mask > 0).astype(np.uint8)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5) / np.float32(setup.scale)
    inside = cv2.resize(inside, shape[::-1], interpolation=cv2.INTER_AREA)
    body = setup.y_mm()
    half = np.interp(body.ravel(), y, thick * girth).astype(np.float32).reshape(shape)
    mm = setup.scale / fine
    fat = np.clip(half * 0.13, 1.2, 7) * (1 + 0.22 * _noise(rng, shape, (14 * mm, 40 * mm)))
    flesh = 1 + 0.02 * _noise(rng, shape, (3 * mm, 26 * mm)) + 0.02 * _noise(rng, shape, (9 * mm, 60 * mm))
    outer, inner = _chord(inside, half), _chord(inside - fat, np.maximum(half - fat, 1))
    skin = outer - _chord(inside - 1.4, np.maximum(half - 1.4, 1))
    density = _FAT * (outer - inner) + _MUSCLE * inner * flesh + 0.002 * skin
    return cv2.GaussianBlur(density.astype(np.float32), (0, 0), 0.5 + 0.7 * mm)


def _capsule(ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The hull of two discs, in 1/16 pixels for cv2."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([ends[0] + radii[0] * ring, ends[1] + radii[1] * ring]) - 0.5
    return np.round(cv2.convexHull(points.astype(np.float32)) * 16).astype(np.int32)


# ---------------------------------------------------------------------------------------------------- fracture


class _Frame(NamedTuple):
    """Coordinates at the break: pixels along and across the bone from the middle of the fracture."""

    origin: np.ndarray  # (2,) canvas pixels within the layer's window
    along: np.ndarray  # (2,) unit, towards the distal end
    across: np.ndarray  # (2,) unit
    half: float  # half the bone's width, pixels

    def points(self, t: np.ndarray, s: np.ndarray) -> np.ndarray:
        return self.origin + np.outer(t, self.along) + np.outer(s, self.across)


class _Piece(NamedTuple):
    """A part of the broken bone and its motion: the weight is a function of (t, s) before the motion."""

    weight: Callable[[np.ndarray, np.ndarray], np.ndarray]
    shift: tuple[float, float]  # pixels along, across
    turn: float = 0.0  # radians
    fade: float = math.inf  # pixels along the bone over which the motion dies out, so the joints stay in place


def _frame(layer: _Layer, setup: _Setup, place: float) -> _Frame | None:
    """The frame at a fraction of the bone's length; None when that place is too close to the film's border."""
    ends = setup.place(layer.bone.axis) - np.array(layer.corner[::-1])
    length = float(np.linalg.norm(ends[1] - ends[0]))
    direction = (ends[1] - ends[0]) / length
    rows, cols = np.nonzero(layer.mask)
    spots = np.stack([cols + 0.5, rows + 0.5], axis=1)
    t = (spots - ends[0]) @ direction
    middles = []
    for offset in (-0.05, 0.0, 0.05):
        near = spots[np.abs(t - (place + offset) * length) < max(1.0, 0.01 * length)]
        if len(near) < 4:
            return None
        middles.append(near.mean(axis=0))
        if offset == 0.0:
            side = (near - middles[-1]) @ np.array([-direction[1], direction[0]])
            half = float(np.ptp(side)) / 2
    along = (middles[2] - middles[0]) / np.linalg.norm(middles[2] - middles[0])
    frame = _Frame(middles[1], along, np.array([-along[1], along[0]]), half)
    reach = 2.2 * half + 6 * setup.fine
    on_canvas = frame.origin + np.array(layer.corner[::-1])
    if np.any(on_canvas < reach) or np.any(on_canvas > np.array(setup.shape[::-1]) - reach):
        return None
    return frame


def _jagged(rng: np.random.Generator, half: float, rough: float) -> Callable[[np.ndarray], np.ndarray]:
    """A fractal line over the bone's width, amplitude ``rough`` half-widths."""
    grid = np.linspace(-3 * half, 3 * half, 97)
    line = np.zeros_like(grid)
    for octave in (4, 8, 16, 32, 64):
        knots = np.linspace(grid[0], grid[-1], 3 * octave // 2)
        line += np.interp(grid, knots, rng.normal(0, 1, len(knots))) / octave**0.8
    line *= rough * half * 1.6
    return lambda s: np.interp(s.ravel(), grid, line).reshape(s.shape).astype(np.float32)


def _step(q: np.ndarray, soft: float) -> np.ndarray:
    return 1 / (1 + np.exp(np.clip(-q / np.float32(soft), -30, 30)))
