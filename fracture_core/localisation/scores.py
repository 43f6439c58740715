"""How well a map shows expert regions: one pure function for each score.

Throughout, ``heat`` is float (H, W) in [0, 1] over the film, finite, and ``regions`` are masks or outlines in source
pixels (see ``regions.Regions``), of which at least one lies on the film. Regions count together, as their union.

A map may be largest at several pixels: where the network's outermost cells reach beyond the film's edge, or in a
crop's margin, its values repeat. Scores of the peak are then means over all those pixels: what one of them, drawn at
random, would score. A map that is the same everywhere hence scores what chance does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fracture_core.localisation.regions import Regions, area_share, distance_map, union

TOLERANCE = 0.03  # of the film's long side. Zhang et al. 2018 allow 15 px on pictures of about 500 px
TIE = 1e-6  # what float32 interpolation may add to equal values; a slope that is one exceeds it manifold
THRESHOLDS = np.arange(1, 100) / 100
"""Among which ``tune_threshold`` chooses."""


def is_flat(heat: np.ndarray) -> bool:
    """Whether a map says nothing: the same everywhere, or no number."""
    return not np.isfinite(heat).all() or float(heat.max() - heat.min()) <= TIE


# The peak --------------------------------------------------------------------------------------------


def peak_pixels(heat: np.ndarray) -> np.ndarray:
    """Where the map is largest, up to ``TIE``: bool (H, W), at least one pixel."""
    return heat >= heat.max() - TIE


def peak_point(heat: np.ndarray) -> tuple[float, float]:
    """The mean centre (x, y) of the peak's pixels."""
    rows, columns = np.nonzero(peak_pixels(heat))
    return float(columns.mean() + 0.5), float(rows.mean() + 0.5)


def pointing(heat: np.ndarray, regions: Regions, *, tolerance: float = 0.0) -> float:
    """The pointing game: 1 when the map's peak lies in a region, else 0; between for tied peaks.

    Zhang et al., Top-down neural attention by excitation backprop, Int. J. Comput. Vis. 126:1084 (2018).

    Args:
        tolerance: how far outside still counts, as a share of the film's long side (``TOLERANCE`` is usual).
    """
    return near_share(peak_pixels(heat), distance_map(union(regions, heat.shape)), tolerance=tolerance)


def pointing_chance(regions: Regions, shape: tuple[int, int], *, tolerance: float = 0.0) -> float:
    """What a peak placed at random scores: the share of the film's area within the tolerance of a region."""
    distances = distance_map(union(regions, shape))
    return near_share(np.ones(shape, bool), distances, tolerance=tolerance)


def near_share(pixels: np.ndarray, distances: np.ndarray, *, tolerance: float) -> float:
    """Share of ``pixels``, bool (H, W), within the tolerance of a region (``distances`` of ``distance_map``)."""
    return float((distances[pixels] <= tolerance * max(distances.shape)).mean())


def peak_distance(heat: np.ndarray, regions: Regions, *, spacing: tuple[float, float] | None = None) -> float:
    """From the map's peak to the nearest region, 0 inside: pixels, or mm where ``spacing`` (row, column) is given."""
    return float(distance_map(union(regions, heat.shape), spacing=spacing)[peak_pixels(heat)].mean())


# The whole map ---------------------------------------------------------------------------------------


def energy(heat: np.ndarray, regions: Regions) -> float:
    """The energy-based pointing game: the share of the map's sum that lies in the regions; nan of a zero map.

    Wang et al., Score-CAM, CVPR Workshops 2020.
    """
    total = float(heat.sum(dtype=np.float64))
    return float(heat[union(regions, heat.shape)].sum(dtype=np.float64)) / total if total else math.nan


def energy_ratio(heat: np.ndarray, regions: Regions) -> float:
    """``energy`` over the regions' share of the area: 1 for a map that knows nothing, more for one that does."""
    return energy(heat, regions) / area_share(regions, heat.shape)


def average_precision(heat: np.ndarray, regions: Regions) -> float:
    """Area under the precision–recall curve over pixels, by steps; equal values are one step.

    Chance is the regions' share of the area. Exact: no value is rounded or left out.
    """
    return ranking(heat, union(regions, heat.shape))[0]


def auroc(heat: np.ndarray, regions: Regions) -> float:
    """The chance that a pixel of a region is warmer than one outside, ties by half; nan when nothing is outside."""
    return ranking(heat, union(regions, heat.shape))[1]


