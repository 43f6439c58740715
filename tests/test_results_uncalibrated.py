"""Scores before calibration, whether calibration helped, and operating points at another prevalence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.errors import FractureError
from fracture_core.metrics import (
    Calibration,
    ConfusionMatrix,
    Estimate,
    expected_calibration_error,
    predictive_values,
    summarise,
)
from fracture_core.results import read_records, scored_films
from fracture_core.results.operating import of_patients, operating_values
from fracture_core.results.uncalibrated import calibration_effect, recorded_calibration, uncalibrated

POINTS = {
    "balanced": {"threshold": 0.5, "rule": "by the middle"},
    "sensitive": {"threshold": 0.2, "rule": "by the low end"},
}


def softmax(differences: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-differences)))


@given(
    temperature=st.floats(0.2, 5),
    bias=st.floats(-2, 2),
    differences=st.lists(st.floats(-4, 4), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_the_inverse_of_calibration_gives_back_the_softmax(
    temperature: float, bias: float, differences: list[float]
) -> None:
    calibration, logits = Calibration(temperature, bias), np.array(differences)
    calibrated = calibration(logits)
    known = (calibrated > 1e-5) & (calibrated < 1 - 1e-5)
    np.testing.assert_allclose(uncalibrated(calibration, calibrated)[known], softmax(logits)[known], atol=1e-6)


def test_zero_and_one_stay_finite_and_in_order() -> None:
    found = uncalibrated(Calibration(2.0, -0.5), np.array([0.0, 1e-5, 0.5, 1 - 1e-5, 1.0]))
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    assert found[0] > 0
    assert found[-1] < 1


def test_the_records_at_hand_give_back_their_own_error_before_calibration() -> None:
    checked = 0
    for record in read_records():
        stored = ((record.get("argmax") or {}).get("ece") or {}).get("value")
        if stored is None or not (record.get("cases") and record.get("calibration")):
            continue
        films = scored_films(record)
        before = uncalibrated(recorded_calibration(record), films.scores)
        assert expected_calibration_error(films.labels, before) == pytest.approx(stored, abs=2e-3)
        checked += 1
    assert checked


@pytest.mark.parametrize("stored", [None, {}, {"temperature": 0, "bias": 0}, {"temperature": "warm", "bias": 0}])
def test_a_record_without_its_calibration_says_so(stored: object) -> None:
    with pytest.raises(FractureError, match="'r' does not say how its scores were calibrated"):
        recorded_calibration({"id": "r", "calibration": stored})


def test_calibration_that_helps_and_calibration_that_harms(rng: np.random.Generator) -> None:
    truth = rng.uniform(0.05, 0.95, 600)
    labels = (rng.random(600) < truth).astype(int)
    overconfident = uncalibrated(Calibration(3.0, 0.0), truth)
    helped = calibration_effect(labels, overconfident, truth)
    assert helped.change.high < 0
    assert helped.change.value == pytest.approx(helped.after.value - helped.before.value)
    harmed = calibration_effect(labels, truth, overconfident)
    assert harmed.change.low > 0
    assert (harmed.change.low, harmed.change.high) == pytest.approx((-helped.change.high, -helped.change.low))


def test_the_effect_s_errors_are_those_of_the_summary(rng: np.random.Generator) -> None:
    scores = np.round(rng.random(90), 4)
    labels, groups = (rng.random(90) < scores).astype(int), np.arange(90) // 3
    found = calibration_effect(labels, scores**2, scores, groups=groups)
    told = summarise(labels, scores, threshold=0.5, groups=groups)["ece"]
    assert found.after.value == pytest.approx(told.value)
    assert found.after.low == pytest.approx(told.low, abs=0.01)
    assert found.after.high == pytest.approx(told.high, abs=0.01)


# Operating points -------------------------------------------------------------------------------------


def made(rng: np.random.Generator, *, size: int = 1, films: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    groups = np.arange(films) // size
    labels = (groups % 3 == 0).astype(int)
    return labels, np.clip(0.3 * labels + 0.7 * rng.random(films), 0, 1), groups


def test_independent_films_get_exact_intervals(rng: np.random.Generator) -> None:
    labels, scores, groups = made(rng)
    balanced, sensitive = operating_values({"operating_points": POINTS}, labels=labels, scores=scores, groups=groups)
    matrix = ConfusionMatrix.from_scores(labels, scores, threshold=0.5)
    assert balanced.sensitivity == matrix.sensitivity
    assert balanced.likelihood_ratio_positive == matrix.likelihood_ratio_positive
    assert (balanced.name, balanced.rule, sensitive.threshold) == ("balanced", "by the middle", 0.2)


def test_related_films_get_intervals_by_group(rng: np.random.Generator) -> None:
    labels, scores, _ = made(rng, films=30)
    many = np.repeat(labels, 8), np.repeat(scores, 8), np.repeat(np.arange(30), 8)
    found = operating_values({"operating_points": POINTS}, labels=many[0], scores=many[1], groups=many[2])[0]
    told = summarise(many[0], many[1], threshold=0.5, groups=many[2])
    exact = ConfusionMatrix.from_scores(many[0], many[1], threshold=0.5).specificity
    assert found.specificity.value == told["specificity"].value
    assert found.specificity.low == pytest.approx(told["specificity"].low, abs=0.05)
    assert found.specificity.high - found.specificity.low > 1.5 * (exact.high - exact.low)


def test_a_perfect_class_keeps_an_interval(rng: np.random.Generator) -> None:
    labels = np.repeat([1, 0], 20)
    found = operating_values(
        {"operating_points": POINTS}, labels=labels, scores=0.1 + 0.8 * labels, groups=np.arange(40) // 4
    )[0]
    assert found.sensitivity.value == 1
    assert 0.3 < found.sensitivity.low < 0.6  # of five groups
    yes, no = found.predictive(0.2)
    assert yes.value == no.value == 1
    assert yes.low < 1
    assert no.low < 1


@given(prevalence=st.floats(0.01, 0.99), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_predictive_values_are_bayes_and_lie_in_their_intervals(prevalence: float, seed: int) -> None:
    labels, scores, groups = made(np.random.default_rng(seed), size=2, films=60)
    for point in operating_values({"operating_points": POINTS}, labels=labels, scores=scores, groups=groups):
        yes, no = point.predictive(prevalence)
        expected = predictive_values(point.sensitivity.value, point.specificity.value, prevalence)
        for found, value in ((yes, expected.positive), (no, expected.negative)):
            assert found.value == pytest.approx(float(value), nan_ok=True)
            assert 0 <= found.low <= found.high <= 1
            assert math.isnan(found.value) or found.low - 0.02 <= found.value <= found.high + 0.02


@given(
    prevalence=st.floats(0.01, 0.99),
    seed=st.integers(0, 1000),
    patients=st.integers(1, 5000),
)
@settings(max_examples=30, deadline=None)
def test_patients_add_up(prevalence: float, seed: int, patients: int) -> None:
    labels, scores, groups = made(np.random.default_rng(seed), films=60)
    point = operating_values({"operating_points": POINTS}, labels=labels, scores=scores, groups=groups)[0]
    told = of_patients(point, prevalence=prevalence, patients=patients)
    assert told.found + told.missed == told.fractured == round(patients * prevalence)
    assert told.found + told.missed + told.false_alarms + told.cleared == patients
    assert told.flagged == told.found + told.false_alarms
    assert min(told.found, told.missed, told.false_alarms, told.cleared) >= 0


def test_a_record_s_own_rates_stand_where_they_are_of_these_films(rng: np.random.Generator) -> None:
    labels, scores, groups = made(rng)
    stored = {"value": 0.9, "low": 0.8, "high": 0.95, "n": int(labels.sum())}
    point = {"threshold": 0.5, "sensitivity": stored, "specificity": {**stored, "n": 7}}
    (found,) = operating_values(
        {"operating_points": {"balanced": point}}, labels=labels, scores=scores, groups=groups
    )
    assert found.sensitivity == Estimate(**stored)
    assert found.specificity == ConfusionMatrix.from_scores(labels, scores, threshold=0.5).specificity


def test_a_record_without_operating_points_has_none(rng: np.random.Generator) -> None:
    labels, scores, groups = made(rng)
    assert operating_values({}, labels=labels, scores=scores, groups=groups) == ()
    assert operating_values({"operating_points": {"a": {}}}, labels=labels, scores=scores, groups=groups) == ()
