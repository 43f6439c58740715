"""Which confusion matrices of whole numbers give the figures that are printed.

A row's rates can be read in five ways: of the one class as positive, of the other, as the macro or the weighted
average of both, or as the micro average, where precision, recall, F1 and accuracy are one number. An averaged F1
is the mean of the classes' F1s or the harmonic mean of averaged precision and recall; the precision of a class that
is never called counts as 0 or 1, or is left out. All of these are in use, and any of them will do.

The search goes through all true positives, and through all class sizes where these are unknown, and solves for the
false alarms that remain possible. Its bounds are widened by 1e-9, so that binary rounding can only let a matrix in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fracture_core.claims.figures import Interval
from fracture_core.metrics import ConfusionMatrix

READINGS = ("positive", "negative", "macro average", "weighted average", "micro average")
"""How a row's rates can be meant; the first two name the class that is taken as the positive one."""

KEPT = 3
"""Matrices that are shown of those that fit."""

_CHUNK = 100_000
_BUDGET = 1_000_000  # candidates, or class sizes; a search beyond it is left undecided
_ENOUGH = 1000  # matrices, after which a search stops: they are not unique
_SLACK = 1e-9
_ANY = Interval(Fraction(0), Fraction(1))

Bounds = Mapping[str, Interval]


@dataclass(frozen=True)
class Fits:
    """The matrices of one reading that fit.

    Attributes:
        count: how many; 0 with ``exact`` says that none does.
        exact: whether all candidates were tried.
        matrices: the first of them; the positive class is the reading's, for averages the positive one.
    """

    count: int
    exact: bool
    matrices: tuple[ConfusionMatrix, ...] = ()

    @property
    def possible(self) -> bool:
        return self.count > 0 or not self.exact


def fitting(bounds: Bounds, *, n: int, positives: int | None) -> dict[str, Fits]:
    """By reading, the matrices of n images that give rates within the bounds.

    Args:
        bounds: name by ``figures.RATES`` → interval; AUC is not used, nor specificity beside averages.
        positives: images of the positive class; None where unknown. Of a million images or more it must be known,
            or all readings but the micro average are left undecided.
    """
    if positives is None and n >= _BUDGET:
        return {**dict.fromkeys(READINGS, Fits(0, False)), "micro average": _micro(bounds, n)}
    negatives = None if positives is None else n - positives
    swapped = _of_one_class(bounds, n, negatives)
    return {
        "positive": _of_one_class(bounds, n, positives),
        "negative": swapped,
        "macro average": _averaged(bounds, n, positives, weighted=False),
        "weighted average": _averaged(bounds, n, positives, weighted=True),
        "micro average": _micro(bounds, n),
    }


