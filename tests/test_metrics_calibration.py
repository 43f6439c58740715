"""Probabilities against outcomes: scores, the reliability curve, and the fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from sklearn import metrics as sk
from test_metrics import ALIKE, rated_films

from fracture_core.metrics import (
    Calibration,
    brier,
    brier_parts,
    expected_calibration_error,
    fit_calibration,
    log_loss,
    proportion,
    reliability,
)


def test_brier_by_hand():
    assert brier(np.array([1, 0, 1]), np.array([0.8, 0.4, 0.5])) == pytest.approx((0.04 + 0.16 + 0.25) / 3)


def test_calibration_error_by_hand():
    labels = np.array([0, 1, 1, 1])
    probabilities = np.array([0.1, 0.3, 0.6, 0.8])
    # two bins of two: |1/2 - 0.2| and |1 - 0.7|, both 0.3
    assert expected_calibration_error(labels, probabilities, bins=2) == pytest.approx(0.3)
    # one bin: |3/4 - 0.45|
    assert expected_calibration_error(labels, probabilities, bins=1) == pytest.approx(0.3)
    # a bin each: 0.1, 0.7, 0.4, 0.2
    assert expected_calibration_error(labels, probabilities, bins=4) == pytest.approx(1.4 / 4)
    # more bins than films: the same
    assert expected_calibration_error(labels, probabilities, bins=10) == pytest.approx(1.4 / 4)


def test_calibration_error_of_the_perfectly_calibrated_constant_is_zero():
    labels = np.repeat([0, 1], 50)
    assert expected_calibration_error(labels, np.full(100, 0.5)) == 0


@given(rated_films(), st.randoms(use_true_random=False))
@ALIKE
def test_calibration_error_does_not_depend_on_the_order_of_films(films, random):
    labels, probabilities = films
    order = list(range(len(labels)))
    random.shuffle(order)
    expected = expected_calibration_error(labels, probabilities)
    assert expected_calibration_error(labels[order], probabilities[order]) == pytest.approx(expected)
    assert 0 <= expected <= 1


@pytest.mark.parametrize(("temperature", "bias"), [(1.0, 0.0), (2.5, -0.8), (0.4, 1.2)])
def test_calibration_recovers_what_made_the_labels(rng, temperature, bias):
    differences = rng.normal(0, 3 * temperature, 40_000)
    labels = (rng.random(40_000) < special.expit(differences / temperature + bias)).astype(int)
    fitted = fit_calibration(differences, labels)
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.bias == pytest.approx(bias, abs=0.06)


def test_calibration_is_the_best_of_its_family(rng):
    """Against scikit-learn's logistic regression without penalty, on enough films that smoothing is nothing."""
    from sklearn.linear_model import LogisticRegression

    differences = rng.normal(0, 2, 5000)
    labels = (rng.random(5000) < special.expit(0.7 * differences - 0.5)).astype(int)
    slope = LogisticRegression(C=1e9).fit(differences[:, None], labels)
    fitted = fit_calibration(differences, labels)
    assert 1 / fitted.temperature == pytest.approx(slope.coef_[0, 0], abs=5e-3)
    assert fitted.bias == pytest.approx(slope.intercept_[0], abs=5e-3)


def test_calibration_stays_finite_where_the_classes_separate():
    fitted = fit_calibration(np.array([-5.0, -4.0, 4.0, 5.0]), np.array([0, 0, 1, 1]))
    assert np.isfinite([fitted.temperature, fitted.bias]).all()
    probabilities = fitted(np.array([-5.0, 5.0]))
    assert 0 < probabilities[0] < 0.5 < probabilities[1] < 1


