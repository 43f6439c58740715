"""The usual statistics of many resamples at once.

A resample is a weight per film, how often it was drawn (``resampled_weights``). Every statistic is then sums
over films in one fixed order of score, so that thousands of resamples cost a few passes over a matrix.
"""

from __future__ import annotations

import numpy as np

from fracture_core.metrics.ranking import steps


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) area under the ROC curve of each resample in weights (R, N); nan where a class was not drawn."""
    order, last = steps(scores)
    drawn = weights[:, order]
    hits = np.cumsum(drawn * labels[order], axis=1)[:, last]
    return _auc(hits, np.cumsum(drawn, axis=1)[:, last] - hits)


def weighted_statistics(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, *, threshold: float, bins: int = 10
) -> dict[str, np.ndarray]:
    """The usual statistics of each resample, each (R,); nan where undefined.

    Args:
        labels: (N,) bool or 0 and 1.
        weights: (R, N) how often each film was drawn.
    """
    order, last = steps(probabilities)
    drawn, truth, probability = weights[:, order], labels[order], probabilities[order]
    hits = np.cumsum(drawn * truth, axis=1)[:, last]
    called = np.cumsum(drawn, axis=1)[:, last]
    gaps = np.diff(np.cumsum(drawn * (truth - probability), axis=1)[:, last], axis=1, prepend=0)
    films = called[:, -1]
    return {
        "auc": _auc(hits, called - hits),
        "average_precision": _average_precision(hits, called),
        "brier": drawn @ (truth - probability) ** 2 / films,
        "ece": _calibration_error(gaps, called, bins),
        **weighted_rates(truth, probability >= threshold, drawn),
    }


def weighted_rates(truth: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """The rates at a threshold of each resample, each (R,): nan of no films, infinite as a ratio to none."""
    truth = truth.astype(bool)
    cells = np.stack([called & truth, called & ~truth, ~called & truth, ~called & ~truth], axis=1)
    tp, fp, fn, tn = (weights @ cells.astype(float)).T
    with np.errstate(divide="ignore", invalid="ignore"):
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        return {
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "sensitivity": sensitivity,
            "specificity": specificity,
            "precision": tp / (tp + fp),
            "negative_predictive_value": tn / (tn + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "likelihood_ratio_positive": sensitivity / (fp / (tn + fp)),
            "likelihood_ratio_negative": (fn / (tp + fn)) / specificity,
        }


def _auc(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """Trapezoids under the ROC curve from counts (R, K) at falling scores."""
    area = np.einsum("rk,rk->r", np.diff(alarms, axis=1, prepend=0), 2 * hits - np.diff(hits, axis=1, prepend=0)) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(area / (hits[:, -1] * alarms[:, -1]))


def _average_precision(hits: np.ndarray, called: np.ndarray) -> np.ndarray:
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.einsum("rk,rk->r", np.diff(hits, axis=1, prepend=0), precision) / hits[:, -1])


def _calibration_error(gaps: np.ndarray, called: np.ndarray, bins: int) -> np.ndarray:
    """From each score's summed (label − probability) and the films at or above it, (R, K), scores falling."""
    films = called[:, -1:].astype(int)
    below = films - called.astype(int)
    number = np.minimum(below * bins // films, bins - 1)  # only a score that was not drawn has all films below
    place = (number + bins * np.arange(len(gaps))[:, None]).ravel()
    summed = np.bincount(place, weights=gaps.ravel(), minlength=len(gaps) * bins).reshape(-1, bins)
    return np.asarray(np.abs(summed).sum(axis=1) / films[:, 0])
