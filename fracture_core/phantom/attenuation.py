"""What bone and soft tissue take from the beam, summed along it."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np

from fracture_core.phantom.anatomy import Bone, Limb, Region
from fracture_core.phantom.numerics import sixteenths, smooth_noise, smoothed, soft_step
from fracture_core.phantom.positioning import Setup

_CORTEX: Final = 0.036  # /mm above soft tissue: compact bone about 0.057, soft tissue about 0.021 near 60 keV
_SPONGE: Final = 0.0075  # /mm above soft tissue, at the ends
_MARROW: Final = -0.0012  # /mm: yellow marrow is fat
_MUSCLE: Final = 0.0205
_FAT: Final = 0.0175


class Layer(NamedTuple):
    """One bone's attenuation on a window of the canvas."""

    bone: Bone
    density: np.ndarray  # float32 (h, w), optical density
    mask: np.ndarray  # uint8 (h, w)
    corner: tuple[int, int]  # row, column of the window on the canvas


def bone_texture(setup: Setup, rng: np.random.Generator) -> np.ndarray:
    """Trabeculae: grain drawn out along the limb, unit variance, float32 (canvas)."""
    shape = (setup.shape[0] // setup.fine, setup.shape[1] // setup.fine)
    fine = max(0.4 * setup.scale / setup.fine, 0.6)
    strands, grains = (smooth_noise(rng, shape, (a * fine, b * fine)) for a, b in ((1.0, 3.0), (2.4, 2.4)))
    return cv2.resize(0.85 * strands + 0.5 * grains, setup.shape[::-1], interpolation=cv2.INTER_LINEAR)


def bone_layer(bone: Bone, setup: Setup, texture: np.ndarray) -> Layer | None:
    """Attenuation of a whole bone: a shell of compact bone around spongy bone and marrow."""
    outline = setup.place(bone.outline)
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 3, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 3, setup.shape[::-1])
    if np.any(high - low < 4):
        return None
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, [sixteenths(outline - low)], 1, shift=4)
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
        density *= 1 - 0.45 * soft_step(0.8 - u * u - v * v, 0.17)
    return Layer(bone, density.astype(np.float32), mask, (int(low[1]), int(low[0])))


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
    smooth = smoothed(np.pad(widest, 12, mode="edge"), 25).astype(np.float32)
    return np.maximum(cv2.LUT(index, np.maximum(smooth, 0.5)), inside), along


def _chord(depth: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Path length through a round rod of ``radius``, ``depth`` inside its edge: 2 sqrt(r^2 - (r - d)^2)."""
    d = np.clip(depth, 0, radius)
    return 2 * np.sqrt(np.maximum(d * (2 * radius - d), 0))


def soft_tissue(limb: Limb, region: Region, setup: Setup, rng: np.random.Generator) -> np.ndarray:
    """Attenuation of skin, fat and muscle on the film's grid, float32 (H, W)."""
    fine = setup.fine
    shape = (setup.shape[0] // fine, setup.shape[1] // fine)
    mm = setup.scale / fine
    mask = np.zeros(shape, np.uint8)
    girth = region.girth * rng.uniform(0.92, 1.12)
    y = np.arange(limb.envelope[0, 0], limb.envelope[-1, 0] + 1, 4.0)
    columns = [np.interp(y, limb.envelope[:, 0], limb.envelope[:, k]) for k in (1, 2, 3)]
    left, right, thick = (smoothed(np.pad(v, 7, mode="edge"), 15) for v in columns)
    bulge = [3.3 * smoothed(rng.normal(0, 1, len(y) + 20), 21) for _ in range(2)]
    edges = [np.stack([side * girth + wave, y], axis=1) for side, wave in zip((left, right), bulge, strict=True)]
    outline = setup.place(np.concatenate([edges[0], edges[1][::-1]])) / fine
    cv2.fillPoly(mask, [sixteenths(outline)], 255, shift=4)
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
    fat = np.clip(half * 0.13, 1.2, 7) * (1 + 0.22 * smooth_noise(rng, shape, (14 * mm, 40 * mm)))
    strands, bundles = (smooth_noise(rng, shape, (a * mm, b * mm)) for a, b in ((3, 26), (9, 60)))
    flesh = 1 + 0.02 * strands + 0.02 * bundles
    outer, inner = _chord(inside, half), _chord(inside - fat, np.maximum(half - fat, 1))
    skin = outer - _chord(inside - 1.4, np.maximum(half - 1.4, 1))
    density = _FAT * (outer - inner) + _MUSCLE * inner * flesh + 0.002 * skin
    return cv2.GaussianBlur(density.astype(np.float32), (0, 0), 0.5 + 0.7 * mm)


def _capsule(ends: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The hull of two discs, in sixteenths of a pixel."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([ends[0] + radii[0] * ring, ends[1] + radii[1] * ring])
    return sixteenths(cv2.convexHull(points.astype(np.float32)))