@pytest.mark.parametrize("rise", [-1.0, 0.0])
def test_where_scores_do_not_rise_with_fracture_all_films_get_the_share_and_keep_their_order(rng, rise):
    labels = np.arange(500) % 5 == 0
    differences = rng.permutation(500) / 100 + rise * labels
    if not rise:
        differences = np.where(labels, differences.mean(), differences)  # on average the same, exactly
    fitted = fit_calibration(differences, labels)
    assert fitted.flat
    probabilities = fitted(differences)
    assert probabilities == pytest.approx(np.full(500, 0.2), abs=0.01)
    apart = np.diff(np.round(fitted(np.unique(differences.round(6))), 7))
    assert (apart > 0).all(), "a record's seven places can tell the films apart"


def test_one_score_for_every_film_is_flat():
    fitted = fit_calibration(np.full(20, 3.0), np.arange(20) < 5)
    assert fitted.flat
    assert fitted(np.array([3.0])) == pytest.approx([5 / 20], abs=0.03)  # Platt's targets are drawn to the middle


def test_a_weak_score_is_not_flat(rng):
    labels = (rng.random(2000) < 0.2).astype(int)
    assert not fit_calibration(rng.normal(size=2000) + 0.3 * labels, labels).flat


def test_calibration_keeps_order_and_shape(rng):
    differences = np.sort(rng.normal(size=(1, 50)))
    probabilities = Calibration(temperature=2.0, bias=-1.0)(differences)
    assert probabilities.shape == (1, 50)
    assert (np.diff(probabilities) > 0).all()
    assert Calibration()(np.array([1000.0, -1000.0])).tolist() == [1.0, 0.0]


@given(rated_films())
@ALIKE
def test_brier_score_and_log_loss_are_scikit_learns(films):
    labels, probabilities = films
    assert brier(labels, probabilities) == pytest.approx(sk.brier_score_loss(labels, probabilities))
    assert log_loss(labels, probabilities) == pytest.approx(sk.log_loss(labels, probabilities))


@given(rated_films())
@ALIKE
def test_brier_parts_make_up_the_score(films):
    labels, probabilities = films
    parts = brier_parts(labels, probabilities)
    whole = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert whole == pytest.approx(brier(labels, probabilities))
    assert parts.miscalibration >= -1e-12
    assert -1e-12 <= parts.discrimination <= parts.uncertainty + 1e-12
    assert parts.uncertainty == pytest.approx(labels.mean() * (1 - labels.mean()))


def test_brier_parts_are_murphys_where_shares_rise():
    probabilities = np.repeat([0.1, 0.4, 0.9], [10, 20, 10])
    labels = np.concatenate([np.arange(10) < 2, np.arange(20) < 8, np.arange(10) < 7])
    parts = brier_parts(labels, probabilities)
    shares, films, mean = np.array([0.2, 0.4, 0.7]), np.array([10, 20, 10]), labels.mean()
    assert parts.miscalibration == pytest.approx((films * (shares - [0.1, 0.4, 0.9]) ** 2).sum() / 40)
    assert parts.discrimination == pytest.approx((films * (shares - mean) ** 2).sum() / 40)


@given(rated_films(), st.integers(1, 15))
@ALIKE
def test_reliability_curve_holds_the_calibration_error(films, bins):
    labels, probabilities = films
    curve = reliability(labels, probabilities, bins=bins)
    assert 1 <= len(curve) <= bins
    assert sum(row.share.n for row in curve) == len(labels)
    assert (np.diff([row.mean_probability for row in curve]) > 0).all()
    gaps = [row.share.n * abs(row.share.value - row.mean_probability) for row in curve]
    expected = expected_calibration_error(labels, probabilities, bins=bins)
    assert sum(gaps) / len(labels) == pytest.approx(expected)


def test_reliability_by_hand():
    labels, probabilities = np.array([0, 1, 1, 1]), np.array([0.1, 0.3, 0.6, 0.8])
    low, high = reliability(labels, probabilities, bins=2)
    assert (low.mean_probability, high.mean_probability) == pytest.approx((0.2, 0.7))
    assert (low.share, high.share) == (proportion(1, 2), proportion(2, 2))


def test_log_loss_of_a_certain_error_is_large_and_finite():
    assert log_loss(np.array([1]), np.array([0.0])) == pytest.approx(-math.log(np.finfo(float).eps))
