"""Whether probabilities mean what they say: scores, the reliability curve, and the fit that mends it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fracture_core.metrics.estimates import Estimate, proportion


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared distance of probability and outcome (Brier, Mon. Weather Rev. 78:1, 1950)."""
    return float(np.mean((np.asarray(probabilities, float) - np.asarray(labels)) ** 2))


@dataclass(frozen=True)
class BrierParts:
    """Brier score = miscalibration − discrimination + uncertainty; none is negative."""

    miscalibration: float
    discrimination: float
    uncertainty: float


def brier_parts(labels: np.ndarray, probabilities: np.ndarray) -> BrierParts:
    """The Brier score's parts without bins (CORP: Dimitriadis et al., PNAS 118:e2016191118, 2021).

    Recalibrated probabilities are the isotonic regression of the labels. Where the observed shares rise with
    the probabilities, these are the parts of Murphy (J. Appl. Meteorol. 12:595, 1973).
    """
    from scipy import optimize

    labels = np.asarray(labels, float)
    distinct, which = np.unique(np.asarray(probabilities, float), return_inverse=True)
    films = np.bincount(which)
    shares = np.bincount(which, weights=labels) / films
    recalibrated = optimize.isotonic_regression(shares, weights=films).x[which]
    best, constant = brier(labels, recalibrated), brier(labels, np.full(len(labels), labels.mean()))
    return BrierParts(brier(labels, distinct[which]) - best, constant - best, constant)


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood in nats; probabilities stay off 0 and 1 by the machine's precision."""
    tiny = np.finfo(float).eps
    probabilities = np.clip(np.asarray(probabilities, float), tiny, 1 - tiny)
    return float(-np.mean(np.log(np.where(np.asarray(labels) == 1, probabilities, 1 - probabilities))))


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, *, bins: int = 10) -> float:
    """Mean gap between probability and observed share, over equally filled bins (Naeini et al., AAAI 2015).

    Equal probabilities share a bin, so that the order of the films does not matter.
    """
    probabilities = np.asarray(probabilities, float)
    gaps = np.bincount(_bins(probabilities, bins), weights=np.asarray(labels) - probabilities)
    return float(np.abs(gaps).sum() / len(probabilities))


@dataclass(frozen=True)
class ReliabilityBin:
    """Films of like probability: their mean probability, and the share of them that is fractured."""

    mean_probability: float
    share: Estimate


def reliability(labels: np.ndarray, probabilities: np.ndarray, *, bins: int = 10) -> list[ReliabilityBin]:
    """The reliability curve: at most ``bins`` bins, equally filled as in ``expected_calibration_error``.

    Shares carry exact intervals, which take films as independent.
    """
    labels, probabilities = np.asarray(labels) == 1, np.asarray(probabilities, float)
    which = _bins(probabilities, bins)
    members = [which == number for number in np.unique(which)]
    return [
        ReliabilityBin(float(probabilities[films].mean()), proportion(int(labels[films].sum()), int(films.sum())))
        for films in members
    ]


def _bins(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """(N,) each film's bin by the films ranked below it."""
    return np.searchsorted(np.sort(probabilities), probabilities) * bins // len(probabilities)


@dataclass(frozen=True)
class Calibration:
    """Logit difference → probability: sigmoid(difference / temperature + bias) (Platt 1999; Guo 2017).

    ``flat``: the films it was fitted on gave the differences no say, and every probability is close to their share
    of fractures.
    """

    temperature: float = 1.0
    bias: float = 0.0
    flat: bool = False

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        """Probabilities of fracture from logit differences (fractured minus not fractured), any shape."""
        from scipy import special

        return np.asarray(special.expit(np.asarray(differences, float) / self.temperature + self.bias))


_LEAST_SPREAD = 0.01  # standard deviation, in logits, that calibrated scores keep: their order must outlive rounding


def fit_calibration(differences: np.ndarray, labels: np.ndarray) -> Calibration:
    """Temperature and bias that make validation films most likely; the bias undoes class weights in the loss.

    Platt's smoothed targets keep both finite when the classes separate. Where differences do not rise with fracture,
    no temperature is high enough: it is held where films can still be told apart, and the calibration is ``flat``.
    """
    from scipy import optimize

    differences, labels = np.asarray(differences, float), np.asarray(labels)
    positives = labels.sum()
    negatives = len(labels) - positives
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(slope: float, bias: float) -> float:
        z = differences * slope + bias
        return float(np.mean(np.logaddexp(0, z) - target * z))

    fitted = optimize.minimize(
        lambda at: loss(np.exp(-at[0]), at[1]), np.zeros(2), method="Nelder-Mead", options={"maxiter": 4000}
    )
    temperature, bias = float(np.exp(fitted.x[0])), float(fitted.x[1])
    hottest = float(differences.std()) / _LEAST_SPREAD
    if temperature < hottest:
        return Calibration(temperature, bias)
    hottest = hottest or 1.0  # every difference is the same
    fitted = optimize.minimize_scalar(lambda bias: loss(1 / hottest, bias))
    return Calibration(hottest, float(fitted.x), flat=True)
