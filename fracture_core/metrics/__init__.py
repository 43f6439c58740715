"""Classification statistics, each with its 95 % interval.

Labels are 1 for fractured (the positive class) and 0 for not fractured; scores grow with the belief in a
fracture. Intervals from counts take films as independent; where films share a patient, ``summarise``,
``subgroups`` and ``compare`` bootstrap by group. No torch here, and scipy only where it is called: pages that
only read numbers open at once.
"""

from __future__ import annotations

from fracture_core.metrics.calibration import (
    BrierParts,
    Calibration,
    ReliabilityBin,
    brier,
    brier_parts,
    expected_calibration_error,
    fit_calibration,
    log_loss,
    reliability,
)
from fracture_core.metrics.confusion import ClassRow, ConfusionMatrix, class_report, matthews
from fracture_core.metrics.estimates import Estimate, proportion
from fracture_core.metrics.pairs import Comparison, McNemar, compare, delong_interval, mcnemar
from fracture_core.metrics.ranking import PrPoints, RocPoints, average_precision, pr_points, roc_auc, roc_points
from fracture_core.metrics.resampling import ROUNDS, bootstrap, clustered
from fracture_core.metrics.summary import Subgroup, subgroups, summarise
from fracture_core.metrics.thresholds import RULES, OperatingPoint, choose_thresholds, operate
from fracture_core.metrics.usefulness import NetBenefit, PredictiveValues, decision_curve, predictive_values

__all__ = [
    "ROUNDS",
    "RULES",
    "BrierParts",
    "Calibration",
    "ClassRow",
    "Comparison",
    "ConfusionMatrix",
    "Estimate",
    "McNemar",
    "NetBenefit",
    "OperatingPoint",
    "PrPoints",
    "PredictiveValues",
    "ReliabilityBin",
    "RocPoints",
    "Subgroup",
    "average_precision",
    "bootstrap",
    "brier",
    "brier_parts",
    "choose_thresholds",
    "class_report",
    "clustered",
    "compare",
    "decision_curve",
    "delong_interval",
    "expected_calibration_error",
    "fit_calibration",
    "log_loss",
    "matthews",
    "mcnemar",
    "operate",
    "pr_points",
    "predictive_values",
    "proportion",
    "reliability",
    "roc_auc",
    "roc_points",
    "subgroups",
    "summarise",
]
