"""Regions that readers marked: their pixels on windows as small as hold them, their overlap, their outlines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.marks import LABEL, Mark, rasterise

Shape = tuple[int, int]
"""(H, W) of a film in pixels."""


@dataclass(frozen=True)
class Overlap:
    """Pixels of two readers' regions on one film."""

    both: int
    first: int
    second: int

    @property
    def iou(self) -> float:
        """Intersection over union (Jaccard); nan where neither marked a pixel."""
        union = self.first + self.second - self.both
        return self.both / union if union else math.nan

    @property
    def dice(self) -> float:
        """Dice coefficient; nan where neither marked a pixel."""
        total = self.first + self.second
        return 2 * self.both / total if total else math.nan


@dataclass(frozen=True, eq=False)
class Patch:
    """Pixels of a film as a bool mask on a small window whose top-left pixel is (left, top)."""

    left: int
    top: int
    mask: np.ndarray

    @property
    def area(self) -> int:
        """How many pixels."""
        return int(np.count_nonzero(self.mask))


def patch_of(mark: Mark, shape: Shape | None = None) -> Patch:
    """The pixels a mark encloses, cut off at the film's edges if its (H, W) is given; a point encloses none."""
    if not mark.is_region:
        return Patch(0, 0, np.zeros((0, 0), dtype=bool))
    left, top, right, bottom = (whole(edge) for whole, edge in zip(_OUTWARDS, mark.bounds, strict=True))
    if shape is not None:
        left, right = (min(max(edge, 0), shape[1]) for edge in (left, right))
        top, bottom = (min(max(edge, 0), shape[0]) for edge in (top, bottom))
    return Patch(left, top, rasterise([mark.outline - (left, top)], (bottom - top, right - left)))


_OUTWARDS = (math.floor, math.floor, math.ceil, math.ceil)


def patches_of(marks: Sequence[Mark], shape: Shape | None = None) -> list[Patch]:
    """The union of a reader's regions as patches that share no pixel, each without what earlier ones hold."""
    found: list[Patch] = []
    for patch in (patch_of(mark, shape) for mark in marks if mark.is_region):
        for earlier in found:
            held, own = _where_both(earlier, patch)
            own &= ~held  # a view: what is held already leaves the patch
        found.append(patch)
    return found


def shared_pixels(first: Patch, second: Patch) -> int:
    """How many pixels two patches share."""
    a, b = _where_both(first, second)
    return int(np.count_nonzero(a & b))


def _where_both(first: Patch, second: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Views of two masks on the window that both cover, which may be empty."""
    left, top = max(first.left, second.left), max(first.top, second.top)
    right = max(left, min(patch.left + patch.mask.shape[1] for patch in (first, second)))
    bottom = max(top, min(patch.top + patch.mask.shape[0] for patch in (first, second)))
    one, other = (
        patch.mask[top - patch.top : bottom - patch.top, left - patch.left : right - patch.left]
        for patch in (first, second)
    )
    return one, other


def overlap(first: Sequence[Patch], second: Sequence[Patch]) -> Overlap:
    """Overlap of two readers' ``patches_of``."""
    both = sum(shared_pixels(a, b) for a in first for b in second)
    return Overlap(both, sum(patch.area for patch in first), sum(patch.area for patch in second))


def region_overlap(first: Sequence[Mark], second: Sequence[Mark], shape: Shape | None = None) -> Overlap:
    """Overlap of the unions of two readers' regions; points have no area.

    Args:
        shape: the film's (H, W); what lies outside is cut off. None cuts nothing off.
    """
    return overlap(patches_of(first, shape), patches_of(second, shape))


def outlines(mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Outer outlines of a bool mask (H, W), float64 (N, 2) each in source pixels, corner convention; holes are lost.

    Contours of the mask at twice its size pass a quarter of a pixel inside its edge, so ``rasterise`` gives the
    mask back, holes filled. Pixels that touch at a corner belong together.
    """
    import cv2

    doubled = np.repeat(np.repeat(np.asarray(mask, dtype=np.uint8), 2, axis=0), 2, axis=1)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    # OpenCV counts from pixel centres: half a pixel to the corner, then back to the mask's own size
    return tuple((contour[:, 0].astype(np.float64) + 0.5) / 2 for contour in contours)


def outline_marks(mask: np.ndarray, *, label: str = LABEL) -> tuple[Mark, ...]:
    """The outer outlines of a bool mask (H, W) as polygons."""
    return tuple(Mark("polygon", tuple(map(tuple, outline.tolist())), label) for outline in outlines(mask))
