"""Estimates, intervals from counts, and ranking, against published values and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from fracture_core.metrics import Estimate, average_precision, pr_points, proportion, roc_auc, roc_points
from fracture_core.metrics.estimates import share_difference, share_ratio

ALIKE = settings(deadline=None, max_examples=100)


@st.composite
def rated_films(draw):
    """Labels of both classes and probabilities, often tied, 0 and 1 among them."""
    positives, negatives = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    values = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 1000).map(lambda part: part / 1000))
    count = positives + negatives
    scores = draw(st.lists(values, min_size=count, max_size=count))
    labels = draw(st.permutations([1] * positives + [0] * negatives))
    return np.array(labels), np.array(scores)


# Intervals from counts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_exact_interval_as_published(successes, trials, low, high):
    """Newcombe, Stat. Med. 17:857 (1998), Table I, method 5 (Clopper and Pearson)."""
    estimate = proportion(successes, trials)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)
    assert (estimate.value, estimate.n) == (successes / trials, trials)


@given(st.integers(1, 300), st.data())
@ALIKE
def test_exact_interval_is_scipys(trials, data):
    successes = data.draw(st.integers(0, trials))
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, "exact")
    estimate = proportion(successes, trials)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert estimate.low <= estimate.value <= estimate.high


def test_proportion_of_nothing_says_so():
    estimate = proportion(0, 0)
    assert math.isnan(estimate.value)
    assert (estimate.low, estimate.high, estimate.n) == (0.0, 1.0, 0)


@pytest.mark.parametrize(
    ("a", "n", "b", "m", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_interval_of_a_difference_as_published(a, n, b, m, low, high):
    """Newcombe, Stat. Med. 17:873 (1998), Table II, method 10."""
    estimate = share_difference(a, n, b, m)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)
    assert (estimate.value, estimate.n) == (a / n - b / m, n + m)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@ALIKE
def test_intervals_of_two_shares_are_statsmodels(n, m, data):
    proportions = pytest.importorskip("statsmodels.stats.proportion")
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    difference, ratio = share_difference(a, n, b, m), share_ratio(a, n, b, m)
    expected = proportions.confint_proportions_2indep(a, n, b, m, compare="diff", method="newcomb")
    assert (difference.low, difference.high) == pytest.approx(expected, abs=1e-9)
    assert difference.low <= difference.value <= difference.high
    if a and b and (a, b) != (n, m):
        expected = proportions.confint_proportions_2indep(a, n, b, m, compare="ratio", method="log")
        assert (ratio.low, ratio.high) == pytest.approx(expected)
    if a or b:
        assert ratio.low <= ratio.value <= ratio.high


def test_ratio_to_nothing_keeps_a_lower_end():
    estimate = share_ratio(9, 10, 0, 40)
    assert estimate.value == estimate.high == math.inf
    # by hand: (9.5 / 11) / (0.5 / 41), and the logarithm's error from those counts
    error = math.sqrt(1 / 9.5 - 1 / 11 + 1 / 0.5 - 1 / 41)
    assert estimate.low == pytest.approx((9.5 / 11) / (0.5 / 41) * math.exp(-1.959964 * error), rel=1e-6)


def test_ratio_of_nothing_is_zero_and_keeps_an_upper_end():
    estimate, turned = share_ratio(0, 40, 9, 10), share_ratio(9, 10, 0, 40)
    assert estimate.value == estimate.low == 0
    assert estimate.high == pytest.approx(1 / turned.low)


def test_ratio_of_full_samples_is_not_taken_for_certain():
    estimate = share_ratio(10, 10, 5, 5)
    assert estimate.low < estimate.value == 1 < estimate.high


@pytest.mark.parametrize("counts", [(0, 10, 0, 10), (0, 0, 3, 10), (3, 10, 0, 0)])
def test_ratio_that_says_nothing_is_open(counts):
    estimate = share_ratio(*counts)
    assert math.isnan(estimate.value)
    assert (estimate.low, estimate.high) == (0, math.inf)


@pytest.mark.parametrize(
    "estimate, percent, decimal",
    [
        (Estimate(0.912, 0.8596, 0.9449, 90), "91 % [86–94]", "0.912 [0.860–0.945]"),
        (Estimate(1.0, 0.16, 1.0, 2), "100 % [16–100]", "1.000 [0.160–1.000]"),
        (Estimate(0.0004, 0.0, 0.002, 431), "0 % [0–0]", "0.000 [0.000–0.002]"),
        (Estimate(-0.024, -0.095, 0.046, 9), "-2 % [-10–5]", "−0.024 [−0.095, 0.046]"),
        (Estimate(math.inf, 3.21, math.inf, 9), "an unmeasured share", "∞ [3.210–∞]"),
        (proportion(0, 0), "an unmeasured share", "not measured"),
        (Estimate(0.5, math.nan, math.nan, 9), "an unmeasured share", "not measured"),
    ],
)
def test_estimates_are_said_with_their_interval(estimate, percent, decimal):
    assert estimate.percent() == percent
    assert estimate.decimal() == decimal


# Ranking -----------------------------------------------------------------------------------------------


@given(rated_films())
@ALIKE
def test_auc_and_average_precision_are_scikit_learns(films):
    labels, scores = films
    assert roc_auc(labels, scores) == pytest.approx(sk.roc_auc_score(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(sk.average_precision_score(labels, scores))


def test_auc_by_hand():
    # pairs (fractured, not): .8>.3, .8>.5, .5>.3 win, .5=.5 is half: 3.5 of 4
    assert roc_auc(np.array([1, 0, 1, 0]), np.array([0.8, 0.3, 0.5, 0.5])) == 3.5 / 4


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_auc_needs_both_classes(labels):
    assert math.isnan(roc_auc(np.array(labels), np.array([0.1, 0.2, 0.3])))


def test_average_precision_needs_a_fracture():
    assert math.isnan(average_precision(np.array([0, 0]), np.array([0.1, 0.2])))
    assert average_precision(np.array([1, 1]), np.array([0.1, 0.2])) == 1


def test_auc_of_undefined_scores_is_undefined():
    assert math.isnan(roc_auc(np.array([0, 1, 1]), np.array([0.1, np.nan, 0.3])))


@given(rated_films())
@ALIKE
def test_auc_is_the_same_for_every_rising_map_of_scores(films):
    labels, scores = films
    assert roc_auc(labels, np.exp(3 * scores) - 5) == pytest.approx(roc_auc(labels, scores))
    assert roc_auc(labels, -scores) == pytest.approx(1 - roc_auc(labels, scores))
    assert roc_auc(1 - labels, scores) == pytest.approx(1 - roc_auc(labels, scores))


@given(rated_films())
@ALIKE
def test_curves_are_scikit_learns(films):
    labels, scores = films
    roc, pr = roc_points(labels, scores), pr_points(labels, scores)
    fpr, tpr, thresholds = sk.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose([roc.fpr, roc.tpr, roc.threshold], [fpr, tpr, thresholds])
    precision, recall, thresholds = sk.precision_recall_curve(labels, scores)  # ends in a point of no threshold
    np.testing.assert_allclose(
        [pr.precision, pr.recall, pr.threshold], [precision[-2::-1], recall[-2::-1], thresholds[::-1]]
    )


@given(rated_films())
@ALIKE
def test_areas_lie_under_their_curves(films):
    labels, scores = films
    roc, pr = roc_points(labels, scores), pr_points(labels, scores)
    assert np.trapezoid(roc.tpr, roc.fpr) == pytest.approx(roc_auc(labels, scores))
    steps = np.diff(pr.recall, prepend=0) @ pr.precision
    assert steps == pytest.approx(average_precision(labels, scores))


def test_curves_of_one_class_leave_the_other_open():
    labels, scores = np.zeros(3), np.array([0.1, 0.2, 0.2])
    roc, pr = roc_points(labels, scores), pr_points(labels, scores)
    assert roc.fpr.tolist() == [0, 2 / 3, 1]
    assert np.isnan(roc.tpr).all()
    assert np.isnan(pr.recall).all()
    assert pr.precision.tolist() == [0, 0]
