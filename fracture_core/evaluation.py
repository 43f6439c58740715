"""What a trained network is worth: from its logits to the figures of a run record.

Calibration and thresholds are chosen on validation films alone; every figure is of test films.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from fracture_core.datasets import Case
from fracture_core.metrics import (
    RULES,
    Calibration,
    OperatingPoint,
    choose_thresholds,
    class_report,
    fit_calibration,
    subgroups,
    summarise,
)


def evaluate(
    logits: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray], groups: np.ndarray, cases: Sequence[Case]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The figures of a record.

    Args:
        logits: "val" and "test" → float (N, 2).
        labels: "val" and "test" → int (N,).
        groups: (N,) group of each test film, over which intervals are bootstrapped.
        cases: the test films.

    Returns:
        The record's fields calibration, operating_points, metrics, argmax, class_report and subgroups; and the
        calibrated probabilities of "val" and "test".
    """
    differences = {
        name: np.asarray(rows, float)[:, 1] - np.asarray(rows, float)[:, 0] for name, rows in logits.items()
    }
    calibration = fit_calibration(differences["val"], labels["val"])
    probabilities = {name: calibration(values) for name, values in differences.items()}
    thresholds = choose_thresholds(labels["val"], probabilities["val"])
    test, truth, balanced = probabilities["test"], labels["test"], thresholds["balanced"]
    uncalibrated = Calibration()(differences["test"])
    figures = {
        "calibration": asdict(calibration),
        "operating_points": {
            name: asdict(_operating_point(truth, test, groups, threshold=value, rule=RULES[name]))
            for name, value in thresholds.items()
        },
        "metrics": _plain(summarise(truth, test, threshold=balanced, groups=groups)),
        # the papers answer with the larger logit, uncalibrated: what is to be set beside their figures
        "argmax": _plain(summarise(truth, uncalibrated, threshold=0.5, groups=groups)),
        "class_report": [asdict(row) for row in class_report(truth, uncalibrated, threshold=0.5)],
        "subgroups": [
            asdict(row) for row in subgroups(truth, test, traits(cases), threshold=balanced, groups=groups)
        ],
    }
    return figures, probabilities


def traits(cases: Sequence[Case]) -> dict[str, np.ndarray]:
    """Subgroups by body region, view and hardware: name → bool (N,), those that any film belongs to."""
    regions = sorted({case.region for case in cases})
    members = {region: np.array([case.region == region for case in cases]) for region in regions}
    names = {
        "frontal": "frontal view",
        "lateral": "lateral view",
        "oblique": "oblique view",
        "hardware": "with hardware",
    }
    for flag, title in names.items():
        members[title] = np.array([flag in case.flags for case in cases])
    return {name: member for name, member in members.items() if member.any()}


def _operating_point(
    labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, *, threshold: float, rule: str
) -> OperatingPoint:
    """What a threshold gives, with intervals that know of films in one group."""
    rates = summarise(labels, probabilities, threshold=threshold, groups=groups)
    return OperatingPoint(threshold, rule, rates["sensitivity"], rates["specificity"])


def _plain(estimates: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asdict(value) for name, value in estimates.items()}
