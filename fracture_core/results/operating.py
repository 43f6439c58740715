"""What a run's operating points give on its test films, and would give at another prevalence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fracture_core.metrics import ConfusionMatrix, Estimate, clustered, predictive_values
from fracture_core.metrics.bands import BAND_ROUNDS
from fracture_core.metrics.resampling import percentile_interval, resampled_weights
from fracture_core.metrics.weighted import weighted_rates

_RATES = ("sensitivity", "specificity", "precision", "likelihood_ratio_positive", "likelihood_ratio_negative")


@dataclass(frozen=True, kw_only=True)
class OperatingValues:
    """An operating point on test films; intervals are exact, or bootstrapped by group where films share one.

    Attributes:
        name: "balanced", "sensitive" or "specific".
        threshold: fractured at or above it.
        rule: by which it was chosen, in words.
        sensitivity, specificity, precision: shares; the precision is of the test films' prevalence.
        likelihood_ratio_positive, likelihood_ratio_negative: of 0 to infinity.
    """

    name: str
    threshold: float
    rule: str
    sensitivity: Estimate
    specificity: Estimate
    precision: Estimate
    likelihood_ratio_positive: Estimate
    likelihood_ratio_negative: Estimate

    def predictive(self, prevalence: float) -> tuple[Estimate, Estimate]:
        """Chance of a fracture after a "yes", and of none after a "no", at a prevalence in (0, 1).

        At a given prevalence each rises or falls with its likelihood ratio alone, whose interval it inherits.
        """
        values = predictive_values(self.sensitivity.value, self.specificity.value, prevalence)
        after_yes, after_no = self.likelihood_ratio_positive, self.likelihood_ratio_negative
        odds = prevalence / (1 - prevalence)
        return (
            Estimate(
                float(values.positive), _share(after_yes.low * odds), _share(after_yes.high * odds), after_yes.n
            ),
            Estimate(
                float(values.negative), 1 - _share(after_no.high * odds), 1 - _share(after_no.low * odds), after_no.n
            ),
        )


def _share(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)


def operating_values(
    record: Mapping[str, Any], *, labels: np.ndarray, scores: np.ndarray, groups: np.ndarray
) -> tuple[OperatingValues, ...]:
    """A record's operating points on films, in the record's order; empty where it holds none.

    Sensitivity and specificity are the record's own, where it measured them on as many films: of more resamples, and
    of scores that were not rounded yet.

    Args:
        labels: (N,) 1 fractured, 0 not; N at least 1.
        scores: (N,) calibrated probabilities.
        groups: (N,) films of one patient or duplicate group share a number.
    """
    points = {name: point for name, point in (record.get("operating_points") or {}).items() if "threshold" in point}
    thresholds = {name: float(point["threshold"]) for name, point in points.items()}
    drawn = _resampled(labels, scores, groups, thresholds) if clustered(groups) else {}
    return tuple(
        OperatingValues(
            name=name,
            threshold=threshold,
            rule=str(points[name].get("rule") or ""),
            **_rates(labels, scores, groups, threshold=threshold, drawn=drawn.get(name))
            | recorded_rates(points[name], fractured=int(labels.sum()), whole=int((labels == 0).sum())),
        )
        for name, threshold in thresholds.items()
    )


def recorded_rates(point: Mapping[str, Any], *, fractured: int, whole: int) -> dict[str, Estimate]:
    """Sensitivity and specificity as a record holds them of an operating point, if they are of so many films."""
    films = {"sensitivity": fractured, "specificity": whole}
    return {
        rate: Estimate(**stored)
        for rate, n in films.items()
        if (stored := point.get(rate)) and stored["n"] == n and None not in stored.values()
    }


def _resampled(
    labels: np.ndarray, scores: np.ndarray, groups: np.ndarray, thresholds: Mapping[str, float]
) -> dict[str, dict[str, np.ndarray]]:
    """Operating point → rate → (R,) over the same resamples."""
    pieces: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in thresholds}
    for weights in resampled_weights(len(labels), groups=groups, rounds=BAND_ROUNDS):
        for name, threshold in thresholds.items():
            pieces[name].append(weighted_rates(labels, scores >= threshold, weights))
    return {
        name: {rate: np.concatenate([piece[rate] for piece in found]) for rate in _RATES}
        for name, found in pieces.items()
    }


def _rates(
    labels: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float,
    drawn: Mapping[str, np.ndarray] | None,
) -> dict[str, Estimate]:
    matrix = ConfusionMatrix.from_scores(labels, scores, threshold=threshold)
    found: dict[str, Estimate] = {rate: getattr(matrix, rate) for rate in _RATES}
    if drawn is None:
        return found
    # where all resamples agree they cannot tell how sure that is: then as many films as there are groups
    effective = matrix.scaled(len(np.unique(groups)) / len(labels))
    for rate, estimate in found.items():
        low, high = percentile_interval(drawn[rate])
        if not low < high:
            counted: Estimate = getattr(effective, rate)
            low, high = counted.low, counted.high
        found[rate] = replace(estimate, low=low, high=high)
    return found


@dataclass(frozen=True)
class Patients:
    """What becomes of so many patients, in whole numbers that add up."""

    fractured: int
    found: int
    missed: int
    false_alarms: int
    cleared: int

    @property
    def flagged(self) -> int:
        return self.found + self.false_alarms


def of_patients(values: OperatingValues, *, prevalence: float, patients: int = 1000) -> Patients:
    """An operating point told in patients (Gigerenzer and Hoffrage, Psychol. Rev. 102:684, 1995).

    Both classes must have been measured.
    """
    fractured = round(patients * prevalence)
    found = round(fractured * values.sensitivity.value)
    cleared = round((patients - fractured) * values.specificity.value)
    return Patients(fractured, found, fractured - found, patients - fractured - cleared, cleared)
