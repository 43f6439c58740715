"""What a run's model said before calibration, and whether calibration brought it nearer to the truth.

Records hold calibrated probabilities, p = sigmoid(d / temperature + bias) of the logit difference d
(``metrics.Calibration``), to seven places, older ones to five. The model's own softmax is sigmoid(d).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fracture_core.errors import FractureError
from fracture_core.metrics import Calibration, Estimate
from fracture_core.metrics.bands import BAND_ROUNDS
from fracture_core.metrics.resampling import percentile_interval, resampled_weights
from fracture_core.metrics.weighted import weighted_statistics

_LAST_PLACE = 1e-5  # of a record's probabilities: a 0 or 1 stands for anything within half of it


def recorded_calibration(record: Mapping[str, Any]) -> Calibration:
    """A record's calibration.

    Raises:
        FractureError: the record does not hold it.
    """
    stored = record.get("calibration") or {}
    try:
        calibration = Calibration(float(stored["temperature"]), float(stored["bias"]), bool(stored.get("flat")))
    except (KeyError, TypeError, ValueError):
        calibration = Calibration(temperature=0.0)
    if not calibration.temperature > 0:
        raise FractureError(
            f"The record of the run '{record.get('id')}' does not say how its scores were calibrated: "
            "look at its calibrated scores, or choose another run."
        )
    return calibration


def uncalibrated(calibration: Calibration, probabilities: np.ndarray) -> np.ndarray:
    """The model's own probabilities, in (0, 1), from calibrated ones of any shape.

    The inverse, sigmoid(temperature · (logit(p) − bias)), keeps the order of the films. Probabilities of 0 and 1
    are taken as half of a record's last place away from them.
    """
    from scipy import special

    inside = np.clip(np.asarray(probabilities, float), _LAST_PLACE / 2, 1 - _LAST_PLACE / 2)
    return np.asarray(special.expit(calibration.temperature * (special.logit(inside) - calibration.bias)))


@dataclass(frozen=True)
class CalibrationEffect:
    """Expected calibration error before and after calibration, and after − before on the same resamples."""

    before: Estimate
    after: Estimate
    change: Estimate


def calibration_effect(
    labels: np.ndarray, before: np.ndarray, after: np.ndarray, *, groups: np.ndarray | None = None
) -> CalibrationEffect:
    """Whether calibration helped, with intervals bootstrapped by group.

    Args:
        labels: (N,) 1 fractured, 0 not; N at least 1.
        before, after: (N,) probabilities.
        groups: (N,) films of one patient or duplicate group share a number; None takes every film alone.
    """
    truth, films = np.asarray(labels) == 1, len(labels)

    def errors(weights: np.ndarray) -> np.ndarray:
        """(2, R): before and after."""
        pair = (np.asarray(before, float), np.asarray(after, float))
        return np.stack([weighted_statistics(truth, scores, weights, threshold=0.5)["ece"] for scores in pair])

    first, second = errors(np.ones((1, films)))[:, 0]
    resamples = resampled_weights(films, groups=groups, rounds=BAND_ROUNDS)
    drawn = np.concatenate([errors(weights) for weights in resamples], axis=1)
    return CalibrationEffect(
        before=Estimate(float(first), *percentile_interval(drawn[0]), films),
        after=Estimate(float(second), *percentile_interval(drawn[1]), films),
        change=Estimate(float(second - first), *percentile_interval(drawn[1] - drawn[0]), films),
    )
