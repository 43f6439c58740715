"""The bones and the soft tissue of an arm and a leg, and what of them each film shows.

In millimetres: x towards the thumb's or the fibula's side, y away from the body. Adult sizes, drawn by hand
after usual atlas proportions. The upper limb counts y from the elbow joint, the lower limb from the knee.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np


class Bone(NamedTuple):
    """One bone, seen along the beam."""

    name: str
    outline: np.ndarray  # (N, 2) mm, closed
    axis: np.ndarray  # (2, 2) mm, proximal and distal end
    cortex: float  # mm at mid-shaft
    spongy: float = 1.0  # density of the spongy bone, 1 = usual
    depth: float = 1.0  # thickness along the beam over width at the ends, where bones are flat; 1 at mid-shaft
    pits: tuple[tuple[float, float, float, float], ...] = ()  # thinned ellipses: x, y, rx, ry


class Limb(NamedTuple):
    """An arm or a leg: its bones and the soft tissue around them."""

    bones: tuple[Bone, ...]
    envelope: np.ndarray  # (N, 4) mm: y, left edge, right edge, half thickness along the beam
    digits: tuple[np.ndarray, ...]  # per digit (N, 3) mm: x, y, radius of the soft tissue


class Region(NamedTuple):
    """What of a limb a film shows, and where it breaks."""

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
PLANS: Final = {
    "forearm": Region("arm", (2, 150), 410, 1.0, _SITES["forearm"]),
    "hand": Region("arm", (2, 345), 290, 1.0, _SITES["hand"], "PA"),
    "finger": Region("arm", (6, 405), 165, 1.0, _SITES["finger"], "PA"),
    "humerus": Region("arm", (0, -120), 350, 1.15, _SITES["humerus"]),
    "leg": Region("leg", (2, 190), 430, 1.0, _SITES["leg"]),
}
REGIONS: Final = tuple(PLANS)


@cache
def draw_limb(name: str) -> Limb:
    """The solids of an "arm" or a "leg"."""
    if name == "leg":
        bones = [
            _drawn("femur", _FEMUR, ((0, -420), (0, 0)), 5.5, depth=0.75),
            Bone("patella", _ellipse(-1, -32, 21, 22), np.array([[0, -54.0], [0, -10]]), 1.3, 0.7, 0.5),
            _drawn("tibia", _TIBIA, ((0, 4), (0, 364)), 4.8, depth=0.72),
            _drawn("fibula", _FIBULA, ((33, 16), (30, 387)), 3.4),
            _drawn("talus", _TALUS, ((4, 364), (4, 398)), 1.5, spongy=1.3, depth=1.0),
            _drawn("calcaneus", _CALCANEUS, ((2, 393), (2, 441)), 1.5, spongy=1.0, depth=1.1),
            _drawn("tarsus", _TARSUS, ((0, 384), (0, 440)), 1.5, spongy=0.6, depth=0.9),
        ]
        return Limb(tuple(bones), np.array(_LEG, float), ())
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
    return Limb(tuple(bones), np.array(_ARM, float), tuple(chains))


def _drawn(
    name: str,
    points: tuple[tuple[float, float], ...],
    ends: tuple[tuple[float, float], tuple[float, float]],
    cortex: float,
    **more: object,
) -> Bone:
    return Bone(name, _spline(np.array(points, float)), np.array(ends, float), cortex, **more)  # type: ignore[arg-type]


def _carpal(name: str, x: float, y: float, rx: float, ry: float, tilt: float) -> Bone:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    lobes = 1 + 0.05 * np.cos(3 * angle + len(name)) + 0.035 * np.cos(4 * angle + 2 * len(name))
    flat = np.stack([rx * lobes * np.cos(angle), ry * lobes * np.sin(angle)], axis=1)
    c, s = math.cos(math.radians(tilt)), math.sin(math.radians(tilt))
    return Bone(name, flat @ np.array([[c, s], [-s, c]]) + (x, y), np.array([[x, y - ry], [x, y + ry]]), 1.5, 1.35)


def _digit(
    number: str,
    base: tuple[float, float],
    lengths: tuple[float, ...],
    angles: tuple[float, ...],
    width: float,
) -> tuple[list[Bone], np.ndarray]:
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
        bones.append(Bone(f"{name} {number}", _spline(points), ends, 2.2 - 0.25 * k, 1.2, 0.9))
        chain += [(*at, half + (5.5 if k == 0 else 3.6)), (*(at + 0.5 * length * along), half + 2.6)]
        at = at + (length + 1.7) * along
    chain.append((*(at - 1.5 * along), half * 1.05))
    return bones, np.array(chain)


def _spline(points: np.ndarray, steps: int = 6) -> np.ndarray:
    """A closed Catmull-Rom curve through ``points`` (N, 2)."""
    p0, p1, p2, p3 = (np.roll(points, k, axis=0)[:, None] for k in (1, 0, -1, -2))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return (curve / 2).reshape(-1, 2)


def _ellipse(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)
