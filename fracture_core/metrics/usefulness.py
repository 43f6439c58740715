"""What a classifier is worth in use: predictive values at any prevalence, and the net benefit of acting on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fracture_core.metrics.confusion import ConfusionMatrix


class PredictiveValues(NamedTuple):
    """Chance of a fracture after a "yes", and of none after a "no"; shaped as the broadcast inputs."""

    positive: np.ndarray
    negative: np.ndarray


def predictive_values(
    sensitivity: float | np.ndarray, specificity: float | np.ndarray, prevalence: float | np.ndarray
) -> PredictiveValues:
    """Predictive values at a prevalence by Bayes' theorem (Altman and Bland, BMJ 309:102, 1994).

    All in [0, 1]; arrays broadcast. nan where a call never happens.
    """
    sensitivity, specificity, prevalence = (np.asarray(x, float) for x in (sensitivity, specificity, prevalence))
    hit, miss = sensitivity * prevalence, (1 - sensitivity) * prevalence
    alarm, passed = (1 - specificity) * (1 - prevalence), specificity * (1 - prevalence)
    with np.errstate(invalid="ignore"):
        return PredictiveValues(np.divide(hit, hit + alarm), np.divide(passed, passed + miss))


@dataclass(frozen=True)
class NetBenefit:
    """Net benefit at a threshold probability, in true positives per film.

    ``model`` acts on films called fractured, ``all`` on every film, ``none`` on no film (0 by definition).
    """

    threshold: float
    model: float
    all: float
    none: float = 0.0


def decision_curve(labels: np.ndarray, probabilities: np.ndarray, thresholds: Iterable[float]) -> list[NetBenefit]:
    """Net benefit TP/n − FP/n · t/(1 − t) (Vickers and Elkin, Med. Decis. Making 26:565, 2006).

    Args:
        probabilities: calibrated, or the curve means nothing.
        thresholds: in [0, 1); at t a false alarm is taken to weigh t/(1 − t) of a found fracture.
    """
    rows = []
    for threshold in map(float, thresholds):
        assert 0 <= threshold < 1, "a threshold probability lies in [0, 1)"
        matrix, odds = (
            ConfusionMatrix.from_scores(labels, probabilities, threshold=threshold),
            threshold / (1 - threshold),
        )
        model, everyone = matrix.tp - matrix.fp * odds, matrix.positives - matrix.negatives * odds
        rows.append(NetBenefit(threshold, model / matrix.n, everyone / matrix.n))
    return rows
