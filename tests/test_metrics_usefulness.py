"""Predictive values at any prevalence, and net benefit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from test_metrics import ALIKE, rated_films

from fracture_core.metrics import ConfusionMatrix, decision_curve, predictive_values


def test_predictive_values_as_published():
    """Altman and Bland, BMJ 309:102 (1994): a liver scan moved from a prevalence of 0.75 to one of 0.25."""
    positive, negative = predictive_values(231 / 258, 54 / 86, np.array([0.75, 0.25]))
    assert positive == pytest.approx([0.88, 0.45], abs=0.005)
    assert negative == pytest.approx([0.67, 0.95], abs=0.005)


@given(rated_films())
@ALIKE
def test_predictive_values_at_the_films_own_prevalence_are_the_films_own(films):
    matrix = ConfusionMatrix.from_scores(*films, threshold=0.5)
    found = predictive_values(matrix.sensitivity.value, matrix.specificity.value, matrix.prevalence.value)
    expected = (matrix.precision.value, matrix.negative_predictive_value.value)
    assert tuple(map(float, found)) == pytest.approx(expected, nan_ok=True)


def test_predictive_values_where_a_call_never_happens():
    positive, negative = predictive_values(0.0, 1.0, 0.3)
    assert math.isnan(positive)
    assert negative == pytest.approx(0.7)


def test_net_benefit_by_hand():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    probabilities = np.array([0.9, 0.6, 0.1, 0.7, 0.2, 0.2, 0.1, 0.1, 0.0, 0.0])
    quarter, half = decision_curve(labels, probabilities, [0.25, 0.5])
    # at 0.25 and at 0.5 two fractures and one false alarm; a false alarm weighs 1/3, then 1
    assert (quarter.model, half.model) == pytest.approx(((2 - 1 / 3) / 10, (2 - 1) / 10))
    assert (quarter.all, half.all) == pytest.approx(((3 - 7 / 3) / 10, (3 - 7) / 10))
    assert quarter.none == half.none == 0


@given(rated_films())
@ALIKE
def test_net_benefit_keeps_its_bounds(films):
    labels, probabilities = films
    curve = decision_curve(labels, probabilities, np.linspace(0, 0.9, 10))
    assert curve[0].model == curve[0].all == pytest.approx(labels.mean())  # at 0 every film is acted on
    for row in curve:
        assert row.model <= labels.mean() + 1e-12
        assert row.all <= labels.mean() + 1e-12
        assert row.none == 0
    at = next(row for row in decision_curve(labels, probabilities, [labels.mean()]))
    assert at.all == pytest.approx(0)  # acting on all breaks even at the prevalence


@pytest.mark.parametrize("threshold", [-0.1, 1.0])
def test_net_benefit_needs_a_threshold_probability(threshold):
    with pytest.raises(AssertionError, match=r"\[0, 1\)"):
        decision_curve(np.array([0, 1]), np.array([0.1, 0.9]), [threshold])
