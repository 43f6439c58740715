"""What a reader draws on a film: marks, in continuous source pixels.

The origin is the top-left corner of the top-left pixel, x to the right, y down (the COCO convention).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fracture_core.errors import FractureError

KINDS = {"box": 2, "polygon": 3, "freehand": 3, "point": 1}
"""Kinds of mark, with the fewest points each needs."""

LABEL = "fracture"


@dataclass(frozen=True)
class Mark:
    """One mark.

    Attributes:
        kind: a key of ``KINDS``.
        points: (x, y) in source pixels. A box has two opposite corners, a polygon and a freehand outline their
            vertices (closed by themselves), a point one.
        label: what is marked.
        note: the reader's words, may be empty.
        id: tells the mark from others of its reading, and stays through edits; "" when it has none yet.
    """

    kind: str
    points: tuple[tuple[float, float], ...]
    label: str = LABEL
    note: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FractureError(f"Unknown kind of mark '{self.kind}'. Choose from: {', '.join(KINDS)}.")
        fewest, exact = KINDS[self.kind], self.kind in ("box", "point")
        if len(self.points) < fewest or (exact and len(self.points) != fewest):
            raise FractureError(f"A {self.kind} has {fewest} points{'' if exact else ' or more'}: mark it again.")
        if not np.isfinite(np.asarray(self.points, float)).all():
            raise FractureError(f"A {self.kind} has a point that is no number: mark it again.")

    @property
    def outline(self) -> np.ndarray:
        """float64 (N, 2): a box's four corners, else the points themselves."""
        points = np.asarray(self.points, dtype=np.float64)
        if self.kind != "box":
            return points
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom)."""
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def is_region(self) -> bool:
        """Whether it encloses an area: all kinds but a point."""
        return self.kind != "point"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as stored and as the viewer takes it."""
        return {**asdict(self), "points": [list(point) for point in self.points]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Mark:
        """The mark of ``to_dict``.

        Raises:
            FractureError: the data is no mark.
        """
        try:
            points = tuple((float(x), float(y)) for x, y in data["points"])
            words = {name: str(data.get(name, "")) for name in ("note", "id")}
            return cls(str(data["kind"]), points, str(data.get("label") or LABEL), **words)
        except (KeyError, TypeError, ValueError) as error:
            raise FractureError("This is no mark: it needs a kind and its points.") from error


def rasterise(outlines: Iterable[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The union of closed outlines as bool (H, W): pixels whose centre lies inside (non-zero winding).

    Args:
        outlines: float (N, 2) vertices each; fewer than three enclose nothing.
        shape: (H, W) in pixels; what lies outside is cut off.
    """
    mask = np.zeros(shape, dtype=bool)
    for outline in outlines:
        mask |= _fill(np.asarray(outline, dtype=np.float64), shape)
    return mask


def region_mask(marks: Sequence[Mark], shape: tuple[int, int]) -> np.ndarray:
    """The union of the marks that enclose an area, bool (H, W)."""
    return rasterise([mark.outline for mark in marks if mark.is_region], shape)


def _fill(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Each edge turns the winding number by one for every pixel to its right, in each row that it crosses."""
    height, width = shape
    mask = np.zeros(shape, dtype=bool)
    (x0, y0), (x1, y1) = outline.T, np.roll(outline, -1, axis=0).T
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, height).astype(int)
    last = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, height).astype(int)
    counts = last - first
    if not counts.any():
        return mask
    edge = np.repeat(np.arange(len(outline)), counts)  # one entry for every row that an edge crosses
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    crossings = x0[edge] + (rows + 0.5 - y0[edge]) * slope
    columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(int)
    top, bottom, left = rows.min(), rows.max() + 1, columns.min()
    turns = np.zeros((bottom - top, columns.max() + 1 - left), dtype=np.int32)
    np.add.at(turns, (rows - top, columns - left), np.where(y1 > y0, 1, -1)[edge])
    # beyond the last crossing the winding number is zero again
    mask[top:bottom, left : columns.max()] = np.cumsum(turns, axis=1)[:, :-1] != 0
    return mask
