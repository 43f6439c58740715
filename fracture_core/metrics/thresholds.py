"""Thresholds by rule, chosen on validation films, and what they give elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fracture_core.metrics.confusion import ConfusionMatrix
from fracture_core.metrics.estimates import Estimate


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (fractured at or above it), the rule that chose it, and what it gives."""

    threshold: float
    rule: str
    sensitivity: Estimate
    specificity: Estimate


def operate(labels: np.ndarray, probabilities: np.ndarray, *, threshold: float, rule: str = "") -> OperatingPoint:
    """Sensitivity and specificity with exact intervals at a threshold."""
    matrix = ConfusionMatrix.from_scores(labels, probabilities, threshold=threshold)
    return OperatingPoint(float(threshold), rule, matrix.sensitivity, matrix.specificity)


RULES = {
    "balanced": "where the lower of sensitivity and specificity is highest on validation",
    "sensitive": "highest threshold with sensitivity of at least 0.95 on validation",
    "specific": "lowest threshold with specificity of at least 0.95 on validation",
}


def choose_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Thresholds by ``RULES`` from films of both classes; "sensitive" never lies above "specific"."""
    labels, probabilities = np.asarray(labels) == 1, np.asarray(probabilities, float)
    assert labels.any() and not labels.all(), "thresholds are chosen on films of both classes"
    candidates = np.unique(probabilities)
    # midpoints, so that a threshold lies between films and not on one; the last is above every film
    top = max(1.0, np.nextafter(candidates[-1], 2))
    cuts = np.concatenate([[0.0], (candidates[1:] + candidates[:-1]) / 2, [top]])
    positive, negative = np.sort(probabilities[labels]), np.sort(probabilities[~labels])
    sensitivity = 1 - np.searchsorted(positive, cuts) / len(positive)
    specificity = np.searchsorted(negative, cuts) / len(negative)
    sensitive = float(cuts[np.flatnonzero(sensitivity >= 0.95)[-1]])
    specific = float(cuts[np.flatnonzero(specificity >= 0.95)[0]])
    return {
        "balanced": float(cuts[np.argmax(np.minimum(sensitivity, specificity))]),
        "sensitive": min(sensitive, specific),
        "specific": max(sensitive, specific),
    }
