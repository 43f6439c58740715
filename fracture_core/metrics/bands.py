"""Pointwise 95 % bands of curves: ROC, precision–recall and net benefit, resampled by group.

A band holds at each place by itself, not along the whole curve at once (Pepe, The Statistical Evaluation of
Medical Tests, 2003, 5.2.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fracture_core.metrics.ranking import steps
from fracture_core.metrics.resampling import resampled_weights

BAND_ROUNDS = 500  # resamples; the ends of a band move by less than a line's width with more


@dataclass(frozen=True, eq=False)
class Band:
    """Where a curve lies in 95 of 100 resamples: arrays (K,), nan where no resample has a value.

    Attributes:
        at: the places on the x axis.
        low, high: the ends at each place.
    """

    at: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc_band(
    labels: np.ndarray,
    scores: np.ndarray,
    *,
    at: np.ndarray,
    groups: np.ndarray | None = None,
    rounds: int = BAND_ROUNDS,
    seed: int = 0,
) -> Band:
    """The band of the sensitivity at each false positive rate.

    Args:
        at: (K,) false positive rates in [0, 1].
        groups: (N,) films of one patient or duplicate group share a number; None takes every film alone.
    """
    labels, scores = np.asarray(labels) == 1, np.asarray(scores, float)

    def sensitivities(weights: np.ndarray) -> np.ndarray:
        hits, called = _counts(labels, scores, weights)
        alarms = called - hits
        both = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
        hits, alarms = hits[both] / hits[both, -1:], alarms[both] / alarms[both, -1:]
        start = np.zeros((len(hits), 1))
        curves = zip(np.hstack([start, alarms]), np.hstack([start, hits]), strict=True)
        return np.array([np.interp(at, fpr, tpr) for fpr, tpr in curves]).reshape(-1, len(at))

    return _band(sensitivities, at, len(labels), groups=groups, rounds=rounds, seed=seed)


def pr_band(
    labels: np.ndarray,
    scores: np.ndarray,
    *,
    at: np.ndarray,
    groups: np.ndarray | None = None,
    rounds: int = BAND_ROUNDS,
    seed: int = 0,
) -> Band:
    """The band of the precision at the highest threshold that reaches each recall.

    Args:
        at: (K,) recalls in (0, 1].
        groups: as of ``roc_band``.
    """
    labels, scores = np.asarray(labels) == 1, np.asarray(scores, float)

    def precisions(weights: np.ndarray) -> np.ndarray:
        hits, called = _counts(labels, scores, weights)
        some = hits[:, -1] > 0
        hits, called = hits[some], called[some]
        places = np.array([np.searchsorted(row, at * row[-1] - 1e-9) for row in hits]).reshape(-1, len(at))
        rows = np.arange(len(hits))[:, None]
        return np.asarray(hits[rows, places] / called[rows, places])

    return _band(precisions, at, len(labels), groups=groups, rounds=rounds, seed=seed)


def net_benefit_band(
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    at: np.ndarray,
    groups: np.ndarray | None = None,
    rounds: int = BAND_ROUNDS,
    seed: int = 0,
) -> Band:
    """The band of the model's net benefit (``decision_curve``) at each threshold probability.

    Args:
        at: (K,) threshold probabilities in [0, 1).
        groups: as of ``roc_band``.
    """
    truth = (np.asarray(labels) == 1)[:, None]
    called = np.asarray(probabilities, float)[:, None] >= at
    gains = called * np.where(truth, 1.0, -at / (1 - at))
    return _band(
        lambda weights: weights @ gains / weights.sum(axis=1, keepdims=True),
        at,
        len(truth),
        groups=groups,
        rounds=rounds,
        seed=seed,
    )


def _counts(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, K) fractured films, and all films, at or above each distinct score, falling, of each resample."""
    order, last = steps(scores)
    drawn = weights[:, order]
    return np.cumsum(drawn * labels[order], axis=1)[:, last], np.cumsum(drawn, axis=1)[:, last]


def _band(
    curve: Callable[[np.ndarray], np.ndarray],
    at: np.ndarray,
    films: int,
    *,
    groups: np.ndarray | None,
    rounds: int,
    seed: int,
) -> Band:
    pieces = [curve(weights) for weights in resampled_weights(films, groups=groups, rounds=rounds, seed=seed)]
    curves = np.concatenate(pieces)
    if not len(curves):
        nothing = np.full(len(at), np.nan)
        return Band(at, nothing, nothing)
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    return Band(at, low, high)
