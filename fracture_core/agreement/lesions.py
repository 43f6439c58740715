"""Agreement lesion by lesion: which marks of two readers mean the same fracture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fracture_core.agreement.columns import FilmMarks
from fracture_core.agreement.regions import Overlap, Shape, patch_of, shared_pixels
from fracture_core.agreement.sums import Disagreement, film_bootstrap, share
from fracture_core.marks import Mark, rasterise
from fracture_core.metrics import ROUNDS, Estimate

# Readers draw fractures loosely and of any size: whether they mean the same one is asked, not how well the edges fit.
# The criterion of lesion detection in nnDetection (Baumgartner et al., MICCAI 2021).
MATCH_IOU = 0.1
POINT_TOLERANCE = 20.0  # pixels; not stated; ours


@dataclass(frozen=True)
class Matches:
    """Two readers' marks on one film, by their places in the readers' lists."""

    pairs: tuple[tuple[int, int], ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]


@dataclass(frozen=True)
class LesionAgreement:
    """Marks over all films read by both; ``f1`` is 2 matched / (2 matched + only first + only second)."""

    matched: int
    only_first: int
    only_second: int
    f1: Estimate


def match_marks(
    first: Sequence[Mark],
    second: Sequence[Mark],
    shape: Shape | None = None,
    *,
    threshold: float = MATCH_IOU,
    tolerance: float = POINT_TOLERANCE,
) -> Matches:
    """Match marks one to one: as many pairs as can be, and among these the ones that overlap most (Kuhn 1955).

    Two regions match from an IoU of ``threshold``, a point and a region where the point lies inside, two points
    within ``tolerance`` source pixels of each other.

    Args:
        shape: the film's (H, W); what lies outside is cut off. None cuts nothing off.
    """
    marks = [*first, *second]
    whole = likeness(marks, shape, threshold=threshold, tolerance=tolerance)
    return match(whole[: len(first), len(first) :])


def match(likeness: np.ndarray) -> Matches:
    """The matching of ``match_marks`` from a likeness (A, B) in [0, 1], nan where two marks may not match."""
    from scipy.optimize import linear_sum_assignment

    allowed = ~np.isnan(likeness)
    # a further pair outweighs any likeness, which is at most 1
    worth = np.where(allowed, min(likeness.shape) + 1 + np.nan_to_num(likeness), 0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    pairs = tuple((int(a), int(b)) for a, b in zip(rows, columns, strict=True) if allowed[a, b])
    lonely = (set(range(size)) - {pair[side] for pair in pairs} for side, size in enumerate(likeness.shape))
    only_first, only_second = (tuple(sorted(places)) for places in lonely)
    return Matches(pairs, only_first, only_second)


def likeness(
    marks: Sequence[Mark],
    shape: Shape | None = None,
    *,
    threshold: float = MATCH_IOU,
    tolerance: float = POINT_TOLERANCE,
) -> np.ndarray:
    """Float (M, M), symmetric, how well every two marks of a film match; nan where they may not."""
    patches = [patch_of(mark, shape) for mark in marks]
    areas = [patch.area for patch in patches]
    found = np.full((len(marks), len(marks)), math.nan)
    for a, b in zip(*np.triu_indices(len(marks), 1), strict=True):
        one, other = marks[int(a)], marks[int(b)]
        if one.is_region and other.is_region:
            iou = Overlap(shared_pixels(patches[a], patches[b]), areas[a], areas[b]).iou
            like = iou if iou >= threshold and iou > 0 else math.nan
        elif one.is_region or other.is_region:
            region, point = (one, other) if one.is_region else (other, one)
            like = 1.0 if inside(point, region) else math.nan
        else:
            apart = math.dist(one.points[0], other.points[0])
            like = 1 / (1 + apart) if apart <= tolerance else math.nan
        found[a, b] = found[b, a] = like
    return found


def inside(point: Mark, region: Mark) -> bool:
    """Whether a point mark lies in a region, by the rule that fills pixels: it is taken for a pixel's centre."""
    return bool(rasterise([region.outline - np.asarray(point.points[0]) + 0.5], (1, 1))[0, 0])


def lesion_agreement(
    first: Sequence[FilmMarks],
    second: Sequence[FilmMarks],
    shapes: Sequence[Shape] | None = None,
    *,
    threshold: float = MATCH_IOU,
    tolerance: float = POINT_TOLERANCE,
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> LesionAgreement:
    """Marks of two readers over N films, matched film by film and pooled.

    F1 is nan where neither marked anything; its interval is over resampled films that have a mark, its ``n``
    their number.

    Args:
        first, second: N films' marks; None where the reader did not read the film, which leaves it out.
        shapes: N films' (H, W).
    """
    sizes: Sequence[Shape | None] = shapes or [None] * len(first)
    counts = np.array(
        [
            lesion_counts(match_marks(a, b, shape, threshold=threshold, tolerance=tolerance))
            if a is not None and b is not None
            else (0, 0, 0)
            for a, b, shape in zip(first, second, sizes, strict=True)
        ]
    ).reshape(-1, 3)
    films = np.array([counts.any(axis=1).sum()])
    f1 = film_bootstrap(counts, f1_formula, films, groups=groups, rounds=rounds, seed=seed)[0]
    matched, only_first, only_second = map(int, counts.sum(axis=0))
    return LesionAgreement(matched, only_first, only_second, f1)


def lesion_counts(matches: Matches) -> tuple[int, int, int]:
    """(matched, only first, only second)."""
    return len(matches.pairs), len(matches.only_first), len(matches.only_second)


def f1_formula(sums: np.ndarray) -> Disagreement:
    """From (..., 3) matched, only first, only second."""
    lonely = sums[..., 1:2] + sums[..., 2:]
    observed = share(lonely, 2 * sums[..., :1] + lonely)
    return observed, np.ones_like(observed)
