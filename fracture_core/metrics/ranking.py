"""How well scores put fractured films above the others: the ROC and precision–recall curves and their areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RocPoints:
    """The ROC curve's corners, from (0, 0) to (1, 1): arrays (K,), thresholds falling from infinity."""

    threshold: np.ndarray
    fpr: np.ndarray
    tpr: np.ndarray


@dataclass(frozen=True, eq=False)
class PrPoints:
    """Precision and recall at every score that occurs: arrays (K,), thresholds falling, recall rising to 1."""

    threshold: np.ndarray
    recall: np.ndarray
    precision: np.ndarray


def steps(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The films' order by falling score, (N,), and where in it each run of equal scores ends, (K,)."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    return order, np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: len(falling)])


def roc_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve as the Mann–Whitney statistic; nan when one class is absent."""
    from scipy import stats

    labels = np.asarray(labels)
    positives = int((labels == 1).sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = stats.rankdata(scores)
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision–recall curve by steps (scikit-learn's definition); nan without a fracture."""
    _, hits, called = _counts(labels, scores)
    if not len(hits) or not hits[-1]:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0) * hits / called) / hits[-1])


def roc_points(labels: np.ndarray, scores: np.ndarray) -> RocPoints:
    """False and true positive rates at every threshold, equal scores as one step; nan for an absent class."""
    threshold, hits, called = _counts(labels, scores)
    alarms = called - hits
    with np.errstate(invalid="ignore"):
        fpr, tpr = (np.append(0, counts) / counts[-1:].sum() for counts in (alarms, hits))
    return RocPoints(np.append(np.inf, threshold), fpr, tpr)


def pr_points(labels: np.ndarray, scores: np.ndarray) -> PrPoints:
    """Recall and precision at every threshold, equal scores as one step; recall is nan without a fracture."""
    threshold, hits, called = _counts(labels, scores)
    with np.errstate(invalid="ignore"):
        return PrPoints(threshold, hits / hits[-1:].sum(), hits / called)


def _counts(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At each distinct score, falling: the score, the fractured films at or above it, and all such films."""
    labels, scores = np.asarray(labels) == 1, np.asarray(scores, float)
    order, last = steps(scores)
    return scores[order][last], np.cumsum(labels[order])[last], last + 1
