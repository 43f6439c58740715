"""A classifier's usual statistics at one threshold, over all films and within subgroups."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fracture_core.metrics.calibration import brier, expected_calibration_error
from fracture_core.metrics.confusion import ConfusionMatrix
from fracture_core.metrics.estimates import Estimate, Z, proportion
from fracture_core.metrics.ranking import average_precision, roc_auc
from fracture_core.metrics.resampling import clustered, percentile_interval, resampled_weights
from fracture_core.metrics.weighted import weighted_statistics

BY_COUNTS = (
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "negative_predictive_value",
    "likelihood_ratio_positive",
    "likelihood_ratio_negative",
)
RATES = ("balanced_accuracy", "f1", *BY_COUNTS)
FEW = 30
"""Groups of a class below which the bootstrap's interval of an AUC is too narrow: with 5 it holds the truth in 74 to
84 % of cases, with 25 in 90 to 93 (normal scores against 60 whole films, AUC 0.74 to 0.95; docs/LOG.md)."""


def summarise(
    labels: np.ndarray, probabilities: np.ndarray, *, threshold: float, groups: np.ndarray | None = None
) -> dict[str, Estimate]:
    """The usual statistics of a classifier at one threshold, each with its interval.

    AUC, average precision, Brier score, calibration error, F1 and balanced accuracy are always bootstrapped by
    group (2,000 resamples). Accuracy, sensitivity, specificity, precision and negative predictive value carry
    exact intervals, the likelihood ratios the log method's, as long as films are independent; where films share
    groups (``clustered``), these would be too narrow, and the bootstrap by group takes their place. Resampling adds
    noise to every bin, which only raises the calibration error: its interval is widened to hold the measured value.

    Where all resamples agree (every film of a kind called right), resampling cannot tell how sure that is: the
    interval then is the ``ConfusionMatrix``'s for as many films as there are groups and, for the AUC and the average
    precision, that of ``perfect_ranking``. Of fewer than ``FEW`` groups of a class resampling draws the same ones
    again and again: the AUC's interval is then widened to hold Newcombe's. A single group cannot be resampled at all:
    what has no interval but the bootstrap's then has none (nan).

    Args:
        labels: (N,) 0 and 1; N at least 1.
        probabilities: (N,) finite.
        groups: (N,) films of one patient or duplicate group share a number; None takes every film alone.
    """
    labels, probabilities = np.asarray(labels) == 1, np.asarray(probabilities, float)
    assert np.isfinite(probabilities).all(), "probabilities are finite"
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    intervals = _bootstrapped(labels, probabilities, threshold=threshold, groups=groups)
    ranked = {
        "auc": roc_auc(labels, probabilities),
        "average_precision": average_precision(labels, probabilities),
        "brier": brier(labels, probabilities),
        "ece": expected_calibration_error(labels, probabilities),
    }
    found = {name: Estimate(value, *intervals[name], len(labels)) for name, value in ranked.items()}
    ece = found["ece"]
    found["ece"] = replace(ece, low=min(ece.low, ece.value))
    fractured, others, whole = (len(np.unique(groups[part])) for part in (labels, ~labels, ...))
    if found["auc"].value in (0, 1):
        pairs = max(1, min(fractured, others, whole // 2))  # no group in two pairs, not even with itself
        sure = replace(perfect_ranking(found["auc"].value, pairs), n=len(labels))
        found["auc"] = sure
        if found["average_precision"].value == 1:
            found["average_precision"] = sure
    elif 0 < min(fractured, others) < FEW:
        auc = found["auc"]
        low, high = newcombe(auc.value, fractured, others)
        found["auc"] = replace(auc, low=float(np.fmin(low, auc.low)), high=float(np.fmax(high, auc.high)))

    matrix = ConfusionMatrix.from_scores(labels, probabilities, threshold=threshold)
    effective = matrix.scaled(len(np.unique(groups)) / len(labels))
    for name in RATES:
        rate: Estimate = getattr(matrix, name)
        if clustered(groups) or name not in BY_COUNTS:
            low, high = intervals[name]
            if not low < high:
                counted: Estimate = getattr(effective, name)
                low, high = counted.low, counted.high
            rate = replace(rate, low=low, high=high)
        found[name] = rate
    return found


def _bootstrapped(
    labels: np.ndarray, probabilities: np.ndarray, *, threshold: float, groups: np.ndarray
) -> dict[str, tuple[float, float]]:
    """Every statistic's interval from one set of resamples by group; nan where there is but one group."""
    alone = len(np.unique(groups)) < 2
    pieces = [
        weighted_statistics(labels, probabilities, weights, threshold=threshold)
        for weights in resampled_weights(len(labels), groups=groups)
    ]
    return {
        name: (math.nan, math.nan)
        if alone
        else percentile_interval(np.concatenate([piece[name] for piece in pieces]))
        for name in pieces[0]
    }


