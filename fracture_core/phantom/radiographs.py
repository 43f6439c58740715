"""One radiograph from end to end, and the fixed samples."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fracture_core.errors import UnknownName
from fracture_core.phantom.anatomy import PLANS, REGIONS, draw_limb
from fracture_core.phantom.attenuation import bone_layer, bone_texture, soft_tissue
from fracture_core.phantom.film import expose
from fracture_core.phantom.fracture import KINDS, break_bone, fracture_site
from fracture_core.phantom.numerics import stream
from fracture_core.phantom.positioning import position_limb


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
    if region not in PLANS:
        raise UnknownName("region", region, REGIONS)
    if fracture is not None and fracture not in KINDS:
        raise UnknownName("fracture", fracture, KINDS)
    assert min(size) >= 64, "a radiograph needs at least 64 pixels each way"
    plan = PLANS[region]
    parts = ("person", "grain", "tissue", "film", fracture)
    person, grain, tissue, film, breaking = (stream(seed, f"{region}/{part}") for part in parts)
    setup, limb = position_limb(plan, person, size), draw_limb(plan.limb)
    texture = bone_texture(setup, grain)
    layers = [layer for bone in limb.bones if (layer := bone_layer(bone, setup, texture)) is not None]
    canvas = np.zeros(setup.shape, np.float32)
    for layer in layers:
        (top, left), (height, width) = layer.corner, layer.density.shape
        canvas[top : top + height, left : left + width] += layer.density
    soft = soft_tissue(limb, plan, setup, tissue)
    whole = soft + cv2.resize(canvas, soft.shape[::-1], interpolation=cv2.INTER_AREA)
    density, polygon, bone = whole, None, None
    if fracture is not None:
        layer, frame = fracture_site(layers, plan, setup, breaking)
        change, window, polygon = break_bone(layer, frame, fracture, setup, breaking)
        canvas[window] += change
        density = soft + cv2.resize(canvas, soft.shape[::-1], interpolation=cv2.INTER_AREA)
        bone = layer.bone.name
        polygon = np.clip(polygon, 0, (size[1], size[0]))
        polygon.flags.writeable = False
    pixels = expose(density, whole, setup, film)
    pixels.flags.writeable = False
    spacing = round(setup.fine / setup.scale, 4)
    return Phantom(
        pixels, fracture is not None, fracture, region, polygon, (spacing, spacing), seed, bone, setup.side
    )


@dataclass(frozen=True, eq=False)
class Sample:
    """A named film for a reader without one at hand."""

    title: str
    filename: str
    phantom: Phantom


def samples() -> tuple[Sample, ...]:
    """Three fixed films: a whole humerus, a plain fracture and one that is easy to miss."""
    plans = (
        ("Humerus, no fracture", "humerus_whole_synthetic.png", 26, "humerus", None),
        ("Tibia, oblique fracture", "tibia_oblique_synthetic.png", 1, "leg", "oblique"),
        ("Radius, hairline fracture", "radius_hairline_synthetic.png", 22, "forearm", "hairline"),
    )
    return tuple(
        Sample(title, filename, radiograph(seed=seed, region=region, fracture=kind))
        for title, filename, seed, region, kind in plans
    )
