"""The bootstrap, by film or by group: resamples in turn for any statistic, or many at once as weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fracture_core.metrics.estimates import Estimate

ROUNDS = 2000  # bootstrap resamples
_CELLS = 2**18  # resamples × films held at once: a few arrays of it fit a processor's cache


def clustered(groups: np.ndarray | None) -> bool:
    """Whether films share groups, so that they are no independent trials."""
    return groups is not None and len(np.unique(groups)) < len(groups)


def bootstrap(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    scores: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """A statistic with its percentile bootstrap interval, resampling whole groups (cluster bootstrap).

    Args:
        statistic: of (labels, scores); resamples on which it is nan are left out.
        groups: (N,) films of one patient or duplicate group share a number; None takes every film alone.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    member = _member(len(labels), groups)
    films = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    rng = np.random.default_rng(seed)
    values = np.empty(rounds)
    for index in range(rounds):
        drawn = np.concatenate([films[group] for group in rng.integers(0, len(films), len(films))])
        values[index] = statistic(labels[drawn], scores[drawn])
    return Estimate(float(statistic(labels, scores)), *percentile_interval(values), len(labels))


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of a statistic over resamples; nan is left out, infinite values count as they stand."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    if np.isinf(defined).any():  # nothing lies between a number and infinity: take the outer neighbour
        low = np.percentile(defined, 2.5, method="lower")
        high = np.percentile(defined, 97.5, method="higher")
    else:
        low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def resampled_weights(
    films: int, *, groups: np.ndarray | None = None, rounds: int = ROUNDS, seed: int = 0
) -> Iterator[np.ndarray]:
    """How often each film is drawn: ``rounds`` rows in all, in float64 pieces (R, films).

    The draws are those of ``bootstrap`` with the same groups and seed.
    """
    member = _member(films, groups)
    count = int(member.max()) + 1
    rng = np.random.default_rng(seed)
    piece = max(1, _CELLS // films)
    for start in range(0, rounds, piece):
        rows = min(piece, rounds - start)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        yield times[:, member].astype(float)


def _member(films: int, groups: np.ndarray | None) -> np.ndarray:
    """(N,) each film's group, numbered from 0."""
    member = np.arange(films) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    assert len(member) == films > 0, "one group per film, and at least one film"
    return member