def ranking(heat: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """``average_precision`` and ``auroc`` from one sorting."""
    inside, everything = np.sort(heat[mask]), np.sort(heat, axis=None)
    values, below_inside, count = np.unique(inside, return_index=True, return_counts=True)
    below = np.searchsorted(everything, values, side="left")
    equal = np.searchsorted(everything, values, side="right") - below
    hits, called = len(inside) - below_inside, len(everything) - below
    precision = float((count * (hits / called)).sum() / len(inside))
    outside = len(everything) - len(inside)
    if not outside:
        return precision, math.nan
    colder = (below - below_inside) + (equal - count) / 2
    return precision, float((count * (colder / outside)).sum() / len(inside))


# The map cut at a threshold --------------------------------------------------------------------------


def otsu(heat: np.ndarray) -> float:
    """The threshold that parts a map's values best: largest variance between the two classes; nan of a flat map.

    Otsu, IEEE Trans. Syst. Man Cybern. 9:62 (1979), over 256 levels. Between levels that no pixel has, the middle.
    """
    if is_flat(heat):
        return math.nan
    counts = np.bincount(np.round(np.clip(heat, 0, 1) * 255).astype(np.uint8).ravel(), minlength=256)
    below = np.cumsum(counts)[:-1] / heat.size
    mean_below = np.cumsum(counts * np.arange(256))[:-1] / heat.size
    mean = float(counts @ np.arange(256)) / heat.size
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.nan_to_num((mean * below - mean_below) ** 2 / (below * (1 - below)))
    if not between.any():  # all on one level: parted at its middle, above which the warmer ones are
        return float(heat.min() + heat.max()) / 2
    best = np.flatnonzero(np.isclose(between, between.max(), rtol=1e-12, atol=0))
    return float(best.mean() + 0.5) / 255


def lit(heat: np.ndarray, threshold: float) -> np.ndarray:
    """The map cut at a threshold: bool (H, W), values at or above it."""
    return heat >= heat.dtype.type(threshold)


def iou(heat: np.ndarray, regions: Regions, *, threshold: float) -> float:
    """Intersection over union of cut map and regions, in [0, 1]; a map lit everywhere scores the area share."""
    both, either = _overlap(heat, union(regions, heat.shape), threshold)
    return both / either


def dice(heat: np.ndarray, regions: Regions, *, threshold: float) -> float:
    """Twice the intersection over the sum of both areas, in [0, 1]: 2 IoU / (1 + IoU)."""
    both, either = _overlap(heat, union(regions, heat.shape), threshold)
    return 2 * both / (both + either)


def dice_curve(heat: np.ndarray, regions: Regions, thresholds: np.ndarray = THRESHOLDS) -> np.ndarray:
    """``dice`` at each threshold, float (K,)."""
    mask = union(regions, heat.shape)
    inside, everything = np.sort(heat[mask]), np.sort(heat, axis=None)
    levels = np.asarray(thresholds).astype(heat.dtype)
    both, called = (len(values) - np.searchsorted(values, levels) for values in (inside, everything))
    return np.asarray(2 * both / (called + len(inside)))


def tune_threshold(heats: Iterable[np.ndarray], regions: Iterable[Regions]) -> float:
    """The threshold of ``THRESHOLDS`` with the highest mean Dice over films: to be chosen on validation films.

    Flat maps score 0 at every threshold, and so have no say. Of equals, the lowest threshold.

    Raises:
        ValueError: there is no film.
    """
    curves = [
        np.zeros(len(THRESHOLDS)) if is_flat(heat) else dice_curve(heat, marked)
        for heat, marked in zip(heats, regions, strict=True)
    ]
    return best_threshold(curves)


def best_threshold(curves: Iterable[np.ndarray]) -> float:
    """The threshold at which films' Dice curves over ``THRESHOLDS`` are highest on average.

    Raises:
        ValueError: there is no curve.
    """
    rows = list(curves)
    if not rows:
        raise ValueError("a threshold is tuned on at least one film")
    return float(THRESHOLDS[int(np.argmax(np.mean(rows, axis=0)))])


def _overlap(heat: np.ndarray, mask: np.ndarray, threshold: float) -> tuple[int, int]:
    """Pixels in both the cut map and the mask, and in either."""
    cut = lit(heat, threshold)
    return int((cut & mask).sum()), int((cut | mask).sum())
