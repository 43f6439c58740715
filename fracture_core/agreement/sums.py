"""Intervals of agreement: every coefficient here is a function of sums over films, so one bootstrap serves all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from fracture_core.metrics import ROUNDS, Estimate, proportion
from fracture_core.metrics.resampling import percentile_interval

Disagreement = tuple[np.ndarray, np.ndarray]
"""(observed, expected by chance), each (..., M); a coefficient is 1 − observed / expected."""

_CELLS = 2**22  # resamples × kinds of films held at once: 32 MiB
_ROUNDING = 1e-12  # coefficients and means that differ by less are the same

Formula = Callable[[np.ndarray], Disagreement]
"""From features summed over films, (..., F)."""


def film_bootstrap(
    features: np.ndarray,
    formula: Formula,
    films: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> list[Estimate]:
    """M coefficients, each with its percentile interval over resampled films (Efron and Tibshirani 1993).

    Films whose features are all zero (nobody read them) are no part of the sample. The ends are nan where fewer
    than two films (or groups) are behind a coefficient. Where all resamples agree (readers who never, or always,
    disagreed) resampling cannot tell how sure that is: the interval then follows from the exact interval of a share,
    the observed disagreement of as many films (or groups), the chance term held. A mean of parts of disagreements
    varies less than a share does, so that there the interval is if anything too wide.

    Args:
        features: (N, F), not negative; a film's part of the sums.
        formula: observed and expected disagreement from sums; the observed one lies in [0, 1], and is nan where
            no film is behind it.
        films: (M,) films behind each coefficient.
        groups: (N,) films of one patient or duplicate group share a number; None takes every film alone.
        rounds: resamples; 0 leaves the intervals nan.
    """
    features = np.asarray(features, dtype=np.float64)
    kept = features.any(axis=1)
    features, groups = features[kept], None if groups is None else np.asarray(groups)[kept]
    observed, expected = formula(features.sum(axis=0))
    values = coefficient(observed, expected)
    if not rounds or not len(features):
        return [Estimate(float(value), math.nan, math.nan, int(n)) for value, n in zip(values, films, strict=True)]
    units = features if groups is None else _summed(features, groups)
    # many units are alike (there are few ways to answer), and a resample is its counts of each kind
    kinds, kind, times = np.unique(units, axis=0, return_inverse=True, return_counts=True)
    behind = times @ ~np.isnan(formula(kinds)[0])
    sums = _resampled_sums(kinds, kind.ravel(), rounds=rounds, seed=seed)
    resampled = np.concatenate([coefficient(*formula(piece)) for piece in sums])
    estimates = []
    for index, value in enumerate(values):
        low, high = resampled_interval(resampled[:, index], int(behind[index]))
        if math.isnan(low) and behind[index] > 1 and expected[index] > 0:
            share = proportion(observed[index] * behind[index], behind[index])
            low, high = (max(-1.0, 1 - edge / float(expected[index])) for edge in (share.high, share.low))
        estimates.append(Estimate(float(value), low, high, int(films[index])))
    return estimates


def resampled_interval(values: np.ndarray, units: int) -> tuple[float, float]:
    """The middle 95 % of a statistic over resamples of films (or groups).

    nan with fewer than two of them, or where all resamples agree: resampling then cannot tell how sure that is.
    """
    low, high = percentile_interval(values)
    return (low, high) if units > 1 and high - low > _ROUNDING else (math.nan, math.nan)


def _summed(features: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(G, F) features summed within groups."""
    member = np.unique(groups, return_inverse=True)[1]
    sums = np.zeros((int(member.max()) + 1, features.shape[1]))
    np.add.at(sums, member, features)
    return sums


def _resampled_sums(kinds: np.ndarray, kind: np.ndarray, *, rounds: int, seed: int) -> Iterator[np.ndarray]:
    """``rounds`` rows in all of features summed over units drawn with replacement, in pieces (R, F).

    The draws are those of ``metrics.bootstrap``.

    Args:
        kinds: (K, F) features of each kind of unit.
        kind: (U,) the kind of each unit.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, rounds, rows := max(1, _CELLS // len(kinds))):
        times = np.empty((min(rows, rounds - start), len(kinds)))
        for row in times:
            row[:] = np.bincount(kind[rng.integers(0, len(kind), len(kind))], minlength=len(kinds))
        yield times @ kinds


def coefficient(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """1 − observed / expected; nan where chance leaves nothing to disagree about (all said the same)."""
    expected = np.asarray(expected, dtype=np.float64)
    ratio = np.full(np.shape(observed), math.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0)
    return 1 - ratio


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; nan of nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.divide(part, whole))
