"""Synthetic limb radiographs and ankle CT series whose truth is known, for demos and tests.

Nothing here comes from a patient. A film is made as a film is made: solids with a cortical shell and marrow
are laid out in millimetres, their attenuation is summed along the beam, and the sum goes through blur,
quantum noise and the display curve of a digital plate. A fracture cuts one bone's attenuation along a jagged
surface and moves the pieces, so a fractured film and its whole twin (same seed, ``fracture=None``) differ
around the fracture only, and the polygon handed out is the truth by construction.

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
from functools import cache, partial
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


# --------------------------------------------------------------------------------------------------- anatomy
# In millimetres: x towards the thumb's or the fibula's side, y away from the body. Adult sizes, drawn by hand
# after usual atlas proportions. The upper limb counts y from the elbow joint, the lower limb from the knee.


class _Bone(NamedTuple):
    name: str
    outline: np.ndarray  # (N, 2) mm, closed
    axis: np.ndarray  # (2, 2) mm, proximal and distal end
    cortex: float  # mm at mid-shaft
    spongy: float = 1.0  # density of the spongy bone, 1 = usual
    depth: float = 1.0  # thickness along the beam over width at the ends, where bones are flat; 1 at mid-shaft
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
    view: str = "AP"


_HUMERUS = (
    (-2, -318), (12, -314), (21, -304), (22, -292), (18, -270), (14, -245), (12, -200), (11, -150),
    (10.5, -100), (13, -65), (17, -45), (24, -30), (28, -20), (25, -12), (23, -5), (18, 1), (11, 2.5),
    (5, -1.5), (-1, 0.5), (-8, 4), (-16, 6), (-20, 1), (-21, -8), (-28, -14), (-33, -21), (-31, -28),
    (-22, -37), (-15, -52), (-11.5, -70), (-10, -100), (-11, -150), (-11, -200), (-12, -245), (-16, -270),
    (-26, -284), (-29, -296), (-26, -308), (-16, -316),
)  # fmt: skip
_ULNA = (
    (-8, -23), (0, -21), (5, -14), (6, -4), (3, 4), (1.5, 14), (0, 25), (-3, 45), (-7, 80), (-9, 120),
    (-11, 160), (-12.5, 200), (-12, 225), (-9, 235), (-7.5, 241), (-11, 245), (-16, 243.5), (-19.5, 249),
    (-22, 247), (-22, 237), (-21, 225), (-22, 200), (-22, 160), (-21.5, 120), (-20.5, 80), (-20, 45),
    (-19, 25), (-20, 14), (-22, 6), (-20.5, -6), (-17, -18),
)  # fmt: skip
_RADIUS = (
    (5, 6), (10, 6.2), (15, 7.2), (20, 6.2), (25, 6), (27, 9), (26.5, 15), (22.5, 21), (21.5, 30), (23, 47),
    (26.5, 80), (28, 120), (27, 160), (24, 195), (23, 214), (25.5, 231), (27, 243), (25, 253), (22, 255),
    (17, 251), (9, 246.5), (1, 244.5), (-5, 244), (-7, 240), (-5, 232), (1, 219), (7.5, 205), (10, 188),
    (14, 160), (15, 120), (13, 80), (9, 55), (5, 42), (4.5, 34), (7, 26), (8, 20), (4.5, 15), (3.5, 9),
)  # fmt: skip
_FEMUR = (
    (14, -420), (14, -300), (15, -200), (16, -120), (20, -85), (29, -62), (39, -42), (43, -27), (42, -12),
    (36, -4), (25, -2), (15, -4.5), (9, -12), (0, -17), (-8, -12), (-14, -4), (-25, -1.5), (-37, -3.5),
    (-44, -13), (-46, -28), (-42, -43), (-31, -62), (-21, -85), (-16, -120), (-14.5, -200), (-14, -300),
    (-14, -420),
)  # fmt: skip
_TIBIA = (
    (-37, 6), (-30, 4), (-18, 5), (-8, 4), (-4, -1), (-1, 3.5), (2, 3.5), (5.5, -1.5), (9, 3.5), (20, 5),
    (30, 4), (37, 6), (38.5, 12), (36.5, 21), (29.5, 33), (21, 50), (16.5, 75), (14.3, 105), (13.2, 145),
    (12.5, 200), (12.5, 250), (14, 300), (17.5, 330), (20.5, 347), (20, 358), (16, 361), (8, 361.5),
    (0, 361), (-9, 361.5), (-12.5, 364), (-14, 371), (-18, 376), (-23, 374), (-25.5, 365), (-25, 352),
    (-21, 332), (-16.5, 305), (-13, 265), (-12, 200), (-13, 145), (-14.8, 105), (-17.5, 75), (-23, 50),
    (-32, 33), (-38.5, 21), (-40, 12),
)  # fmt: skip
_FIBULA = (
    (31, 17), (35, 15.5), (39, 21), (41, 31), (38.5, 42), (36, 60), (35.5, 120), (34.5, 200), (34, 270),
    (34, 320), (36, 342), (38, 360), (35.5, 376), (30, 387), (26, 384), (23.5, 372), (23, 355), (25, 332),
    (24.5, 300), (24, 270), (24, 200), (25, 120), (27, 60), (26.5, 44), (24, 34), (25, 23),
)  # fmt: skip
_TALUS = (
    (-11, 366), (0, 364.5), (10, 365), (19, 364), (21, 372), (22, 384), (19, 396), (4, 399), (-10, 397),
    (-14, 386), (-12, 375),
)  # fmt: skip
_CALCANEUS = (
    (-14, 396), (0, 393), (18, 394), (23, 403), (22, 420), (16, 436), (2, 441), (-12, 436), (-17, 420),
    (-17, 405),
)  # fmt: skip
_TARSUS = (
    (-32, 392), (-20, 384), (0, 388), (20, 386), (30, 396), (34, 414), (30, 432), (8, 440), (-16, 438),
    (-34, 424), (-37, 406),
)  # fmt: skip

_CARPALS = {  # x, y, rx, ry, tilt in degrees
    "scaphoid": (16, 261, 7.4, 13, -38),
    "lunate": (1, 255, 9.2, 7.4, 8),
    "triquetrum": (-13, 259.5, 8, 6.6, 35),
    "pisiform": (-14.5, 263.5, 4.6, 5.2, 0),
    "trapezium": (24, 276, 7.4, 7.4, 25),
    "trapezoid": (12.8, 276.5, 5.8, 6, 10),
    "capitate": (2, 271.5, 7.4, 11.6, 0),
    "hamate": (-11, 273.5, 7.8, 9, 14),
}
_DIGITS = (  # base x, y; lengths; directions in degrees, towards the thumb; half width of the base
    ("1", (26, 284), (45, 31, 23), (36, 27, 20), 6.4),
    ("2", (12.5, 283), (67, 40, 24, 18), (7, 9, 8, 7), 6.8),
    ("3", (2, 284), (63, 44, 28, 18.5), (0, 1, 0, 1), 6.6),
    ("4", (-7.5, 283.5), (56, 41, 27, 18.5), (-8, -7, -6, -5), 5.9),
    ("5", (-16, 281), (52, 33, 19, 16.5), (-17, -16, -13, -10), 5.8),
)
# one half of an outline, as (half width, length) in shares of the bone's own
_METACARPAL = (
    (0, 0.02), (0.95, 0.0), (1.1, 0.06), (0.9, 0.16), (0.6, 0.35), (0.58, 0.55), (0.82, 0.8), (1, 0.89),
    (0.8, 0.965), (0, 1),
)  # fmt: skip
_PHALANX = (
    (0, 0.03), (0.9, 0.0), (1.12, 0.05), (0.95, 0.18), (0.64, 0.45), (0.62, 0.7), (0.82, 0.88),
    (0.78, 0.96), (0.4, 1), (0, 0.975),
)  # fmt: skip
_TUFT = (
    (0, 0.03), (0.9, 0.0), (1.1, 0.06), (0.85, 0.2), (0.42, 0.55), (0.4, 0.72), (0.62, 0.85), (0.5, 0.97),
    (0, 1),
)  # fmt: skip

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

_SITES = {  # where bones break: bone, from, to in shares of its length
    "forearm": (("radius", 0.28, 0.93), ("ulna", 0.35, 0.93)),
    "humerus": (("humerus", 0.27, 0.78),),
    "leg": (("tibia", 0.25, 0.9), ("fibula", 0.3, 0.82)),
    "hand": tuple(
        (f"{name} {digit}", 0.3, 0.77) for name in ("metacarpal", "proximal phalanx") for digit in (1, 2, 3, 4, 5)
    ),
    "finger": tuple((f"{name} phalanx {digit}", 0.3, 0.72) for name in ("proximal", "middle") for digit in (2, 3, 4)),
}
_REGIONS: Final = {
    "forearm": _Region("arm", (2, 150), 410, 1.0, _SITES["forearm"]),
    "hand": _Region("arm", (2, 345), 290, 1.0, _SITES["hand"], "PA"),
    "finger": _Region("arm", (6, 405), 165, 1.0, _SITES["finger"], "PA"),
    "humerus": _Region("arm", (0, -120), 350, 1.15, _SITES["humerus"]),
    "leg": _Region("leg", (2, 190), 430, 1.0, _SITES["leg"]),
}
REGIONS: Final = tuple(_REGIONS)


def _spline(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """A closed Catmull-Rom curve through ``points`` (N, 2)."""
    p0, p1, p2, p3 = (np.roll(points, k, axis=0)[:, None] for k in (1, 0, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return (curve / 2).reshape(-1, 2)


def _drawn(
    name: str,
    points: tuple[tuple[float, float], ...],
    ends: tuple[tuple[float, float], tuple[float, float]],
    cortex: float,
    **more: object,
) -> _Bone:
    return _Bone(name, _spline(np.array(points, float)), np.array(ends, float), cortex, **more)  # type: ignore[arg-type]


def _carpal(name: str, x: float, y: float, rx: float, ry: float, tilt: float) -> _Bone:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    lobes = 1 + 0.05 * np.cos(3 * angle + len(name)) + 0.035 * np.cos(4 * angle + 2 * len(name))
    flat = np.stack([rx * lobes * np.cos(angle), ry * lobes * np.sin(angle)], axis=1)
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    return _Bone(name, flat @ np.array([[c, s], [-s, c]]) + (x, y), np.array([[x, y - ry], [x, y + ry]]), 1.5, 1.35)


def _digit(
    number: str,
    base: tuple[float, float],
    lengths: tuple[float, ...],
    angles: tuple[float, ...],
    width: float,
) -> tuple[list[_Bone], np.ndarray]:
    """One ray's bones from the metacarpal outwards, and the soft tissue around them as (x, y, radius)."""
    plan = [
        ("metacarpal", _METACARPAL, 1.0),
        ("proximal phalanx", _PHALANX, 0.98),
        ("middle phalanx", _PHALANX, 0.86),
        ("distal phalanx", _TUFT, 0.8),
    ]
    if len(lengths) == 3:  # the thumb
        plan.pop(2)
    at, bones, chain = np.array(base, float), [], []
    for k, ((name, half_outline, slender), length, angle) in enumerate(zip(plan, lengths, angles, strict=True)):
        along = np.array([math.sin(math.radians(angle)), math.cos(math.radians(angle))])
        half = width * slender
        shape = np.array(half_outline, float)
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
            _drawn("femur", _FEMUR, ((0, -420), (0, 0)), 5.5, depth=0.75),
            _Bone("patella", _ellipse(-1, -32, 21, 22), np.array([[0, -54.0], [0, -10]]), 1.3, 0.7, 0.5),
            _drawn("tibia", _TIBIA, ((0, 4), (0, 364)), 4.8, depth=0.72),
            _drawn("fibula", _FIBULA, ((33, 16), (30, 387)), 3.4),
            _drawn("talus", _TALUS, ((4, 364), (4, 398)), 1.5, spongy=1.3, depth=1.0),
            _drawn("calcaneus", _CALCANEUS, ((2, 393), (2, 441)), 1.5, spongy=1.0, depth=1.1),
            _drawn("tarsus", _TARSUS, ((0, 384), (0, 440)), 1.5, spongy=0.6, depth=0.9),
        ]
        return _Limb(tuple(bones), np.array(_LEG, float), ())
    bones = [
        _drawn("humerus", _HUMERUS, ((-2, -318), (-2, 5)), 4.2, depth=0.62, pits=((-4, -23, 10, 8),)),
        _drawn("ulna", _ULNA, ((-8, -23), (-17, 248)), 3.4, depth=0.85),
        _drawn("radius", _RADIUS, ((15, 6), (12, 250)), 3.3, depth=0.72),
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


# ------------------------------------------------------------------------------------------------- the setup


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
        (a, b, c), (d, e, f) = self.affine.tolist()
        return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)

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
    field = np.asarray(rng.standard_normal(small, dtype=np.float32))
    blur_x, blur_y = (max(width / step, 0.3) for width in sigma)
    field = np.asarray(cv2.GaussianBlur(field, (0, 0), sigmaX=blur_x, sigmaY=blur_y), np.float32)
    field /= max(float(field.std()), 1e-6)
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _bone_layer(bone: _Bone, setup: _Setup, texture: np.ndarray) -> _Layer | None:
    """Attenuation of a whole bone: a shell of compact bone around spongy bone and marrow."""
    outline = setup.place(bone.outline)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 3, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 3, setup.shape[::-1])
    if np.any(high - low < 4):
        return None
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, [_sixteenths(outline - low)], 1, shift=4)
    if not mask.any():
        return None
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # a squared distance between pixels is whole: OpenCV's root is off by a bit that changes from run to run
    inside = np.sqrt(np.rint(inside * inside)) / np.float32(setup.scale)
    radius, along = _radius(inside, setup.place(bone.axis) - low)
    shaft = np.clip(np.minimum(along, 255 - along) / 255 * 3.4, 0, 1)
    shaft = (shaft * shaft * (3 - 2 * shaft)).astype(np.float32)  # 0 at the ends, 1 in the diaphysis
    thin = min(0.7, 0.35 * bone.cortex)
    cortex = np.float32(thin) + shaft * np.float32(bone.cortex - thin)
    outer = _chord(inside, radius)
    inner = _chord(inside - cortex, np.maximum(radius - cortex, 0.1))
    grain = texture[low[1] : high[1], low[0] : high[0]]
    sponge = (1 - 0.92 * shaft) * bone.spongy
    filled = (_SPONGE * sponge * (1 + 0.2 * grain) + _MARROW * shaft) * inner
    compact = _CORTEX * (1 + 0.03 * grain) * (outer - inner)
    density = (bone.depth + (1 - bone.depth) * shaft) * (compact + filled)
    rows, cols = (np.arange(n, dtype=np.float32) + 0.5 for n in mask.shape)
    for x, y, rx, ry in bone.pits:
        centre = (setup.place(np.array([[x, y]]))[0] - low).astype(np.float32)
        u, v = (cols[None] - centre[0]) / (rx * setup.scale), (rows[:, None] - centre[1]) / (ry * setup.scale)
        density *= 1 - 0.45 * _step(0.8 - u * u - v * v, 0.17)
    return _Layer(bone, density.astype(np.float32), mask, (int(low[1]), int(low[0])))


