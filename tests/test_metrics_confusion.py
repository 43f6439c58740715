"""The confusion matrix and its rates against published examples, scikit-learn and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from test_metrics import ALIKE, rated_films

from fracture_core.metrics import ConfusionMatrix, class_report, matthews, proportion

FEWER = settings(deadline=None, max_examples=30)
RATES = (
    "prevalence",
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "negative_predictive_value",
    "f1",
    "youden",
    "balanced_accuracy",
    "likelihood_ratio_positive",
    "likelihood_ratio_negative",
    "matthews",
)
counts = st.integers(0, 60)
matrices = st.builds(ConfusionMatrix, tp=counts, fp=counts, fn=counts, tn=counts)
SCAN = ConfusionMatrix(tp=231, fp=32, fn=27, tn=54)


def test_rates_as_published():
    """The liver scan of Altman and Bland, BMJ 308:1552 and 309:102 (1994)."""
    assert SCAN.sensitivity.value == pytest.approx(0.90, abs=0.005)
    assert SCAN.specificity.value == pytest.approx(0.63, abs=0.005)
    assert SCAN.precision.value == pytest.approx(0.88, abs=0.005)
    assert SCAN.negative_predictive_value.value == pytest.approx(0.67, abs=0.005)
    assert SCAN.prevalence.value == 258 / 344


def test_likelihood_ratios_as_published():
    """R package epiR, example of epi.tests: 744 diseased, 842 others; intervals by Simel et al. (1991)."""
    matrix = ConfusionMatrix(tp=670, fp=202, fn=74, tn=640)
    positive, negative = matrix.likelihood_ratio_positive, matrix.likelihood_ratio_negative
    assert (positive.value, positive.low, positive.high) == pytest.approx((3.75, 3.32, 4.24), abs=0.005)
    assert (negative.value, negative.low, negative.high) == pytest.approx((0.13, 0.11, 0.16), abs=0.005)


def test_a_published_row_of_four_counts():
    """A custom CNN on 506 films in one of the papers reproduced: 89.13 %, 88.73 %, 91.04 %, 89.87 %."""
    matrix = ConfusionMatrix(tp=244, fp=31, fn=24, tn=207)
    found = (matrix.accuracy, matrix.precision, matrix.sensitivity, matrix.f1)
    assert [rate.value for rate in found] == pytest.approx([0.8913, 0.8873, 0.9104, 0.8987], abs=5e-5)


@given(rated_films(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
@FEWER
def test_rates_are_scikit_learns(films, threshold):
    labels, probabilities = films
    called = probabilities >= threshold
    matrix = ConfusionMatrix.from_scores(labels, probabilities, threshold=threshold)
    assert (matrix.tn, matrix.fp, matrix.fn, matrix.tp) == tuple(sk.confusion_matrix(labels, called).ravel())
    expected = {
        "accuracy": sk.accuracy_score(labels, called),
        "sensitivity": sk.recall_score(labels, called),
        "specificity": sk.recall_score(labels, called, pos_label=0),
        "precision": sk.precision_score(labels, called, zero_division=np.nan),
        "negative_predictive_value": sk.precision_score(labels, called, pos_label=0, zero_division=np.nan),
        "f1": sk.f1_score(labels, called, zero_division=np.nan),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, called),
        "youden": sk.balanced_accuracy_score(labels, called, adjusted=True),
        "prevalence": labels.mean(),
        "matthews": sk.matthews_corrcoef(labels, called) if 0 < called.sum() < len(called) else math.nan,
    }
    found = {name: getattr(matrix, name).value for name in expected}
    assert found == pytest.approx(expected, nan_ok=True)
    assert matthews(labels, probabilities, threshold=threshold) == pytest.approx(expected["matthews"], nan_ok=True)


@given(matrices)
@ALIKE
def test_every_rate_lies_in_its_interval_or_is_open(matrix):
    for name in RATES:
        estimate = getattr(matrix, name)
        widest = {"youden": (-1, 1), "matthews": (-1, 1)}.get(name, (0, math.inf if "ratio" in name else 1))
        if math.isnan(estimate.value):
            assert (estimate.low, estimate.high) == widest, name
        else:
            assert widest[0] <= estimate.low <= estimate.value + 1e-12, name
            assert estimate.value - 1e-12 <= estimate.high <= widest[1], name


@given(matrices)
@ALIKE
def test_f1_never_exceeds_the_mean_of_precision_and_recall(matrix):
    if matrix.called_positive and matrix.positives:
        assert matrix.f1.value <= (matrix.precision.value + matrix.sensitivity.value) / 2 + 1e-12


@given(matrices)
@ALIKE
def test_swapping_the_classes_swaps_their_rates(matrix):
    swapped = matrix.swapped()
    assert swapped.swapped() == matrix
    for one, other in (
        ("sensitivity", "specificity"),
        ("precision", "negative_predictive_value"),
        ("accuracy", "accuracy"),
    ):
        assert getattr(swapped, one) == getattr(matrix, other)
    for name in ("youden", "balanced_accuracy", "matthews"):
        ours, theirs = getattr(swapped, name), getattr(matrix, name)
        expected = (theirs.value, theirs.low, theirs.high)
        assert (ours.value, ours.low, ours.high) == pytest.approx(expected, nan_ok=True), name
    ratio, inverse = swapped.likelihood_ratio_positive.value, matrix.likelihood_ratio_negative.value
    if 0 < inverse < math.inf:
        assert ratio == pytest.approx(1 / inverse)


def test_f1_interval_is_the_exact_one_of_its_share():
    """2 J / (1 + J): 20 films are fractured or called so, 14 both."""
    estimate, share = ConfusionMatrix(tp=14, fp=4, fn=2, tn=50).f1, proportion(14, 20)
    assert (estimate.low, estimate.high) == pytest.approx(
        (2 * share.low / (1 + share.low), 2 * share.high / (1 + share.high))
    )
    assert estimate.n == 70


def test_matthews_interval_is_the_delta_methods(rng):
    """Against a numerical gradient of the multinomial's shares, and against resampled matrices."""
    cells = np.array([60, 25, 15, 140])
    matrix = ConfusionMatrix(*map(int, cells))

    def fisher(shares):
        return math.atanh(ConfusionMatrix(*(1e3 * shares)).matthews.value)

    shares, step = cells / cells.sum(), 1e-6
    gradient = np.array([(fisher(shares + step * e) - fisher(shares - step * e)) / (2 * step) for e in np.eye(4)])
    error = math.sqrt(((shares * gradient**2).sum() - (shares * gradient).sum() ** 2) / cells.sum())
    low, high = (math.tanh(fisher(shares) + side * 1.959964 * error) for side in (-1, 1))
    assert (matrix.matthews.low, matrix.matthews.high) == pytest.approx((low, high), abs=1e-6)
    drawn = [ConfusionMatrix(*row).matthews.value for row in rng.multinomial(cells.sum(), shares, 4000)]
    assert (low, high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.015)


def test_matthews_of_a_perfect_call_is_not_taken_for_certain():
    estimate = ConfusionMatrix(tp=10, fp=0, fn=0, tn=10).matthews
    assert estimate.value == estimate.high == 1
    assert 0.3 < estimate.low < 0.95


def test_counts_are_not_negative():
    with pytest.raises(AssertionError, match="negative"):
        ConfusionMatrix(tp=1, fp=-1, fn=0, tn=0)


@given(rated_films(), st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]))
@FEWER
def test_report_is_scikit_learns(films, threshold):
    labels, probabilities = films
    expected = sk.classification_report(labels, probabilities >= threshold, output_dict=True, zero_division=np.nan)
    rows = class_report(labels, probabilities, threshold=threshold)
    keys = ("0", "1", "macro avg", "weighted avg")
    for row, key in zip(rows, keys, strict=True):
        theirs = expected[key]
        found = (row.precision, row.recall, row.f1, row.support)
        assert found == pytest.approx(
            (theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"]), nan_ok=True
        )
    assert [row.name for row in rows] == ["not fractured", "fractured", "macro average", "weighted average"]