def newcombe(auc: float, fractured: int, others: int) -> tuple[float, float]:
    """The score interval of an AUC in (0, 1), by the numbers of films (or groups) of each class.

    Newcombe, Stat. Med. 25:559 (2006), method 5: Hanley and McNeil's variance of exponential scores at the bound
    itself. From a single fractured film on it holds the truth as often as it says.
    """
    from scipy import optimize

    mean = (fractured + others) / 2 - 1

    def beyond(bound: float) -> float:
        spread = 1 + mean * ((1 - bound) / (2 - bound) + bound / (1 + bound))
        return (auc - bound) ** 2 - Z**2 * bound * (1 - bound) * spread / (fractured * others)

    return float(optimize.brentq(beyond, 0, auc)), float(optimize.brentq(beyond, auc, 1))


def perfect_ranking(auc: float, pairs: int) -> Estimate:
    """The interval of an AUC of 0 or 1, where DeLong's variance and the bootstrap's spread are zero.

    Set each of ``pairs`` fractured films against another film: independent trials that rank right with the
    chance AUC, and all did (or none). Their exact interval is a safe one.
    """
    return proportion(pairs * auc, pairs)


@dataclass(frozen=True)
class Subgroup:
    """Films that share a trait; ``reason`` says in words why a statistic is undefined, and is else empty."""

    name: str
    n: int
    fractured: int
    auc: Estimate
    sensitivity: Estimate
    specificity: Estimate
    reason: str = ""


def subgroups(
    labels: np.ndarray,
    probabilities: np.ndarray,
    members: Mapping[str, np.ndarray],
    *,
    threshold: float,
    groups: np.ndarray | None = None,
) -> list[Subgroup]:
    """AUC, sensitivity and specificity within each subgroup, with the intervals of ``summarise``.

    Args:
        members: name → (N,) bool; subgroups may overlap and need not cover all films.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, float)
    rows = []
    for name, member in members.items():
        films = np.asarray(member, bool)
        assert films.shape == labels.shape, "a subgroup says of every film whether it belongs"
        within = None if groups is None else np.asarray(groups)[films]
        rows.append(_subgroup(name, labels[films], probabilities[films], threshold=threshold, groups=within))
    return rows


def _subgroup(
    name: str, labels: np.ndarray, probabilities: np.ndarray, *, threshold: float, groups: np.ndarray | None
) -> Subgroup:
    n, fractured = len(labels), int((labels == 1).sum())
    if not n:
        nothing = proportion(0, 0)
        return Subgroup(name, 0, 0, nothing, nothing, nothing, "no film")
    found = summarise(labels, probabilities, threshold=threshold, groups=groups)
    auc, reason = found["auc"], ""
    if fractured in (0, n):
        auc = Estimate(math.nan, 0.0, 1.0, n)
        reason = "every film is fractured" if fractured else "no film is fractured"
    return Subgroup(name, n, fractured, auc, found["sensitivity"], found["specificity"], reason)
