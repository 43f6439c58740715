"""The summary at one threshold, and the same within subgroups."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from fracture_core.metrics import ConfusionMatrix, expected_calibration_error, proportion, subgroups, summarise
from fracture_core.metrics.summary import newcombe


def test_summary_is_scikit_learns(rng):
    labels = (rng.random(120) < 0.3).astype(int)
    probabilities = np.round(np.clip(0.3 * labels + rng.random(120) * 0.7, 0, 1), 2)
    called = (probabilities >= 0.5).astype(int)
    found = summarise(labels, probabilities, threshold=0.5)
    expected = {
        "auc": sk.roc_auc_score(labels, probabilities),
        "average_precision": sk.average_precision_score(labels, probabilities),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, called),
        "f1": sk.f1_score(labels, called),
        "brier": sk.brier_score_loss(labels, probabilities),
        "accuracy": sk.accuracy_score(labels, called),
        "sensitivity": sk.recall_score(labels, called),
        "specificity": sk.recall_score(labels, called, pos_label=0),
        "precision": sk.precision_score(labels, called),
        "negative_predictive_value": sk.precision_score(labels, called, pos_label=0),
        "ece": expected_calibration_error(labels, probabilities),
        "likelihood_ratio_positive": sk.class_likelihood_ratios(labels, called)[0],
        "likelihood_ratio_negative": sk.class_likelihood_ratios(labels, called)[1],
    }
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(expected)
    assert all(0 <= estimate.low <= estimate.value <= estimate.high for estimate in found.values())
    assert all(estimate.high <= 1 for name, estimate in found.items() if "ratio" not in name)
    assert found["sensitivity"].n == labels.sum()
    assert found["precision"].n == called.sum()
    assert found["auc"].n == 120


def test_the_calibration_error_of_a_calibrated_model_lies_in_its_interval(rng):
    probabilities = rng.random(150)
    for _ in range(20):  # resamples alone lie above the measured error in most of these
        found = summarise((rng.random(150) < probabilities).astype(int), probabilities, threshold=0.5)["ece"]
        assert found.low <= found.value <= found.high


def test_summary_widens_for_films_that_belong_together(rng):
    patients = np.repeat(np.arange(20), 6)
    labels = (np.arange(20) % 2)[patients]
    probabilities = np.clip(0.5 + 0.1 * (labels - 0.5) + rng.normal(0, 0.2, 20)[patients], 0, 1)
    alone = summarise(labels, probabilities, threshold=0.5)["auc"]
    grouped = summarise(labels, probabilities, threshold=0.5, groups=patients)["auc"]
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_summary_of_one_class_leaves_open_what_needs_two():
    found = summarise(np.zeros(6, int), np.linspace(0, 0.4, 6), threshold=0.5)
    for name in ("auc", "average_precision", "balanced_accuracy", "f1", "sensitivity", "precision"):
        assert math.isnan(found[name].value), name
    assert found["specificity"].value == found["accuracy"].value == 1


PROPORTIONS = ("accuracy", "sensitivity", "specificity", "precision", "negative_predictive_value")
RATIOS = ("likelihood_ratio_positive", "likelihood_ratio_negative")


def _alike_within_patients(rng):
    """60 patients of six films each: the films of a patient share the label and, nearly, the probability."""
    patients = np.repeat(np.arange(60), 6)
    labels = (np.arange(60) % 2)[patients]
    probabilities = 0.5 + 0.15 * (labels - 0.5) + rng.normal(0, 0.1, 60)[patients] + rng.normal(0, 0.01, 360)
    return labels, np.clip(probabilities, 0, 1), patients


def test_rates_of_films_alone_keep_the_intervals_of_their_counts(rng):
    labels, probabilities, _ = _alike_within_patients(rng)
    matrix = ConfusionMatrix.from_scores(labels, probabilities, threshold=0.5)
    for groups in (None, rng.permutation(360)):
        found = summarise(labels, probabilities, threshold=0.5, groups=groups)
        assert all(found[name] == getattr(matrix, name) for name in (*PROPORTIONS, *RATIOS))


@pytest.mark.parametrize("name", [*PROPORTIONS, *RATIOS])
def test_rates_widen_for_films_that_belong_together(rng, name):
    labels, probabilities, patients = _alike_within_patients(rng)
    alone = summarise(labels, probabilities, threshold=0.5)[name]
    grouped = summarise(labels, probabilities, threshold=0.5, groups=patients)[name]
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
    assert (grouped.value, grouped.n) == (alone.value, alone.n)


def test_summary_does_not_take_a_perfect_score_for_certain():
    """All resamples agree; the interval is that of as many films as there are patients."""
    labels, patients = np.repeat([0, 1], 20), np.repeat(np.arange(10), 4)
    found = summarise(labels, 0.2 + 0.6 * labels, threshold=0.5, groups=patients)
    effective = ConfusionMatrix(tp=5, fp=0, fn=0, tn=5)
    for name in (*PROPORTIONS, *RATIOS, "f1", "balanced_accuracy"):
        expected = getattr(effective, name)
        assert (found[name].low, found[name].high) == pytest.approx((expected.low, expected.high)), name
    assert found["likelihood_ratio_positive"].value == math.inf
    assert found["auc"].value == 1
    assert found["auc"].low == pytest.approx(proportion(5, 5).low)
    assert found["auc"].n == 40


def test_summary_refuses_probabilities_that_are_no_numbers():
    with pytest.raises(AssertionError, match="finite"):
        summarise(np.array([0, 1]), np.array([0.1, np.nan]), threshold=0.5)


# Subgroups ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grouped", [False, True])
def test_subgroup_is_the_summary_of_its_films(rng, grouped):
    labels, probabilities = rng.integers(0, 2, 90), rng.random(90)
    groups = rng.integers(0, 40, 90) if grouped else None
    hand = rng.random(90) < 0.5
    rows = subgroups(labels, probabilities, {"hand": hand, "all": np.ones(90, bool)}, threshold=0.4, groups=groups)
    assert [row.name for row in rows] == ["hand", "all"]
    for row, films in zip(rows, (hand, np.ones(90, bool)), strict=True):
        within = groups[films] if grouped else None
        expected = summarise(labels[films], probabilities[films], threshold=0.4, groups=within)
        assert (row.n, row.fractured, row.reason) == (films.sum(), labels[films].sum(), "")
        assert (row.auc, row.sensitivity, row.specificity) == (
            expected["auc"],
            expected["sensitivity"],
            expected["specificity"],
        )


def test_subgroups_say_why_a_statistic_is_undefined():
    labels, probabilities = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    members = {"sound": labels == 0, "broken": labels == 1, "nobody": np.zeros(4, bool)}
    sound, broken, nobody = subgroups(labels, probabilities, members, threshold=0.5)
    assert (sound.reason, broken.reason, nobody.reason) == (
        "no film is fractured",
        "every film is fractured",
        "no film",
    )
    for row in (sound, broken, nobody):
        assert math.isnan(row.auc.value)
        assert (row.auc.low, row.auc.high) == (0, 1)
    assert (sound.n, broken.n, nobody.n) == (2, 2, 0)
    assert math.isnan(sound.sensitivity.value)
    assert sound.specificity == broken.sensitivity == proportion(1, 2)


def test_subgroups_need_a_word_on_every_film():
    with pytest.raises(AssertionError, match="every film"):
        subgroups(np.array([0, 1]), np.array([0.1, 0.9]), {"hand": np.array([True])}, threshold=0.5)


@pytest.mark.parametrize("fractured", [1, 3])
def test_the_interval_of_a_few_fractured_films_holds_the_truth_as_often_as_it_says(fractured):
    rng = np.random.default_rng(0)
    truth = 0.5 * (1 + math.erf(1.0 / 2))  # AUC of normal scores one standard deviation apart
    labels, held = np.repeat([1, 0], [fractured, 30]), []
    for _ in range(80):
        scores = 1 / (1 + np.exp(-rng.normal(labels * 1.0)))
        auc = summarise(labels, scores, threshold=0.5)["auc"]
        held.append(auc.low <= truth <= auc.high)
    assert np.mean(held) > 0.87  # the bootstrap alone: 0.3 and 0.75


@given(st.floats(0.01, 0.99), st.integers(1, 40), st.integers(1, 400))
def test_newcombes_interval_holds_the_auc_and_narrows_with_films(auc, fractured, others):
    low, high = newcombe(auc, fractured, others)
    assert 0 <= low < auc < high <= 1
    closer_low, closer_high = newcombe(auc, 2 * fractured, 2 * others)
    assert low <= closer_low + 1e-9
    assert closer_high <= high + 1e-9


def test_one_group_alone_has_no_interval_that_only_resampling_gives():
    labels, scores = np.array([1, 1, 0, 0, 0, 1]), np.array([0.9, 0.6, 0.7, 0.2, 0.1, 0.8])
    found = summarise(labels, scores, threshold=0.5, groups=np.zeros(6, int))
    assert 0.7 < found["auc"].value < 0.9
    assert found["auc"].low < 0.3
    assert found["auc"].high > 0.95
    for name in ("average_precision", "brier"):
        assert math.isfinite(found[name].value)
        assert math.isnan(found[name].low)
        assert math.isnan(found[name].high)
    assert found["sensitivity"].low < found["sensitivity"].high


def test_a_perfect_average_precision_is_no_surer_than_a_perfect_auc():
    found = summarise(np.array([1, 1, 1, 0, 0, 0]), np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1]), threshold=0.5)
    assert found["average_precision"] == found["auc"]
    assert found["auc"].low < 0.5
