"""Break a bone: cut its attenuation along a jagged surface, move the pieces, outline the truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import cv2
import numpy as np

from fracture_core.phantom.anatomy import Region
from fracture_core.phantom.attenuation import Layer
from fracture_core.phantom.numerics import either_sign, grown_hull, soft_step
from fracture_core.phantom.positioning import Setup

KINDS: Final = ("transverse", "oblique", "comminuted", "hairline")


class Frame(NamedTuple):
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


def fracture_site(layers: list[Layer], plan: Region, setup: Setup, rng: np.random.Generator) -> tuple[Layer, Frame]:
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


def _frame(layer: Layer, setup: Setup, place: float) -> Frame | None:
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
    frame = Frame(middles[1], along, np.array([-along[1], along[0]]), half)
    reach = 2.2 * half + 6 * setup.fine
    on_canvas = frame.origin + np.array(layer.corner[::-1])
    if np.any(on_canvas < reach) or np.any(on_canvas > np.array(setup.shape[::-1]) - reach):
        return None
    return frame


def break_bone(
    layer: Layer, frame: Frame, kind: str, setup: Setup, rng: np.random.Generator
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
    return broken - whole, window, grown_hull(spots, max(2.5, 0.22 * frame.half / setup.fine))


def _window(layer: Layer, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The layer's density on another window of the canvas, zero where the layer has none."""
    out = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    top, left = layer.corner
    bottom, right = top + layer.density.shape[0], left + layer.density.shape[1]
    y0, y1, x0, x1 = max(top, low[1]), min(bottom, high[1]), max(left, low[0]), min(right, high[0])
    part = layer.density[y0 - top : y1 - top, x0 - left : x1 - left]
    out[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]] = part
    return out


def _cut(kind: str, half: float, fine: int, rng: np.random.Generator) -> tuple[list[_Piece], np.ndarray]:
    """The pieces of a complete fracture, and the (t, s) points its outline has to hold, after the motion."""
    lean = {"transverse": (0, 12), "oblique": (36, 56), "comminuted": (0, 24)}[kind]
    slope = math.tan(math.radians(rng.uniform(*lean))) * either_sign(rng)
    rough = {"transverse": 0.16, "oblique": 0.1, "comminuted": 0.22}[kind]
    jag, soft = _jagged(rng, half, rough), 0.45 * fine
    lateral = rng.uniform(0.16, 0.36) * 2 * half * either_sign(rng)
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
            share = 0.5 * (soft_step(end * (past - depth), soft) + soft_step(end * (past + depth), soft))
            return share * (1 - shatter.wedge(t, s)) * shatter.without_shards(t, s) if shatter else share

        shift = (end * gap / 2, end * lateral / 2)
        pieces.append(_Piece(body, shift, turn * end / 2, fade))
        reach += [np.stack([line + shift[0] + d, s_line + shift[1]], axis=1) for d in (-depth, depth)]
    return pieces, np.concatenate(reach)


def _crack(half: float, fine: int, rng: np.random.Generator) -> tuple[Callable[..., np.ndarray], np.ndarray]:
    """A hairline: the share of bone left at (t, s) along a thin line that may end before the far cortex."""
    slope = math.tan(math.radians(rng.uniform(12, 40))) * either_sign(rng)
    jag, side = _jagged(rng, half, 0.14), either_sign(rng)
    reach, width = float(rng.uniform(0.75, 1.2)) * half, 0.62 * fine
    dark = rng.uniform(0.62, 0.78)

    def left(t: np.ndarray, s: np.ndarray) -> np.ndarray:
        line = np.exp(-(((t - slope * s - jag(s)) / np.float32(width)) ** 2))
        return 1 - dark * line * soft_step(reach - s * side, 0.18 * half)

    s = np.linspace(-1.05 * half, min(reach, 1.05 * half), 15) * side
    return left, np.stack([slope * s + jag(s), s], axis=1)


def _jagged(rng: np.random.Generator, half: float, rough: float) -> Callable[[np.ndarray], np.ndarray]:
    """A fractal line over the bone's width, amplitude ``rough`` half-widths."""
    grid = np.linspace(-3 * half, 3 * half, 97)
    line = np.zeros_like(grid)
    for octave in (4, 8, 16, 32, 64):
        knots = np.linspace(grid[0], grid[-1], 3 * octave // 2)
        line += np.interp(grid, knots, rng.normal(0, 1, len(knots))) / octave**0.8
    line *= rough * half * 1.6
    return lambda s: np.interp(s.ravel(), grid, line).reshape(s.shape).astype(np.float32)


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
        return 0.85 * soft_step(wide - np.abs(t - self.slope * s), self.soft)  # the far cortex keeps some

    def shard(self, k: int, t: np.ndarray, s: np.ndarray) -> np.ndarray:
        t0, s0, size, spin = self.shards[k]
        a = (t - t0) * math.cos(spin) + (s - s0) * math.sin(spin)
        b = (s - s0) * math.cos(spin) - (t - t0) * math.sin(spin)
        return 0.5 * soft_step(size - (np.abs(a) * 0.55 + np.abs(b) + 0.5 * np.maximum(a, -b)), self.soft)

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
                own = soft_step(end * (t - self.slope * s - split - self.jag(0.7 * s)), self.soft)
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
    side, steep, jag = either_sign(rng), float(rng.uniform(0.75, 1.15)), _jagged(rng, half, 0.1)
    shards = []
    for cortex in rng.permutation([-1.0, 1.0, side])[: int(rng.integers(1, 4))]:
        along, size, spin = (float(rng.uniform(*bounds)) for bounds in ((-0.9, 0.9), (0.26, 0.42), (0, math.pi)))
        shards.append((along * half, 0.8 * float(cortex) * half, size * half, spin))
    return _Shatter(half, soft, slope, side, steep, jag, tuple(shards))