def whole_numbers(rate: Interval, n: int) -> range:
    """The k with k / n within an interval."""
    return range(-(-rate.low * n // 1), rate.high * n // 1 + 1)


# One class -----------------------------------------------------------------------------------------------


def _of_one_class(bounds: Bounds, n: int, positives: int | None) -> Fits:
    sizes = _middle_out(n) if positives is None else np.array([positives])
    low, high = (float(end) for end in bounds.get("recall", _ANY))
    first = np.ceil(sizes * low - _SLACK).astype(np.int64)
    last = np.minimum(sizes, np.floor(sizes * high + _SLACK)).astype(np.int64)
    last[(sizes == 0) & (low > 0)] = -1  # a recall of nothing is printed as 0, if at all
    count, kept = 0, list[ConfusionMatrix]()
    for places, tp, exact in _grid(first, last):
        p = sizes[places]
        least, most = _false_alarms(bounds, n, p, tp)
        ways = np.maximum(0, most - least + 1)
        count += int(ways.sum())
        for index in np.flatnonzero(ways)[: KEPT - len(kept)]:
            for fp in range(least[index], most[index] + 1)[: KEPT - len(kept)]:
                kept.append(_matrix(tp[index], fp, p[index], n))
        if count >= _ENOUGH or not exact:
            return Fits(count, False, tuple(kept))
    return Fits(count, True, tuple(kept))


def _false_alarms(bounds: Bounds, n: int, p: np.ndarray, tp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most false alarms that each number of hits leaves possible; most < least for none."""
    q = n - p
    least, most = np.zeros(len(tp)), q.astype(float)

    def narrow(low: np.ndarray, high: np.ndarray) -> None:
        np.maximum(least, low, out=least)
        np.minimum(most, high, out=most)

    if "accuracy" in bounds:
        a = bounds["accuracy"]
        narrow(n * float(1 - a.high) - (p - tp), n * float(1 - a.low) - (p - tp))
    if "specificity" in bounds:
        s = bounds["specificity"]
        narrow(q * float(1 - s.high), q * float(1 - s.low))
        most[(q == 0) & bool(s.low > 0)] = -1
    if "precision" in bounds:
        narrow(*_odds(bounds["precision"], tp.astype(float)))
    if "f1" in bounds:
        low, high = _odds(bounds["f1"], 2.0 * tp)  # F1 = 2 TP / (TP + P + FP)
        narrow(low + tp - p, high + tp - p)
    least, most = np.ceil(np.minimum(least, n + 1) - _SLACK), np.floor(np.maximum(most, -1) + _SLACK)
    return least.astype(np.int64), most.astype(np.int64)


def _odds(rate: Interval, top: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of x for which top / (top + x) lies within an interval; what is undefined counts as 0 or as 1."""
    high = top * float(1 / rate.low - 1) if rate.low else np.full(len(top), np.inf)
    low = top * float(1 / rate.high - 1) if rate.high else np.where(top > 0, np.inf, 0.0)
    return low, np.where((top == 0) & bool(0 < rate.low <= rate.high < 1), -np.inf, high)


# Averages ------------------------------------------------------------------------------------------------


def _averaged(bounds: Bounds, n: int, positives: int | None, *, weighted: bool) -> Fits:
    """Both classes must be there: of one alone, programs average in different ways."""
    sizes = _middle_out(n) if positives is None else np.array([positives])
    if positives in (0, n):
        return Fits(0, False)
    sizes = sizes[(sizes > 0) & (sizes < n)]
    accuracy = bounds.get("accuracy", _ANY)
    recall = bounds.get("recall")
    low_recall = 0.0 if recall is None or weighted else float(recall.low)
    most_wrong = n * float(1 - accuracy.low)
    first = np.ceil(np.maximum(sizes - most_wrong, sizes * (2 * low_recall - 1)) - _SLACK)
    count, tried, kept = 0, 0, list[ConfusionMatrix]()
    for places, tp, exact in _grid(np.maximum(0, first).astype(np.int64), sizes):
        if not exact:
            return Fits(count, False, tuple(kept))
        p = sizes[places]
        q = n - p
        least, most = n * float(accuracy.low) - tp, n * float(accuracy.high) - tp
        if recall is not None:
            low, high = float(recall.low), float(recall.high)
            ends = (n * low - tp, n * high - tp) if weighted else ((2 * low - tp / p) * q, (2 * high - tp / p) * q)
            least, most = np.maximum(least, ends[0]), np.minimum(most, ends[1])
        from_tn = np.ceil(np.maximum(0, least) - _SLACK).astype(np.int64)
        to_tn = np.floor(np.minimum(q, most) + _SLACK).astype(np.int64)
        for inner, tn, whole in _grid(from_tn, to_tn):
            good = np.flatnonzero(_averages_fit(bounds, p[inner], tp[inner], q[inner], tn, weighted=weighted))
            count += len(good)
            for index in good[: KEPT - len(kept)]:
                at = inner[index]
                kept.append(_matrix(tp[at], q[at] - tn[index], p[at], n))
            tried += len(inner)
            if count >= _ENOUGH or not whole or tried > _BUDGET:
                return Fits(count, False, tuple(kept))
    return Fits(count, True, tuple(kept))


def _averages_fit(
    bounds: Bounds, p: np.ndarray, tp: np.ndarray, q: np.ndarray, tn: np.ndarray, *, weighted: bool
) -> np.ndarray:
    """Whether averaged precision and F1 lie within their bounds; recall and accuracy are seen to already.

    Specificity is left free: beside averages it may be of either class, or an average too.
    """
    fn, fp = p - tp, q - tn
    called, cleared = tp + fp, tn + fn
    weight = p / (p + q) if weighted else np.full(len(tp), 0.5)

    def mean(own: np.ndarray, other: np.ndarray) -> np.ndarray:
        return weight * own + (1 - weight) * other

    def left_out(own: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The mean without a class that is never called."""
        return np.where(called == 0, other, np.where(cleared == 0, own, mean(own, other)))

    own, other = tp / np.maximum(1, called), tn / np.maximum(1, cleared)
    precisions = [
        mean(own, other),
        mean(np.where(called == 0, 1, own), np.where(cleared == 0, 1, other)),
        left_out(own, other),
    ]
    fit = np.ones(len(tp), dtype=bool)
    if "precision" in bounds:
        fit &= _inside(bounds["precision"], *precisions)
    if "f1" in bounds:
        both = 2 * tp / (p + called), 2 * tn / (q + cleared)
        recall = mean(tp / p, tn / q)
        harmonics = (2 * precision * recall / np.maximum(_SLACK, precision + recall) for precision in precisions)
        fit &= _inside(bounds["f1"], mean(*both), left_out(*both), *harmonics)
    return fit


def _micro(bounds: Bounds, n: int) -> Fits:
    """With one number for all, every split of the errors fits: no matrix can be named."""
    rates = [bounds[name] for name in ("accuracy", "precision", "recall", "f1") if name in bounds]
    one = Interval(max(rate.low for rate in rates), min(rate.high for rate in rates)) if rates else None
    return Fits(n + 1, False) if one and whole_numbers(one, n) else Fits(0, True)


# Counting ------------------------------------------------------------------------------------------------


def _inside(rate: Interval, *ways: np.ndarray) -> np.ndarray:
    """Where a rate, computed in any of these ways, lies within an interval."""
    low, high = float(rate.low) - _SLACK, float(rate.high) + _SLACK
    return np.any([(values >= low) & (values <= high) for values in ways], axis=0)


def _middle_out(n: int) -> np.ndarray:
    """All class sizes from 0 to n, even halves first: where most matrices are."""
    sizes = np.arange(n + 1)
    return sizes[np.argsort(np.abs(2 * sizes - n), kind="stable")]


def _grid(first: np.ndarray, last: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """All whole numbers from first to last of each place, a chunk at a time: (places, numbers, within budget)."""
    lengths = np.maximum(0, last - first + 1)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, min(total, _BUDGET), _CHUNK):
        flat = np.arange(start, min(total, _BUDGET, start + _CHUNK))
        places = np.searchsorted(ends, flat, side="right")
        yield places, first[places] + flat - (ends[places] - lengths[places]), True
    if total > _BUDGET:
        yield np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), False


def _matrix(tp: int, fp: int, p: int, n: int) -> ConfusionMatrix:
    return ConfusionMatrix(tp=int(tp), fp=int(fp), fn=int(p - tp), tn=int(n - p - fp))
