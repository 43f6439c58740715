"""Thresholds by rule, and the operating points they give."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from test_metrics import ALIKE, rated_films

from fracture_core.metrics import RULES, OperatingPoint, choose_thresholds, operate


@given(rated_films())
@ALIKE
def test_thresholds_keep_their_rules(films):
    labels, probabilities = films
    chosen = choose_thresholds(labels, probabilities)
    assert chosen.keys() == RULES.keys()
    assert chosen["sensitive"] <= chosen["specific"]
    at = {name: operate(labels, probabilities, threshold=value) for name, value in chosen.items()}
    assert at["sensitive"].sensitivity.value >= 0.95
    assert at["specific"].specificity.value >= 0.95

    def lower(point: OperatingPoint) -> float:
        return min(point.sensitivity.value, point.specificity.value)

    best = max(lower(operate(labels, probabilities, threshold=cut)) for cut in [*probabilities, 2.0])
    assert lower(at["balanced"]) == pytest.approx(best)


@given(rated_films())
@ALIKE
def test_thresholds_are_no_stricter_than_their_rules_ask(films):
    """Unless the two were swapped: then both rules hold at both thresholds."""
    labels, probabilities = films
    chosen = choose_thresholds(labels, probabilities)
    sensitive = operate(labels, probabilities, threshold=chosen["sensitive"])
    if sensitive.specificity.value < 0.95:
        next_film = probabilities[probabilities >= chosen["sensitive"]].min()
        stricter = operate(labels, probabilities, threshold=np.nextafter(next_film, 2))
        assert stricter.sensitivity.value < 0.95


def test_thresholds_lie_between_films():
    labels, probabilities = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])
    chosen = choose_thresholds(labels, probabilities)
    assert chosen["balanced"] == pytest.approx(0.4)
    assert chosen["sensitive"] == chosen["specific"] == pytest.approx(0.4)


def test_thresholds_where_one_probability_serves_all():
    chosen = choose_thresholds(np.array([0, 1]), np.array([0.3, 0.3]))
    assert (chosen["sensitive"], chosen["specific"]) == (0.0, 1.0)


def test_specific_threshold_where_sound_films_reach_certainty():
    labels, probabilities = np.array([0, 0, 1]), np.array([1.0, 0.2, 1.0])
    threshold = choose_thresholds(labels, probabilities)["specific"]
    assert operate(labels, probabilities, threshold=threshold).specificity.value == 1
    assert threshold == pytest.approx(1)


@pytest.mark.parametrize("label", [0, 1])
def test_thresholds_need_both_classes(label):
    with pytest.raises(AssertionError, match="both classes"):
        choose_thresholds(np.full(4, label), np.array([0.1, 0.2, 0.3, 0.4]))


def test_a_film_at_the_threshold_is_called_fractured():
    point = operate(np.array([1, 0, 1]), np.array([0.5, 0.5, 0.4]), threshold=0.5, rule="as told")
    assert (point.sensitivity.value, point.specificity.value) == (0.5, 0)
    assert (point.sensitivity.n, point.specificity.n) == (2, 1)
    assert (point.threshold, point.rule) == (0.5, "as told")


def test_operating_on_one_class_leaves_the_other_open():
    point = operate(np.array([0, 0]), np.array([0.1, 0.9]), threshold=0.5)
    assert math.isnan(point.sensitivity.value)
    assert point.specificity.value == 0.5
