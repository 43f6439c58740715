"""Classification statistics, each with its 95 % interval.

Labels are 1 for fractured (the positive class) and 0 for not fractured; scores grow with the belief in a
fracture. Proportions carry exact binomial intervals; everything else is bootstrapped, by group where films
share a patient. No torch here, and scipy only where it is called: pages that only read numbers open at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDS = 2000  # bootstrap resamples


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval and the number of films (or groups) behind it."""

    value: float
    low: float
    high: float
    n: int

    def percent(self, *, places: int = 0) -> str:
        """``91 % [86–95]``."""
        if not self._known:
            return "an unmeasured share"
        value, low, high = (f"{100 * share:.{places}f}" for share in (self.value, self.low, self.high))
        return f"{value} % [{low}–{high}]"

    def decimal(self) -> str:
        """``0.912 [0.880–0.940]``."""
        return f"{self.value:.3f} [{self.low:.3f}–{self.high:.3f}]" if self._known else "not measured"

    @property
    def _known(self) -> bool:
        return bool(np.isfinite([self.value, self.low, self.high]).all())


def proportion(successes: int, trials: int) -> Estimate:
    """A share with its exact interval (Clopper and Pearson, Biometrika 26:404, 1934); nan of nothing."""
    from scipy import stats

    if trials == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    low = float(stats.beta.ppf(0.025, successes, trials - successes + 1)) if successes else 0.0
    high = float(stats.beta.ppf(0.975, successes + 1, trials - successes)) if successes < trials else 1.0
    return Estimate(successes / trials, low, high, trials)


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
    scores = np.asarray(scores)
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]), 1))  # equal scores make one step
    hits = np.cumsum(np.asarray(labels)[order] == 1)[last]
    if not len(hits) or not hits[-1]:
        return float("nan")
    return float(np.sum(np.diff(hits, prepend=0) * hits / (last + 1)) / hits[-1])


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance of probability and outcome (Brier, Mon. Weather Rev. 78:1, 1950)."""
    return float(np.mean((np.asarray(probabilities, float) - np.asarray(labels)) ** 2))


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, *, bins: int = 10) -> float:
    """Mean gap between probability and observed share, over equally filled bins (Naeini et al., AAAI 2015).

    Equal probabilities share a bin, so that the order of the films does not matter.
    """
    probabilities = np.asarray(probabilities, float)
    rank = np.searchsorted(np.sort(probabilities), probabilities)
    gaps = np.bincount(rank * bins // len(rank), weights=np.asarray(labels) - probabilities)
    return float(np.abs(gaps).sum() / len(rank))


def bootstrap(
    statistic: Callable[[np.ndarray, np.ndarray], float],
    labels: np.ndarray,
    scores: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Estimate:
    """A statistic with its percentile bootstrap interval, resampling whole groups (cluster bootstrap).

    Args:
        statistic: of (labels, scores); resamples on which it is nan are left out.
        groups: (N,) films of one patient or duplicate group share a number; None takes every film alone.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    members = np.arange(len(labels)) if groups is None else np.asarray(groups)
    _, member = np.unique(members, return_inverse=True)
    films = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    rng = np.random.default_rng(seed)
    values = np.empty(rounds)
    for index in range(rounds):
        drawn = np.concatenate([films[group] for group in rng.integers(0, len(films), len(films))])
        values[index] = statistic(labels[drawn], scores[drawn])
    defined = values[~np.isnan(values)]
    low, high = np.percentile(defined, [2.5, 97.5]) if len(defined) else (np.nan, np.nan)
    return Estimate(float(statistic(labels, scores)), float(low), float(high), len(labels))


@dataclass(frozen=True)
class Calibration:
    """Logit difference → probability: sigmoid(difference / temperature + bias) (Platt 1999; Guo 2017)."""

    temperature: float = 1.0
    bias: float = 0.0

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        """Probabilities of fracture from logit differences (fractured minus not fractured), any shape."""
        from scipy import special

        return np.asarray(special.expit(np.asarray(differences, float) / self.temperature + self.bias))


def fit_calibration(differences: np.ndarray, labels: np.ndarray) -> Calibration:
    """Temperature and bias that make validation films most likely; the bias undoes class weights in the loss.

    Platt's smoothed targets keep both finite when the classes separate.
    """
    from scipy import optimize

    differences, labels = np.asarray(differences, float), np.asarray(labels)
    positives = labels.sum()
    negatives = len(labels) - positives
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: np.ndarray) -> float:
        z = differences * np.exp(-parameters[0]) + parameters[1]
        return float(np.mean(np.logaddexp(0, z) - target * z))

    fitted = optimize.minimize(loss, np.zeros(2), method="Nelder-Mead", options={"maxiter": 4000})
    log_temperature, bias = fitted.x
    return Calibration(float(np.exp(log_temperature)), float(bias))


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (fractured at or above it), the rule that chose it, and what it gives."""

    threshold: float
    rule: str
    sensitivity: Estimate
    specificity: Estimate


def operate(labels: np.ndarray, probabilities: np.ndarray, *, threshold: float, rule: str = "") -> OperatingPoint:
    """Sensitivity and specificity with exact intervals at a threshold."""
    labels, called = np.asarray(labels) == 1, np.asarray(probabilities) >= threshold
    return OperatingPoint(
        float(threshold),
        rule,
        proportion(int((called & labels).sum()), int(labels.sum())),
        proportion(int((~called & ~labels).sum()), int((~labels).sum())),
    )


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


def summarise(
    labels: np.ndarray, probabilities: np.ndarray, *, threshold: float, groups: np.ndarray | None = None
) -> dict[str, Estimate]:
    """The usual statistics of a classifier at one threshold, each with its interval.

    Accuracy, sensitivity, specificity, precision and negative predictive value carry exact intervals;
    balanced accuracy, F1, AUC, average precision, Brier score and calibration error are bootstrapped by
    group.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, float)
    point = operate(labels, probabilities, threshold=threshold)
    called, truth = probabilities >= threshold, labels == 1

    def f1(y: np.ndarray, p: np.ndarray) -> float:
        hit, wrong = ((p >= threshold) & (y == 1)).sum(), ((p >= threshold) != (y == 1)).sum()
        return float(2 * hit / (2 * hit + wrong)) if hit or wrong else float("nan")

    def balanced_accuracy(y: np.ndarray, p: np.ndarray) -> float:
        called = p >= threshold
        if not 0 < y.sum() < len(y):
            return float("nan")
        return float((called[y == 1].mean() + (~called[y == 0]).mean()) / 2)

    resampled: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "auc": roc_auc,
        "average_precision": average_precision,
        "balanced_accuracy": balanced_accuracy,
        "f1": f1,
        "brier": brier,
        "ece": expected_calibration_error,
    }
    return {
        **{name: bootstrap(statistic, labels, probabilities, groups=groups) for name, statistic in resampled.items()},
        "accuracy": proportion(int((called == truth).sum()), len(truth)),
        "sensitivity": point.sensitivity,
        "specificity": point.specificity,
        "precision": proportion(int((called & truth).sum()), int(called.sum())),
        "negative_predictive_value": proportion(int((~called & ~truth).sum()), int((~called).sum())),
    }
