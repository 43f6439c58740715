"""What a threshold gives: the four counts, every rate that follows from them, and the report by class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fracture_core.metrics.estimates import Estimate, Z, proportion, share_difference, share_ratio


@dataclass(frozen=True)
class ConfusionMatrix:
    """Films by truth and call; fractured is positive. Rates carry 95 % intervals that take films as independent.

    A rate over no films is nan, with the widest interval. Counts are whole numbers of films; fractions are
    taken too, for an effective number of them.
    """

    tp: float
    fp: float
    fn: float
    tn: float

    def __post_init__(self) -> None:
        assert min(self.tp, self.fp, self.fn, self.tn) >= 0, "counts are not negative"

    @classmethod
    def from_scores(cls, labels: np.ndarray, probabilities: np.ndarray, *, threshold: float) -> ConfusionMatrix:
        """Counts of films called fractured at or above a threshold."""
        truth, called = np.asarray(labels) == 1, np.asarray(probabilities) >= threshold
        cells = (called & truth, called & ~truth, ~called & truth, ~called & ~truth)
        return cls(*(int(cell.sum()) for cell in cells))

    def swapped(self) -> ConfusionMatrix:
        """The same films with the other class as the positive one."""
        return ConfusionMatrix(tp=self.tn, fp=self.fn, fn=self.fp, tn=self.tp)

    def scaled(self, factor: float) -> ConfusionMatrix:
        """The same rates over more or fewer films."""
        return ConfusionMatrix(*(factor * cell for cell in (self.tp, self.fp, self.fn, self.tn)))

    @property
    def n(self) -> float:
        return self.tp + self.fp + self.fn + self.tn

    @property
    def positives(self) -> float:
        return self.tp + self.fn

    @property
    def negatives(self) -> float:
        return self.fp + self.tn

    @property
    def called_positive(self) -> float:
        return self.tp + self.fp

    @property
    def called_negative(self) -> float:
        return self.fn + self.tn

    @property
    def prevalence(self) -> Estimate:
        return proportion(self.positives, self.n)

    @property
    def accuracy(self) -> Estimate:
        return proportion(self.tp + self.tn, self.n)

    @property
    def sensitivity(self) -> Estimate:
        """Also called recall."""
        return proportion(self.tp, self.positives)

    @property
    def specificity(self) -> Estimate:
        return proportion(self.tn, self.negatives)

    @property
    def precision(self) -> Estimate:
        """Also called positive predictive value: holds at these films' prevalence."""
        return proportion(self.tp, self.called_positive)

    @property
    def negative_predictive_value(self) -> Estimate:
        return proportion(self.tn, self.called_negative)

    @property
    def f1(self) -> Estimate:
        """Harmonic mean of precision and sensitivity.

        F1 = 2 J / (1 + J) with Jaccard's J = TP / (TP + FP + FN), a binomial share of the films that are
        fractured or called so: J's exact interval, carried over, is F1's.
        """
        jaccard = proportion(self.tp, self.tp + self.fp + self.fn)
        value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
        return Estimate(value, low, high, round(self.n))

    @property
    def youden(self) -> Estimate:
        """Sensitivity + specificity − 1 (Youden, Cancer 3:32, 1950), with Newcombe's interval."""
        return share_difference(self.tp, self.positives, self.fp, self.negatives)

    @property
    def balanced_accuracy(self) -> Estimate:
        """Mean of sensitivity and specificity, (1 + Youden's J) / 2."""
        j = self.youden
        return Estimate((1 + j.value) / 2, (1 + j.low) / 2, (1 + j.high) / 2, j.n)

    @property
    def likelihood_ratio_positive(self) -> Estimate:
        """Sensitivity / (1 − specificity); infinite without a false alarm (see ``share_ratio``)."""
        return share_ratio(self.tp, self.positives, self.fp, self.negatives)

    @property
    def likelihood_ratio_negative(self) -> Estimate:
        """(1 − sensitivity) / specificity; 0 without a miss, infinite without a correct "no" (``share_ratio``)."""
        return share_ratio(self.fn, self.positives, self.tn, self.negatives)

    @property
    def matthews(self) -> Estimate:
        """Matthews' correlation, the phi coefficient; nan where a class is absent or never called.

        The interval is the delta method's on Fisher's z (Bishop, Fienberg and Holland, Discrete Multivariate
        Analysis, 1975, 14.6). At −1 and 1, where the variance is zero, a half is added to every count for it.
        """
        value = _phi(self)
        if math.isnan(value):
            return Estimate(value, -1.0, 1.0, round(self.n))
        extreme = 1 - abs(value) < 1e-12
        cells = ConfusionMatrix(self.tp + 0.5, self.fp + 0.5, self.fn + 0.5, self.tn + 0.5) if extreme else self
        centre, reach = math.atanh(_phi(cells)), Z * _phi_error(cells)
        low, high = math.tanh(centre - reach), math.tanh(centre + reach)
        return Estimate(value, min(low, value), max(high, value), round(self.n))


def _phi(m: ConfusionMatrix) -> float:
    margins = math.sqrt(m.positives * m.negatives) * math.sqrt(m.called_positive * m.called_negative)
    return max(-1.0, min(1.0, (m.tp * m.tn - m.fp * m.fn) / margins)) if margins else math.nan


def _phi_error(m: ConfusionMatrix) -> float:
    """Standard error of atanh(phi) for multinomial counts; u and v say how uneven truth and calls are."""
    phi = _phi(m)
    u = (m.positives - m.negatives) / math.sqrt(m.positives * m.negatives)
    v = (m.called_positive - m.called_negative) / math.sqrt(m.called_positive * m.called_negative)
    variance = 1 - phi**2 + phi * (1 + phi**2 / 2) * u * v - 0.75 * phi**2 * (u**2 + v**2)
    return math.sqrt(max(0.0, variance) / m.n) / (1 - phi**2)


def matthews(labels: np.ndarray, probabilities: np.ndarray, *, threshold: float) -> float:
    """Matthews' correlation of truth and call; nan where a class is absent or never called."""
    return _phi(ConfusionMatrix.from_scores(labels, probabilities, threshold=threshold))


@dataclass(frozen=True)
class ClassRow:
    """A line of the report; support is the number of films of the class, or of all for an average."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


def class_report(labels: np.ndarray, probabilities: np.ndarray, *, threshold: float) -> list[ClassRow]:
    """Precision, recall and F1 of each class as the positive one, then their macro and weighted averages.

    As scikit-learn's ``classification_report`` with ``zero_division=nan``: what is undefined is nan, and the
    averages leave it out.
    """
    matrix = ConfusionMatrix.from_scores(labels, probabilities, threshold=threshold)
    rows = [_class_row("not fractured", matrix.swapped()), _class_row("fractured", matrix)]
    support = np.array([row.support for row in rows])
    return [
        *rows,
        _average_row("macro average", rows, np.ones(2)),
        _average_row("weighted average", rows, support),
    ]


def _class_row(name: str, m: ConfusionMatrix) -> ClassRow:
    return ClassRow(name, m.precision.value, m.sensitivity.value, m.f1.value, int(m.positives))


def _average_row(name: str, rows: list[ClassRow], weights: np.ndarray) -> ClassRow:
    def mean(values: list[float]) -> float:
        kept = ~np.isnan(values) & (weights > 0)
        return float(np.average(np.array(values)[kept], weights=weights[kept])) if kept.any() else math.nan

    precision, recall = mean([row.precision for row in rows]), mean([row.recall for row in rows])
    return ClassRow(name, precision, recall, mean([row.f1 for row in rows]), sum(row.support for row in rows))
