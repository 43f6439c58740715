"""A film's map against one reader's regions: every score, and each region by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fracture_core.errors import FractureError
from fracture_core.localisation import scores
from fracture_core.localisation.regions import Regions, distance_map, masks, top_to_bottom

COVERED = 0.5  # of a region's area; wang2024 says "pronounced overlap" and gives no rule; ours
FLAT = "the map is flat: it says nothing"


@dataclass(frozen=True)
class RegionScore:
    """One region and the map.

    Attributes:
        name: "area 1", "area 2", ... from top to bottom, as in wang2024, Fig. 5.
        centre: (x, y) of its centroid in source pixels.
        area: in pixels.
        covered: whether the map shows it: the peak lies in it (the pointing game's hit, Zhang et al. 2018), or the
            map cut at the film's threshold covers at least ``COVERED`` of it.
        share: of its area that the cut map covers, in [0, 1]; chance is the film's ``lit``.
        hit: the pointing game on this region alone, in [0, 1].
        peak: the map's largest value inside.
        distance: from the map's peak, pixels; 0 inside.
        distance_mm: the same in mm; None where the film's spacing is not known.

    Of a flat map nothing is covered, and all numbers but ``area`` are nan.
    """

    name: str
    centre: tuple[float, float]
    area: int
    covered: bool
    share: float
    hit: float
    peak: float
    distance: float
    distance_mm: float | None


@dataclass(frozen=True)
class Localisation:
    """One film, one method's map, one reader's regions.

    Attributes:
        film, method, reader: whose map and whose regions.
        group: films of one patient or duplicate group share it; the film's own name unless told.
        split: the film's part in the model's training, "train", "val" or "test"; "" when it is not known.
        shape: (H, W) of the film.
        reason: why there are no scores, in words; "" when there are.
        peak: (x, y) of the map's peak; None of a flat map.
        area: the regions' share of the film: the chance of ``pointing``, ``energy``, ``iou`` (lit everywhere) and
            ``average_precision``.
        area_tolerant: the film's share within ``scores.TOLERANCE`` of a region: the chance of ``pointing_tolerant``.
        distance: from the peak to the nearest region, pixels; ``distance_mm`` None where no spacing is known.
        otsu: Otsu's threshold for this map; ``iou_otsu`` and ``dice_otsu`` are at it.
        threshold: the threshold given (tuned on validation films, usually), nan when none was; ``iou`` and ``dice``
            are at it.
        lit: share of the film that is lit at ``threshold``, or at ``otsu`` where none was given; regions are judged
            by the same cut.
        regions: each region by itself, top to bottom.

    The other fields are named for the functions of ``scores``. All scores of a flat map are nan; summaries count
    it as a miss (see ``summarise_localisation``).
    """

    film: str
    method: str
    reader: str
    group: str
    split: str
    shape: tuple[int, int]
    reason: str
    peak: tuple[float, float] | None
    area: float
    area_tolerant: float
    pointing: float
    pointing_tolerant: float
    distance: float
    distance_mm: float | None
    energy: float
    energy_ratio: float
    average_precision: float
    auroc: float
    otsu: float
    iou_otsu: float
    dice_otsu: float
    threshold: float
    iou: float
    dice: float
    lit: float
    regions: tuple[RegionScore, ...]

    @property
    def flat(self) -> bool:
        """Whether the map says nothing."""
        return bool(self.reason)

    @property
    def covered(self) -> int:
        """How many of the regions the map shows."""
        return sum(region.covered for region in self.regions)

    @property
    def distance_share(self) -> float:
        """``distance`` over the film's long side: comparable between films of different sizes."""
        return self.distance / max(self.shape)


def score_film(
    heat: np.ndarray,
    regions: Regions,
    *,
    film: str = "",
    method: str = "",
    reader: str = "",
    group: str = "",
    split: str = "",
    spacing: tuple[float, float] | None = None,
    threshold: float | None = None,
) -> Localisation:
    """Every score of one map.

    Args:
        heat: float (H, W) in [0, 1] over the film.
        regions: masks or outlines in source pixels.
        spacing: (row, column) distance of neighbouring pixels in mm.
        threshold: where to cut the map for ``iou``, ``dice`` and the regions; Otsu's for the regions when None.

    Raises:
        FractureError: no region lies on the film.
    """
    heat = np.asarray(heat)
    found = top_to_bottom(masks(regions, heat.shape))
    if not found:
        raise FractureError("No region lies on the film. Mark one, or check that the outlines belong to this film.")
    mask = np.logical_or.reduce(found)
    flat = scores.is_flat(heat)
    distances = [distance_map(region) for region in found]
    nearest = np.minimum.reduce(distances)
    peak = scores.peak_pixels(heat)
    whole = np.ones(heat.shape, bool)
    given = math.nan if threshold is None else float(threshold)
    facts: dict[str, Any] = {
        "film": film,
        "method": method,
        "reader": reader,
        "group": group or film,
        "split": split,
        "shape": (int(heat.shape[0]), int(heat.shape[1])),
        "area": float(mask.mean()),
        "area_tolerant": scores.near_share(whole, nearest, tolerance=scores.TOLERANCE),
        "threshold": given,
    }
    if flat:
        return _unscored(facts, found)
    in_mm = None if spacing is None else [distance_map(region, spacing=spacing)[peak] for region in found]
    parting = scores.otsu(heat)
    cut = scores.lit(heat, parting if threshold is None else threshold)
    precision, roc = scores.ranking(heat, mask)
    iou_otsu = scores.iou(heat, mask, threshold=parting)
    iou = math.nan if threshold is None else scores.iou(heat, mask, threshold=threshold)
    return Localisation(
        **facts,
        reason="",
        peak=scores.peak_point(heat),
        pointing=scores.near_share(peak, nearest, tolerance=0.0),
        pointing_tolerant=scores.near_share(peak, nearest, tolerance=scores.TOLERANCE),
        distance=float(nearest[peak].mean()),
        distance_mm=None if in_mm is None else float(np.minimum.reduce(in_mm).mean()),
        energy=scores.energy(heat, mask),
        energy_ratio=scores.energy_ratio(heat, mask),
        average_precision=precision,
        auroc=roc,
        otsu=parting,
        iou_otsu=iou_otsu,
        dice_otsu=2 * iou_otsu / (1 + iou_otsu),
        iou=iou,
        dice=2 * iou / (1 + iou),
        lit=float(cut.mean()),
        regions=tuple(
            _region(
                f"area {place + 1}",
                heat,
                region,
                peak=peak,
                cut=cut,
                distance=float(distances[place][peak].mean()),
                distance_mm=None if in_mm is None else float(in_mm[place].mean()),
            )
            for place, region in enumerate(found)
        ),
    )


def _region(
    name: str,
    heat: np.ndarray,
    region: np.ndarray,
    *,
    peak: np.ndarray,
    cut: np.ndarray,
    distance: float,
    distance_mm: float | None,
) -> RegionScore:
    share, hit = float(cut[region].mean()), float(region[peak].mean())
    return RegionScore(
        name=name,
        centre=_centre(region),
        area=int(region.sum()),
        covered=hit >= 0.5 or share >= COVERED,  # of a tied peak, half of it or more
        share=share,
        hit=hit,
        peak=float(heat[region].max()),
        distance=distance,
        distance_mm=distance_mm,
    )


def _centre(region: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(region)
    return float(columns.mean() + 0.5), float(rows.mean() + 0.5)


def _unscored(facts: dict[str, Any], found: Sequence[np.ndarray]) -> Localisation:
    """A flat map: nan for every score, and no region covered."""
    nan = math.nan
    unseen = tuple(
        RegionScore(f"area {number}", _centre(region), int(region.sum()), False, nan, nan, nan, nan, None)
        for number, region in enumerate(found, 1)
    )
    return Localisation(
        **facts,
        reason=FLAT,
        peak=None,
        pointing=nan,
        pointing_tolerant=nan,
        distance=nan,
        distance_mm=None,
        energy=nan,
        energy_ratio=nan,
        average_precision=nan,
        auroc=nan,
        otsu=nan,
        iou_otsu=nan,
        dice_otsu=nan,
        iou=nan,
        dice=nan,
        lit=nan,
        regions=unseen,
    )