def _smoothed(values: np.ndarray, width: int) -> np.ndarray:
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


def _sixteenths(points: np.ndarray) -> np.ndarray:
    """Pixels (corner convention) to what cv2 draws with ``shift=4``: sixteenths, from pixel centres."""
    return np.round((points - 0.5) * 16).astype(np.int32)


def _radius(inside: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the bone's width at every pixel (mm), and the place along its axis as 0..255."""
    direction = (axis[1] - axis[0]) / max(float(np.sum((axis[1] - axis[0]) ** 2)), 1e-6) * 255
    axis, direction = axis.astype(np.float32), direction.astype(np.float32)
    rows, cols = (np.arange(n, dtype=np.float32) + 0.5 for n in inside.shape)
    along = (cols[None] - axis[0, 0]) * direction[0] + (rows[:, None] - axis[0, 1]) * direction[1]
    along = np.clip(along, 0, 255)
    index = along.astype(np.uint8)
    widest = np.zeros(256, np.float32)
    np.maximum.at(widest, index.ravel(), inside.ravel())
    known = np.flatnonzero(widest)
    widest = np.interp(np.arange(256), known, widest[known]).astype(np.float32)
    smooth = _smoothed(np.pad(widest, 12, mode="edge"), 25).astype(np.float32)
    return np.maximum(cv2.LUT(index, np.maximum(smooth, 0.5)), inside), along


def _soft_tissue(limb: _Limb, region: _Region, setup: _Setup, rng: np.random.Generator) -> np.ndarray:
    """Attenuation of skin, fat and muscle on the film's grid, float32 (H, W)."""
    fine = setup.fine
    shape = (setup.shape[0] // fine, setup.shape[1] // fine)
    mm = setup.scale / fine
    mask = np.zeros(shape, np.uint8)
    girth = region.girth * rng.uniform(0.92, 1.12)
    y = np.arange(limb.envelope[0, 0], limb.envelope[-1, 0] + 1, 4.0)
    columns = [np.interp(y, limb.envelope[:, 0], limb.envelope[:, k]) for k in (1, 2, 3)]
    left, right, thick = (_smoothed(np.pad(v, 7, mode="edge"), 15) for v in columns)
    bulge = [3.3 * _smoothed(rng.normal(0, 1, len(y) + 20), 21) for _ in range(2)]
    edges = [np.stack([side * girth + wave, y], axis=1) for side, wave in zip((left, right), bulge, strict=True)]
    outline = setup.place(np.concatenate([edges[0], edges[1][::-1]])) / fine
    cv2.fillPoly(mask, [_sixteenths(outline)], 255, shift=4)
    for chain in limb.digits:
        points, radii = setup.place(chain[:, :2]) / fine, chain[:, 2] * mm * (0.5 + 0.5 * girth)
        for k in range(len(points) - 1):
            cv2.fillConvexPoly(mask, _capsule(points[k : k + 2], radii[k : k + 2]), 255, shift=4)
    if limb.digits:  # round the webs between the fingers
        mask = np.where(cv2.GaussianBlur(mask, (0, 0), sigmaX=2.4 * mm) > 120, np.uint8(1), np.uint8(0))
    inside = cv2.GaussianBlur(cv2.distanceTransform(mask, cv2.DIST_L2, 5), (0, 0), 1.3) - np.float32(0.8)
    inside = np.maximum(inside, 0) / np.float32(mm)
    body = setup.y_mm()
    table = np.interp(np.arange(y[0], y[-1], 0.5), y, thick * girth).astype(np.float32)
    half = table[np.clip((body - np.float32(y[0])) * 2, 0, len(table) - 1).astype(np.int32)]
    fat = np.clip(half * 0.13, 1.2, 7) * (1 + 0.22 * _noise(rng, shape, (14 * mm, 40 * mm)))
    flesh = 1 + 0.02 * _noise(rng, shape, (3 * mm, 26 * mm)) + 0.02 * _noise(rng, shape, (9 * mm, 60 * mm))
    outer, inner = _chord(inside, half), _chord(inside - fat, np.maximum(half - fat, 1))
    skin = outer - _chord(inside - 1.4, np.maximum(half - 1.4, 1))
    density = _FAT * (outer - inner) + _MUSCLE * inner * flesh + 0.002 * skin
    return cv2.GaussianBlur(density.astype(np.float32), (0, 0), 0.5 + 0.7 * mm)


def _capsule(ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The hull of two discs, in sixteenths of a pixel."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([ends[0] + radii[0] * ring, ends[1] + radii[1] * ring])
    return _sixteenths(cv2.convexHull(points.astype(np.float32)))


# -------------------------------------------------------------------------------------------------- fracture


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
    fade: float = math.inf  # pixels along the bone until the motion has died out: the joints stay in place


def _frame(layer: _Layer, setup: _Setup, place: float) -> _Frame | None:
    """The frame at a fraction of the bone's length; None when that is too close to the film's border."""
    ends = setup.place(layer.bone.axis) - np.array(layer.corner[::-1])
    length = float(np.linalg.norm(ends[1] - ends[0]))
    direction = (ends[1] - ends[0]) / length
    rows, cols = np.nonzero(layer.mask)
    spots = np.stack([cols + 0.5, rows + 0.5], axis=1)
    t = (spots[:, 0] - ends[0, 0]) * direction[0] + (spots[:, 1] - ends[0, 1]) * direction[1]
    middles = []
    for offset in (-0.05, 0.0, 0.05):
        near = spots[np.abs(t - (place + offset) * length) < max(1.0, 0.01 * length)]
        if len(near) < 4:
            return None
        middles.append(near.mean(axis=0))
        if offset == 0.0:
            half = float(np.ptp(near[:, 1] * direction[0] - near[:, 0] * direction[1])) / 2
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


def _either(rng: np.random.Generator) -> float:
    return -1.0 if rng.random() < 0.5 else 1.0


def _step(q: np.ndarray, soft: float) -> np.ndarray:
    """A soft threshold, 0 below and 1 above zero, ``soft`` pixels wide."""
    return 0.5 + 0.5 * np.tanh(q * np.float32(0.5 / soft))


class _Shatter(NamedTuple):
    """How a comminuted fracture splinters: a wedge off one cortex, and small shards of the cortices."""

    half: float
    soft: float
    slope: float
    side: float  # the wedge's cortex
    steep: float
    jag: Callable[[np.ndarray], np.ndarray]
    shards: tuple[tuple[float, float, float, float], ...]  # t, s, size, spin

    def wedge(self, t: np.ndarray, s: np.ndarray) -> np.ndarray:
        wide = self.steep * (s * self.side + 0.25 * self.half) + self.jag(s)
        return 0.85 * _step(wide - np.abs(t - self.slope * s), self.soft)  # the far cortex keeps some

    def shard(self, k: int, t: np.ndarray, s: np.ndarray) -> np.ndarray:
        t0, s0, size, spin = self.shards[k]
        a = (t - t0) * math.cos(spin) + (s - s0) * math.sin(spin)
        b = (s - s0) * math.cos(spin) - (t - t0) * math.sin(spin)
        return 0.5 * _step(size - (np.abs(a) * 0.55 + np.abs(b) + 0.5 * np.maximum(a, -b)), self.soft)

    def without_shards(self, t: np.ndarray, s: np.ndarray) -> np.ndarray:
        share = np.ones_like(t)
        for k in range(len(self.shards)):
            share *= 1 - self.shard(k, t, s)
        return share

    def pieces(self, rng: np.random.Generator) -> tuple[list[_Piece], list[np.ndarray]]:
        """The wedge in two halves and the shards, pushed outwards; and the points they reach."""
        half, pieces, reach = self.half, [], []
        split = float(rng.uniform(-0.25, 0.25)) * half
        for end in (-1, 1):
            out = float(rng.uniform(0.1, 0.3)) * half * self.side
            move = (end * float(rng.uniform(0.02, 0.16)) * half, out)

            def splinter(t: np.ndarray, s: np.ndarray, end: int = end) -> np.ndarray:
                own = _step(end * (t - self.slope * s - split - self.jag(0.7 * s)), self.soft)
                return own * self.wedge(t, s) * self.without_shards(t, s)

            pieces.append(_Piece(splinter, move, float(rng.normal(0, 0.09))))
            tip = self.slope * half * self.side + end * 1.25 * self.steep * half
            reach.append(np.array([[tip + move[0], half * self.side + out]]))
        for k, (t0, s0, size, _) in enumerate(self.shards):
            out = math.copysign(float(rng.uniform(0.35, 0.7)) * half, s0)
            move = (float(rng.uniform(-0.2, 0.2)) * half, out)
            pieces.append(_Piece(partial(self.shard, k), move))
            corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) * 0.8 * size + np.array([t0, s0])
            reach += [corners, corners + np.array(move)]
        return pieces, reach


def _shatter(half: float, soft: float, slope: float, rng: np.random.Generator) -> _Shatter:
    side, steep, jag = _either(rng), float(rng.uniform(0.75, 1.15)), _jagged(rng, half, 0.1)
    shards = []
    for cortex in rng.permutation([-1.0, 1.0, side])[: int(rng.integers(1, 4))]:
        along, size, spin = (float(rng.uniform(*bounds)) for bounds in ((-0.9, 0.9), (0.26, 0.42), (0, math.pi)))
        shards.append((along * half, 0.8 * float(cortex) * half, size * half, spin))
    return _Shatter(half, soft, slope, side, steep, jag, tuple(shards))


def _cut(kind: str, half: float, fine: int, rng: np.random.Generator) -> tuple[list[_Piece], np.ndarray]:
    """The pieces of a complete fracture, and the (t, s) points its outline has to hold, after the motion."""
    lean = {"transverse": (0, 12), "oblique": (36, 56), "comminuted": (0, 24)}[kind]
    slope = math.tan(math.radians(rng.uniform(*lean))) * _either(rng)
    rough = {"transverse": 0.16, "oblique": 0.1, "comminuted": 0.22}[kind]
    jag, soft = _jagged(rng, half, rough), 0.45 * fine
    lateral = rng.uniform(0.16, 0.36) * 2 * half * _either(rng)
    gap = max(rng.uniform(0.05, 0.14) * half, rng.uniform(1.2, 1.9) * fine)
    if kind == "oblique":  # the distal end slides up along the surface: shortened, the gap stays narrow
        lateral = -0.6 * abs(lateral) * math.copysign(1, slope)
        gap = gap * math.hypot(1, slope) + slope * lateral
    turn, fade = math.radians(rng.uniform(1.5, 5.5)) * math.copysign(1, lateral), 2.9 * half
    depth = rng.uniform(0.08, 0.22) * half  # the surface leans along the beam too: front and back lines part
    shatter = _shatter(half, soft, slope, rng) if kind == "comminuted" else None
    pieces, reach = shatter.pieces(rng) if shatter else ([], [])
    s_line = np.linspace(-1.05, 1.05, 15) * half
    line = slope * s_line + jag(s_line)
    for end in (-1, 1):

        def body(t: np.ndarray, s: np.ndarray, end: int = end) -> np.ndarray:
            past = t - slope * s - jag(s)
            share = 0.5 * (_step(end * (past - depth), soft) + _step(end * (past + depth), soft))
            return share * (1 - shatter.wedge(t, s)) * shatter.without_shards(t, s) if shatter else share

        shift = (end * gap / 2, end * lateral / 2)
        pieces.append(_Piece(body, shift, turn * end / 2, fade))
        reach += [np.stack([line + shift[0] + d, s_line + shift[1]], axis=1) for d in (-depth, depth)]
    return pieces, np.concatenate(reach)


def _crack(half: float, fine: int, rng: np.random.Generator) -> tuple[Callable[..., np.ndarray], np.ndarray]:
    """A hairline: the share of bone left at (t, s) along a thin line that may end before the far cortex."""
    slope = math.tan(math.radians(rng.uniform(12, 40))) * _either(rng)
    jag, side = _jagged(rng, half, 0.14), _either(rng)
    reach, width = float(rng.uniform(0.75, 1.2)) * half, 0.62 * fine
    dark = rng.uniform(0.62, 0.78)

    def left(t: np.ndarray, s: np.ndarray) -> np.ndarray:
        line = np.exp(-(((t - slope * s - jag(s)) / np.float32(width)) ** 2))
        return 1 - dark * line * _step(reach - s * side, 0.18 * half)

    s = np.linspace(-1.05 * half, min(reach, 1.05 * half), 15) * side
    return left, np.stack([slope * s + jag(s), s], axis=1)


def _break(
    layer: _Layer, frame: _Frame, kind: str, setup: _Setup, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[slice, slice], np.ndarray]:
    """Break the bone: the change of density, its window on the canvas, and the truth in film pixels."""
    reach = np.array([1.6, 1.6] if kind == "hairline" else [8.0, 2.4]) * frame.half + 8 * setup.fine
    reach = np.abs(np.stack([frame.along, frame.across], axis=1)) @ reach
    origin = frame.origin + np.array(layer.corner[::-1])
    low = np.maximum(np.floor(origin - reach).astype(int), 0)
    high = np.minimum(np.ceil(origin + reach).astype(int), setup.shape[::-1])
    whole = _window(layer, low, high)
    rows, cols = (np.arange(n, dtype=np.float32) + 0.5 for n in whole.shape)
    x, y = cols[None] - np.float32(origin[0] - low[0]), rows[:, None] - np.float32(origin[1] - low[1])
    t = x * np.float32(frame.along[0]) + y * np.float32(frame.along[1])
    s = x * np.float32(frame.across[0]) + y * np.float32(frame.across[1])
    if kind == "hairline":
        left, hull = _crack(frame.half, setup.fine, rng)
        broken = whole * left(t, s)
    else:
        pieces, hull = _cut(kind, frame.half, setup.fine, rng)
        broken = np.zeros_like(whole)
        for piece in pieces:
            still = np.exp(-((t / np.float32(piece.fade)) ** 2))
            t0 = t - (piece.shift[0] - piece.turn * s) * still
            s0 = s - (piece.shift[1] + piece.turn * t) * still
            map_x = (origin[0] - low[0] - 0.5 + t0 * frame.along[0] + s0 * frame.across[0]).astype(np.float32)
            map_y = (origin[1] - low[1] - 0.5 + t0 * frame.along[1] + s0 * frame.across[1]).astype(np.float32)
            broken += cv2.remap(whole, map_x, map_y, cv2.INTER_LINEAR) * piece.weight(t0, s0)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    spots = frame._replace(origin=origin).points(hull[:, 0], hull[:, 1]) / setup.fine
    return broken - whole, window, _hull(spots, max(2.5, 0.22 * frame.half / setup.fine))


def _window(layer: _Layer, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The layer's density on another window of the canvas, zero where the layer has none."""
    out = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    top, left = layer.corner
    bottom, right = top + layer.density.shape[0], left + layer.density.shape[1]
    y0, y1, x0, x1 = max(top, low[1]), min(bottom, high[1]), max(left, low[0]), min(right, high[0])
    part = layer.density[y0 - top : y1 - top, x0 - left : x1 - left]
    out[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]] = part
    return out


def _hull(points: np.ndarray, margin: float) -> np.ndarray:
    """The convex outline (N, 2) of ``points``, ``margin`` wider all around."""
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = margin * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    grown = (points[:, None] + ring[None]).reshape(-1, 2).astype(np.float32)
    return cv2.approxPolyDP(cv2.convexHull(grown), 0.25, True)[:, 0].astype(np.float64)


# ------------------------------------------------------------------------------------------------------ film


def _film(density: np.ndarray, whole: np.ndarray, setup: _Setup, rng: np.random.Generator) -> np.ndarray:
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


def _plate(film: np.ndarray, whole: np.ndarray, setup: _Setup, rng: np.random.Generator) -> np.ndarray:
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
            film = film + (np.float32(0.93) - film) * _step(deep - far - slant, soft)
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


def _marker(film: np.ndarray, whole: np.ndarray, setup: _Setup, rng: np.random.Generator) -> np.ndarray:
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


def radiograph(
    *, seed: int, region: str = "forearm", fracture: str | None = None, size: tuple[int, int] = (454, 373)
) -> Phantom:
    """Make one radiograph. The same arguments give the same pixels, on every run.

    Args:
        seed: The person, the film and the fracture; non-negative.
        region: One of ``REGIONS``.
        fracture: One of ``KINDS``, or None for a whole limb; the twin with None differs at the fracture only.
        size: (rows, columns), at least 64 each. The default is the size of most FracAtlas films.

    Raises:
        UnknownName: If ``region`` or ``fracture`` is none of those.
    """
    if region not in _REGIONS:
        raise UnknownName("region", region, REGIONS)
    if fracture is not None and fracture not in KINDS:
        raise UnknownName("fracture", fracture, KINDS)
    assert min(size) >= 64, "a radiograph needs at least 64 pixels each way"
    plan = _REGIONS[region]
    parts = ("person", "grain", "tissue", "film", fracture)
    person, grain, tissue, film, breaking = (_stream(seed, f"{region}/{part}") for part in parts)
    setup, limb = _setup(plan, person, size), _limb(plan.limb)
    texture = _texture(setup, grain)
    layers = [layer for bone in limb.bones if (layer := _bone_layer(bone, setup, texture)) is not None]
    canvas = np.zeros(setup.shape, np.float32)
    for layer in layers:
        (top, left), (height, width) = layer.corner, layer.density.shape
        canvas[top : top + height, left : left + width] += layer.density
    soft = _soft_tissue(limb, plan, setup, tissue)
    whole = soft + cv2.resize(canvas, soft.shape[::-1], interpolation=cv2.INTER_AREA)
    density, polygon, bone = whole, None, None
    if fracture is not None:
        layer, frame = _site(layers, plan, setup, breaking)
        change, window, polygon = _break(layer, frame, fracture, setup, breaking)
        canvas[window] += change
        density = soft + cv2.resize(canvas, soft.shape[::-1], interpolation=cv2.INTER_AREA)
        bone = layer.bone.name
        polygon = np.clip(polygon, 0, (size[1], size[0]))
        polygon.flags.writeable = False
    pixels = _film(density, whole, setup, film)
    pixels.flags.writeable = False
    spacing = round(setup.fine / setup.scale, 4)
    return Phantom(
        pixels, fracture is not None, fracture, region, polygon, (spacing, spacing), seed, bone, setup.side
    )


def _stream(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for every purpose, so that a twin draws the same numbers for all they share."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def _texture(setup: _Setup, rng: np.random.Generator) -> np.ndarray:
    """Trabeculae: grain drawn out along the limb, unit variance, float32 (canvas)."""
    shape = (setup.shape[0] // setup.fine, setup.shape[1] // setup.fine)
    fine = max(0.4 * setup.scale / setup.fine, 0.6)
    grain = 0.85 * _noise(rng, shape, (fine, 3.0 * fine)) + 0.5 * _noise(rng, shape, (2.4 * fine, 2.4 * fine))
    return cv2.resize(grain, setup.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _site(layers: list[_Layer], plan: _Region, setup: _Setup, rng: np.random.Generator) -> tuple[_Layer, _Frame]:
    """Where it breaks: a bone first, then a place on it that the film shows."""
    by_name = {layer.bone.name: layer for layer in layers}
    for index in rng.permutation(len(plan.sites)):
        name, low, high = plan.sites[index]
        if name not in by_name:
            continue
        for place in rng.permutation(np.linspace(low, high, 12)):
            frame = _frame(by_name[name], setup, float(place))
            if frame is not None:
                return by_name[name], frame
    raise AssertionError(f"no bone of {plan.limb} lies inside the film")


# --------------------------------------------------------------------------------------------------- samples


@dataclass(frozen=True, eq=False)
class Sample:
    """A named film for a reader without one at hand."""

    title: str
    filename: str
    phantom: Phantom


def samples() -> tuple[Sample, ...]:
    """Three fixed films: a whole forearm, a plain fracture and one that is easy to miss."""
    plans = (
        ("Forearm, no fracture", "forearm_whole_synthetic.png", 29, "forearm", None),
        ("Tibia, oblique fracture", "tibia_oblique_synthetic.png", 1, "leg", "oblique"),
        ("Radius, hairline fracture", "radius_hairline_synthetic.png", 22, "forearm", "hairline"),
    )
    return tuple(
        Sample(title, filename, radiograph(seed=seed, region=region, fracture=kind))
        for title, filename, seed, region, kind in plans
    )


# ----------------------------------------------------------------------------------------------------- files


def to_png(phantom: Phantom) -> bytes:
    """An 8-bit gray PNG."""
    done, data = cv2.imencode(".png", np.round(phantom.pixels * 255).astype(np.uint8))
    assert done
    return data.tobytes()


_ANATOMY: Final = {  # BodyPartExamined (PS3.16 annex L) and its SNOMED CT code
    "forearm": ("FOREARM", "14975008", "Forearm"),
    "hand": ("HAND", "85562004", "Hand"),
    "finger": ("FINGER", "7569003", "Finger"),
    "humerus": ("HUMERUS", "85050009", "Humerus"),
    "leg": ("LEG", "30021000", "Lower leg"),
    "ankle": ("ANKLE", "70258002", "Ankle joint"),
}


def to_dicom(
    phantom: Phantom, *, patient_id: str = "PHANTOM", photometric: str = "MONOCHROME2", bits: int = 12
) -> bytes:
    """A Digital X-Ray Image, For Presentation (PS3.3 A.26), explicit little endian, uncompressed.

    Args:
        phantom: What ``radiograph`` made.
        patient_id: Goes into Patient ID and the study's UID: one patient, one study.
        photometric: "MONOCHROME2", or "MONOCHROME1" with the stored values inverted; both show the same film.
        bits: Bits stored, 8 to 16.
    """
    assert photometric in ("MONOCHROME1", "MONOCHROME2") and 8 <= bits <= 16
    from pydicom.uid import DigitalXRayImageStorageForPresentation

    inverse = photometric == "MONOCHROME1"
    top = 2**bits - 1
    values = np.round(phantom.pixels * top)
    values = (top - values if inverse else values).astype("<u1" if bits == 8 else "<u2")
    study = (patient_id, phantom.seed)
    series = (*study, phantom.region, phantom.kind, photometric, bits, *phantom.pixels.shape)
    ds = _dataset(DigitalXRayImageStorageForPresentation, "DX", patient_id, study, series, (*series, "1"))
    ds.SeriesDescription = f"SYNTHETIC {phantom.region}"
    ds.ImageComments = "SYNTHETIC: computed, not a patient."
    ds.DerivationDescription = "SYNTHETIC: simulated radiograph"
    ds.ImageType = ["DERIVED", "PRIMARY", ""]
    ds.InstanceNumber = 1
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.BodyPartExamined = _ANATOMY[phantom.region][0]
    ds.AnatomicRegionSequence = [_code(*_ANATOMY[phantom.region][1:])]
    ds.ImageLaterality = phantom.side
    ds.ViewPosition = _REGIONS[phantom.region].view
    ds.PatientOrientation = ["L" if ds.ViewPosition == "AP" else "R", "F"]
    ds.AcquisitionContextSequence = []
    ds.DetectorType = "STORAGE"
    ds.ImagerPixelSpacing = ds.PixelSpacing = [f"{v:.4f}" for v in phantom.spacing]
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    ds.LossyImageCompression = "00"
    ds.WindowCenter, ds.WindowWidth = 2 ** (bits - 1), 2**bits
    return _encode(ds, values, photometric, bits)


def _code(value: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item


def _uid(*sources: object) -> str:
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["fracture_core.phantom", *map(str, sources)])


def _dataset(
    sop_class: str,
    modality: str,
    patient_id: str,
    study: tuple[object, ...],
    series: tuple[object, ...],
    instance: tuple[object, ...],
) -> Dataset:
    """What every image carries: patient, study, series, equipment, SOP common (PS3.3 C.7, C.12)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, _uid(modality, "instance", *instance)
    ds.StudyInstanceUID = _uid("study", *study)
    ds.SeriesInstanceUID = _uid(modality, "series", *series)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "PHANTOM^SYNTHETIC", patient_id, "", ""
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = "YES", "SYNTHETIC: no patient exists"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = "20250101"  # fixed: the same bytes every run
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = "120000"
    ds.ReferringPhysicianName, ds.StudyID, ds.AccessionNumber = "", "1", ""
    ds.StudyDescription = "SYNTHETIC phantom"
    ds.Modality, ds.SeriesNumber = modality, 1
    ds.Manufacturer, ds.ManufacturerModelName = "fracture_core", "phantom"
    ds.BurnedInAnnotation = "NO"
    return ds


def _encode(ds: Dataset, values: np.ndarray, photometric: str, bits: int) -> bytes:
    """Attach the pixels and write the file (PS3.10)."""
    from pydicom import dcmwrite

    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, photometric, 0
    ds.Rows, ds.Columns = values.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = values.dtype.itemsize * 8, bits, bits - 1
    data = np.ascontiguousarray(values).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


# -------------------------------------------------------------------------------------------------------- CT
# Patient coordinates in mm as DICOM has them: x to the left, y to the back, z to the head; z = 0 at the ankle
# joint. Every solid is an implicit function of (x, y, z), so any plane can be cut through the same ankle.

VIEWS: Final = ("axial", "coronal", "sagittal")


@dataclass(frozen=True, eq=False)
class CTSlice:
    """One slice of a CT series, with its truth.

    Attributes:
        data: The DICOM file's bytes (CT Image Storage).
        fractured: Whether the fracture crosses this slice.
        polygon: float64 (N, 2), its outline as (x, y) in continuous source pixels; None when it misses.
        position: Millimetres on the patient's axis across the slices: z, y or x by view.
        sop_instance_uid: The file's own identifier.
    """

    data: bytes
    fractured: bool
    polygon: np.ndarray | None
    position: float
    sop_instance_uid: str


class _Solid(NamedTuple):
    """A bone in space: a column, an ellipse at every height, melted together with ellipsoids."""

    name: str
    column: np.ndarray  # (N, 5) mm from the bottom up: z, x, y, rx, ry; or (0, 5)
    balls: np.ndarray  # (M, 6) mm: x, y, z, rx, ry, rz
    cortex: float  # mm
    lobes: float  # how triangular the column is


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
_TENDONS: Final = (  # x, y, rx, ry, HU in the axial plane, bottom z
    (2, 40, 8, 3.2, 95, -38), (-8, -24, 4.5, 2.8, 90, -24), (2, -25, 3.5, 2.4, 90, -24),
    (11, -23, 4.5, 2.2, 88, -24), (-21, 17, 3.6, 3, 90, -50), (-16, 22, 3.2, 2.6, 85, -50),
    (27, 22, 4, 3, 90, -50), (-9, 26, 4, 3.4, 70, -60),
)  # fmt: skip


class _Cleft(NamedTuple):
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


def ct_series(
    *,
    seed: int,
    patient_id: str,
    slices: int = 24,
    fracture: str | None = None,
    view: str = "axial",
    size: tuple[int, int] = (512, 512),
) -> tuple[CTSlice, ...]:
    """One CT series of an ankle in the form wang2024 (Methods) used: 512 x 512 slices, three views.

    The same seed gives the same ankle in all three views, in one study and one frame of reference. Slices
    come in order of ``position``; a fracture can fall between the slices of a coarse series. Hounsfield units
    are stored in 12 bits with rescale intercept -1024.

    Args:
        seed: The ankle and its fracture; non-negative.
        patient_id: Goes into Patient ID and the study's UID.
        slices: How many.
        fracture: One of ``KINDS``, or None.
        view: One of ``VIEWS``.
        size: (rows, columns) of a slice.

    Raises:
        UnknownName: If ``fracture`` or ``view`` is none of those.
    """
    if fracture is not None and fracture not in KINDS:
        raise UnknownName("fracture", fracture, KINDS)
    if view not in VIEWS:
        raise UnknownName("view", view, VIEWS)
    assert slices >= 1 and min(size) >= 64
    person, breaking = (_stream(seed, f"ct/{part}") for part in ("person", fracture))
    build = _build(person)
    clefts = [] if fracture is None else _clefts(fracture, breaking)
    spacing = round(float(person.uniform(0.3, 0.34)) * 512 / min(size), 4)
    low, high = {"axial": (-24.0, 42.0), "coronal": (-26.0, 26.0), "sagittal": (-30.0, 36.0)}[view]
    step = round((high - low) / max(slices - 1, 1), 4)
    out = []
    for number in range(slices):
        plane = _Plane(view, round(low + number * step, 4), spacing, step, size)
        hounsfield, polygon = _slice(build, clefts, plane, _stream(seed, f"ct/{view}/{number}"))
        study = (patient_id, seed, fracture)
        data, uid = _ct_file(hounsfield, plane, number, study, "L" if build.mirror > 0 else "R")
        out.append(CTSlice(data, polygon is not None, polygon, plane.position, uid))
    return tuple(out)


class _Plane(NamedTuple):
    """A slice's place in the patient."""

    view: str
    position: float  # mm
    spacing: float  # mm per pixel, both ways
    step: float  # mm to the next slice
    size: tuple[int, int]

    def points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(x, y, z) of every pixel's centre, broadcastable float32 arrays."""
        down, right = ((np.arange(n, dtype=np.float32) + 0.5 - n / 2) * np.float32(self.spacing) for n in self.size)
        rows, cols, here = down[:, None], right[None], np.full((1, 1), self.position, np.float32)
        if self.view == "axial":
            return cols, rows + 8, here
        return (cols, here, 12 - rows) if self.view == "coronal" else (here, cols + 6, 12 - rows)


class _Build(NamedTuple):
    """One person's ankle: the solids, the skin, and how dense the bone is."""

    solids: tuple[_Solid, ...]
    skin: np.ndarray
    sponge: float  # HU
    mirror: float  # +1 a left ankle, -1 a right one
    phase: np.ndarray


def _build(rng: np.random.Generator) -> _Build:
    size, thick = float(rng.uniform(0.94, 1.06)), float(rng.uniform(0.85, 1.15))
    solids = []
    for name, column, balls, cortex, lobes in _ANKLE:
        own = np.array(balls) * size * rng.uniform(0.97, 1.03, (len(balls), 6))
        solids.append(_Solid(name, _smooth(column) * size, own, cortex * thick, lobes))
    girth = float(rng.uniform(0.95, 1.1))
    skin = _smooth(_ENVELOPE) * size * (1, 1, 1, girth, girth)
    sponge, mirror = float(rng.uniform(140, 230)), _either(rng)
    return _Build(tuple(solids), skin, sponge, mirror, rng.uniform(0, 2 * np.pi, 4))


def _smooth(levels: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """A column's levels at every millimetre, without kinks."""
    if not levels:
        return np.zeros((0, 5))
    table = np.array(levels, float)
    z = np.arange(table[0, 0], table[-1, 0] + 0.5)
    raw = (np.interp(z, table[:, 0], table[:, k]) for k in range(1, 5))
    padded = (np.pad(v, 8, mode="reflect", reflect_type="odd") for v in raw)
    return np.column_stack([z, *(_smoothed(v, 17) for v in padded)])


def _clefts(kind: str, rng: np.random.Generator) -> list[_Cleft]:
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
        clefts.append(_Cleft(bone, spot, unit, waves, float(rng.uniform(*gap)), slide, ceiling + rng.normal(0, 2)))
    return clefts


def _column_depth(column: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, lobes: float = 0.0) -> np.ndarray:
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


def _depth(solid: _Solid, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Millimetres inside a bone, its parts melted together over 5 mm."""
    parts = [_column_depth(solid.column, x, y, z, solid.lobes)] if len(solid.column) else []
    for cx, cy, cz, rx, ry, rz in solid.balls.astype(np.float32):
        u, v, w = np.abs((x - cx) / rx), np.abs((y - cy) / ry), np.abs((z - cz) / rz)
        power = u * u * np.sqrt(u) + v * v * np.sqrt(v) + w * w * np.sqrt(w)
        rho = power ** np.float32(0.4)  # a rounded box, as short bones are
        parts.append((1 - rho) * min(rx, ry, rz))
    depth = parts[0]
    for part in parts[1:]:
        depth = np.maximum(depth, part) + np.maximum(5 - np.abs(depth - part), 0) ** 2 / 20
    return np.asarray(depth, np.float32)


def _box(solid: _Solid, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[slice, slice] | None:
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


def _slice(
    build: _Build, clefts: list[_Cleft], plane: _Plane, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    """Hounsfield units of one plane, float32 (H, W), and the fracture's outline on it."""
    x, y, z = plane.points()
    x = x * np.float32(build.mirror)
    size, spacing = plane.size, plane.spacing
    grain = _noise(rng, size, (0.55 / spacing, 0.55 / spacing))
    hounsfield = _flesh(build, (x, y, z), plane, rng)
    crossing = np.zeros(size, np.uint8)
    for solid in build.solids:
        window = _box(solid, x, y, z)
        if window is None:
            continue
        here = _part_of(x, window), _part_of(y, window), _part_of(z, window)
        texture = grain[window]
        depth = np.broadcast_to(_depth(solid, *here), texture.shape)
        open_to = np.full(texture.shape, np.inf, np.float32)  # mm from the nearest cleft's wall
        for cleft in (c for c in clefts if c.bone == solid.name):
            depth, gap, near = _open(solid, cleft, depth, here)
            open_to = np.minimum(open_to, gap)
            crossing[window] |= near
        height = here[2]
        cortex = np.float32(solid.cortex) * np.clip(0.35 + 0.65 * (height - 5) / 40, 0.35, 1)
        shaft = np.clip((height - 25) / 40, 0, 1)
        sponge = (1 - shaft) * (build.sponge + 55 * texture) + shaft * (-20 + 15 * texture)
        wall = _step(depth - cortex, 0.22)  # 0 in the shell, 1 in the marrow
        bone = (1 - wall) * (1150 + 40 * texture) + wall * sponge
        bone = 45 + _step(np.minimum(open_to, 9), 0.12) * (bone - 45)  # blood fills the cleft
        hounsfield[window] += _step(depth, 0.12) * (bone - hounsfield[window])
    hounsfield = cv2.GaussianBlur(hounsfield, (0, 0), 0.35 / spacing)
    noise = _noise(rng, size, (0.9, 0.9)) - 0.8 * _noise(rng, size, (2.2, 2.2))
    hounsfield = np.clip(hounsfield + np.float32(13) * noise, -1024, 3071).astype(np.float32)
    return hounsfield, _outline(crossing)


def _part_of(v: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """The window of a broadcastable coordinate."""
    rows, cols = (w if n > 1 else slice(None) for w, n in zip(window, v.shape, strict=True))
    return v[rows, cols]


def _open(
    solid: _Solid, cleft: _Cleft, depth: np.ndarray, where: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open a cleft in a solid: the new depth, the distance from the cleft's walls, where it shows."""
    x, y, z = where
    q = np.broadcast_to(cleft.distance(x, y, z), depth.shape)
    here = np.clip((np.float32(min(cleft.ceiling, 1e3)) - z) / 4, 0, 1)  # closes over 4 mm below its ceiling
    if np.any(cleft.shift):
        fade = _step(q, 0.25) * np.exp(-((q / 9) ** 2)) * here
        moved = [v - np.float32(d) * fade for v, d in zip(where, cleft.shift, strict=True)]
        depth = np.where(q > 0, _depth(solid, *moved), depth).astype(np.float32)
    gap = np.abs(q) - np.float32(cleft.gap / 2) * here
    gap = np.where(here > 0.05, gap, np.float32(np.inf)).astype(np.float32)
    near = ((gap < 0.1) & (depth > 0.2) & (here > 0.25)).astype(np.uint8)
    return depth, gap, near


def _flesh(
    build: _Build, where: tuple[np.ndarray, np.ndarray, np.ndarray], plane: _Plane, rng: np.random.Generator
) -> np.ndarray:
    """Air, table, skin, fat, muscle and tendons."""
    x, y, z = where
    depth = np.broadcast_to(_column_depth(build.skin, x, y, z, 0.02), plane.size)
    a, b, c, d = build.phase.astype(np.float32)
    planes = np.sin(0.16 * x + 0.05 * z + a) + np.sin(0.15 * y - 0.04 * z + b)
    planes = planes + np.sin(0.11 * (x + y) + c) + np.sin(0.13 * (x - y) + d)
    muscle = np.clip((z + 10) / 50, 0.05, 1)  # muscle gives way to fat and tendons at the joint
    septa = _step(np.abs(planes) - 0.9 * (1 - muscle) - 0.12, 0.08)
    belly = _step(depth - 6.5 + 1.2 * planes, 0.3) * septa * muscle
    streaks = 12 * _noise(rng, plane.size, (1.2 / plane.spacing, 1.2 / plane.spacing))
    tissue = -95 + streaks + belly * (150 - 0.5 * streaks)
    for tx, ty, rx, ry, value, bottom in _TENDONS:
        rho = np.hypot((x - np.float32(tx)) / np.float32(rx), (y - np.float32(ty)) / np.float32(ry))
        tissue = tissue + _step((1 - rho) * min(rx, ry), 0.25) * _step(z - bottom, 1.0) * (value - tissue)
    tissue = tissue + _step(1.6 - depth, 0.2) * (40 - tissue)
    table = np.abs(y - (72 - x * x / 500))
    air = np.float32(-1000) + 700 * _step(1.0 - table, 0.2)
    return (air + _step(depth, 0.2) * (tissue - air)).astype(np.float32)


def _outline(crossing: np.ndarray) -> np.ndarray | None:
    """The hull of the pixels a fracture crosses, two pixels wider; None for fewer than twelve pixels."""
    rows, cols = np.nonzero(crossing)
    if len(rows) < 12:
        return None
    polygon = _hull(np.stack([cols + 0.5, rows + 0.5], axis=1), 2.5)
    polygon = np.clip(polygon, 0, crossing.shape[::-1])
    polygon.flags.writeable = False
    return polygon


def _ct_file(
    hounsfield: np.ndarray, plane: _Plane, number: int, study: tuple[object, ...], side: str
) -> tuple[bytes, str]:
    """A CT Image (PS3.3 A.3) of one plane, and its SOP Instance UID."""
    from pydicom.uid import CTImageStorage

    view, step = plane.view, plane.step
    series = (*study, view, *plane.size, step)
    ds = _dataset(CTImageStorage, "CT", str(study[0]), study, series, (*series, number))
    ds.SeriesNumber, ds.Laterality = 1 + VIEWS.index(view), side
    ds.SeriesDescription = f"SYNTHETIC ankle {view}"
    ds.ImageComments = "SYNTHETIC: computed, not a patient."
    # PS3.3 C.8.2.1.1.1 knows AXIAL and LOCALIZER only; planes cut across are told by MPR behind it
    kind = ["ORIGINAL", "PRIMARY", "AXIAL"] if view == "axial" else ["DERIVED", "SECONDARY", "AXIAL", "MPR"]
    ds.ImageType = kind
    ds.InstanceNumber, ds.AcquisitionNumber = number + 1, 1
    ds.BodyPartExamined, ds.PatientPosition = _ANATOMY["ankle"][0], "FFS"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = _uid("frame", *study), ""
    ds.ImagePositionPatient = [round(float(v.flat[0]), 4) for v in plane.points()]
    ds.ImageOrientationPatient = {
        "axial": [1, 0, 0, 0, 1, 0],
        "coronal": [1, 0, 0, 0, 0, -1],
        "sagittal": [0, 1, 0, 0, 0, -1],
    }[view]
    ds.PixelSpacing, ds.SliceThickness = [plane.spacing, plane.spacing], step
    ds.SpacingBetweenSlices, ds.SliceLocation = step, plane.position
    ds.KVP, ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 120, -1024, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = 400, 1800  # a bone window
    return _encode(ds, np.round(hounsfield + 1024).astype("<u2"), "MONOCHROME2", 12), str(ds.SOPInstanceUID)
