"""Two classifiers on the same films: whose ranking and whose calls are better, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fracture_core.metrics.estimates import Estimate, Z
from fracture_core.metrics.resampling import percentile_interval, resampled_weights
from fracture_core.metrics.summary import perfect_ranking
from fracture_core.metrics.weighted import weighted_auc, weighted_rates

RATES = ("accuracy", "sensitivity", "specificity")


@dataclass(frozen=True)
class McNemar:
    """Films that only one of two classifiers calls right, of ``n``, and whether the two differ.

    ``p`` is exact (McNemar, Psychometrika 12:153, 1947, by the binomial distribution), ``mid_p`` less
    conservative and recommended (Fagerland et al., BMC Med. Res. Methodol. 13:91, 2013). ``difference`` is the
    share right of the first minus that of the second, with the interval of Bonett and Price (J. Educ. Behav.
    Stat. 37:479, 2012). All take films as independent.
    """

    first_only: int
    second_only: int
    n: int
    p: float
    mid_p: float
    difference: Estimate


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """McNemar's test on (N,) bool: whether the first and the second classifier were right."""
    from scipy import stats

    first, second = np.asarray(first, bool), np.asarray(second, bool)
    b, c, n = int((first & ~second).sum()), int((second & ~first).sum()), len(first)
    tail = 2 * float(stats.binom.cdf(min(b, c), b + c, 0.5))
    observed = float(stats.binom.pmf(b, b + c, 0.5))
    mid_p = 1 - observed / 2 if b == c else tail - observed
    p, mid_p = (min(1.0, tail), mid_p) if b + c else (1.0, 1.0)  # nothing speaks for a difference
    return McNemar(b, c, n, p, mid_p, _paired_difference(b, c, n))


def _paired_difference(b: int, c: int, n: int) -> Estimate:
    if not n:
        return Estimate(math.nan, -1.0, 1.0, 0)
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    reach = Z * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return Estimate((b - c) / n, max(-1.0, p - q - reach), min(1.0, p - q + reach), n)


def delong_interval(labels: np.ndarray, scores: np.ndarray) -> Estimate:
    """AUC with DeLong's variance, its interval symmetric on the logit scale and so inside (0, 1).

    At an AUC of 0 or 1 the interval is that of ``perfect_ranking``. nan without a film of each class; the
    interval is nan with fewer than two of each, which have no variance.
    """
    fractured, others = _placements(labels, scores)
    if not len(fractured) or not len(others):
        return Estimate(math.nan, 0.0, 1.0, len(labels))
    auc = float(fractured.mean())
    if auc in (0, 1):
        return replace(perfect_ranking(auc, min(len(fractured), len(others))), n=len(labels))
    centre, reach = math.log(auc / (1 - auc)), Z * math.sqrt(_variance(fractured, others)) / (auc * (1 - auc))
    low, high = (1 / (1 + math.exp(-x)) for x in (centre - reach, centre + reach))
    return Estimate(auc, low, high, len(labels))


@dataclass(frozen=True)
class Comparison:
    """Two classifiers on the same films; every difference is the first minus the second.

    ``first``, ``second``: AUC by ``delong_interval``; ``difference``: of the AUCs, with ``z`` and two-sided
    ``p`` by DeLong's test. These and the McNemar tests take films as independent; ``by_group`` does not: the
    differences of "auc", "accuracy", "sensitivity" and "specificity", bootstrapped by group, or None where no
    groups were given.
    """

    first: Estimate
    second: Estimate
    difference: Estimate
    z: float
    p: float
    accuracy: McNemar
    sensitivity: McNemar
    specificity: McNemar
    by_group: dict[str, Estimate] | None


def compare(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    threshold_first: float,
    threshold_second: float,
) -> Comparison:
    """Compare two classifiers' scores of the same films, (N,) each (DeLong et al., Biometrics 44:837, 1988).

    Sensitivity is compared on the fractured films, specificity on the others, accuracy on all. Equal rankings
    give z = 0 and p = 1; rankings of no variance that differ give an infinite z. With fewer than two films of
    a class z, p and the interval are nan.
    """
    from scipy import stats

    truth, first, second = np.asarray(labels) == 1, np.asarray(first, float), np.asarray(second, float)
    assert truth.shape == first.shape == second.shape, "both score the same films"
    call_first, call_second = first >= threshold_first, second >= threshold_second
    difference, z = _delong_difference(truth, first, second)
    right_first, right_second = call_first == truth, call_second == truth
    return Comparison(
        first=delong_interval(truth, first),
        second=delong_interval(truth, second),
        difference=difference,
        z=z,
        p=float(2 * stats.norm.sf(abs(z))),
        accuracy=mcnemar(right_first, right_second),
        sensitivity=mcnemar(right_first[truth], right_second[truth]),
        specificity=mcnemar(right_first[~truth], right_second[~truth]),
        by_group=None if groups is None else _by_group(truth, (first, call_first), (second, call_second), groups),
    )


def _placements(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each fractured film the share of other films below it, and of each other film that of fractured above.

    Equal scores count half. From midranks, in N log N (Sun and Xu, IEEE Signal Process. Lett. 21:1389, 2014).
    """
    from scipy import stats

    truth, scores = np.asarray(labels) == 1, np.asarray(scores, float)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    ranks = stats.rankdata(scores)
    below = ranks[truth] - stats.rankdata(scores[truth])
    above = positives - (ranks[~truth] - stats.rankdata(scores[~truth]))
    return below / max(negatives, 1), above / max(positives, 1)


def _variance(fractured: np.ndarray, others: np.ndarray) -> float:
    """Variance of a mean over both classes' placements; nan with fewer than two films of a class."""
    if min(len(fractured), len(others)) < 2:
        return math.nan
    return float(np.var(fractured, ddof=1) / len(fractured) + np.var(others, ddof=1) / len(others))


def _delong_difference(truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[Estimate, float]:
    """AUC of the first minus that of the second, and z. Differences film by film hold the covariance."""
    n = len(truth)
    if truth.all() or not truth.any():
        return Estimate(math.nan, -1.0, 1.0, n), math.nan
    fractured, others = (a - b for a, b in zip(_placements(truth, first), _placements(truth, second), strict=True))
    value, error = float(fractured.mean()), math.sqrt(_variance(fractured, others))
    interval = Estimate(value, max(-1.0, value - Z * error), min(1.0, value + Z * error), n)
    if error == 0:
        return interval, math.copysign(math.inf, value) if value else 0.0
    return interval, value / error


def _by_group(
    truth: np.ndarray,
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray,
) -> dict[str, Estimate]:
    """Differences of (scores, calls) with their bootstrap intervals by group, over one set of resamples."""

    def differences(weights: np.ndarray) -> dict[str, np.ndarray]:
        auc = weighted_auc(truth, first[0], weights) - weighted_auc(truth, second[0], weights)
        one, other = (weighted_rates(truth, calls, weights) for _, calls in (first, second))
        return {"auc": auc, **{name: one[name] - other[name] for name in RATES}}

    values = differences(np.ones((1, len(truth))))
    pieces = [differences(weights) for weights in resampled_weights(len(truth), groups=groups)]
    return {
        name: Estimate(
            float(value[0]), *percentile_interval(np.concatenate([piece[name] for piece in pieces])), len(truth)
        )
        for name, value in values.items()
    }
