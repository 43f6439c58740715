"""Statistics against published values, scikit-learn, scipy, and sums done by hand."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sk

from fracture_core.metrics import (
    RULES,
    Calibration,
    Estimate,
    OperatingPoint,
    average_precision,
    bootstrap,
    brier,
    choose_thresholds,
    expected_calibration_error,
    fit_calibration,
    operate,
    proportion,
    roc_auc,
    summarise,
)

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


# Proportions -------------------------------------------------------------------------------------------


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


# Calibration -------------------------------------------------------------------------------------------


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


def test_calibration_keeps_order_and_shape(rng):
    differences = np.sort(rng.normal(size=(1, 50)))
    probabilities = Calibration(temperature=2.0, bias=-1.0)(differences)
    assert probabilities.shape == (1, 50)
    assert (np.diff(probabilities) > 0).all()
    assert Calibration()(np.array([1000.0, -1000.0])).tolist() == [1.0, 0.0]


# Bootstrap ---------------------------------------------------------------------------------------------


def _mean(labels, scores):
    return float(scores.mean())


def test_bootstrap_covers_the_truth(rng):
    covered = 0
    for seed in range(150):
        sample = rng.normal(3, 1, 60)
        estimate = bootstrap(_mean, np.zeros(60), sample, rounds=300, seed=seed)
        covered += estimate.low <= 3 <= estimate.high
    assert 0.88 <= covered / 150 <= 0.99


def test_bootstrap_covers_the_truth_of_films_in_groups_only_by_group(rng):
    groups = np.repeat(np.arange(30), 6)
    alone, grouped = 0, 0
    for seed in range(100):
        sample = rng.normal(0, 1, 30)[groups] + rng.normal(0, 0.1, 180)  # films of a patient are alike
        by_film = bootstrap(_mean, np.zeros(180), sample, rounds=200, seed=seed)
        by_group = bootstrap(_mean, np.zeros(180), sample, groups=groups, rounds=200, seed=seed)
        alone += by_film.low <= 0 <= by_film.high
        grouped += by_group.low <= 0 <= by_group.high
    assert grouped >= 85
    assert alone <= 75


def test_bootstrap_draws_groups_whole():
    groups = np.array([7, 3, 7, 3, 3, 9])
    sizes = {7: 2, 3: 3, 9: 1}
    draws = []

    def note(labels, scores):
        draws.append(scores)
        return 0.0

    bootstrap(note, np.zeros(6), groups, groups=groups, rounds=50)
    for drawn in draws:
        times = {group: int((drawn == group).sum()) / size for group, size in sizes.items()}
        assert all(count == int(count) for count in times.values())
        assert sum(times.values()) == 3
    assert len({len(drawn) for drawn in draws}) > 1


def test_bootstrap_is_repeatable_and_follows_its_seed(rng):
    sample = rng.normal(size=40)
    first, again = (bootstrap(_mean, np.zeros(40), sample, rounds=50, seed=5) for _ in range(2))
    assert first == again
    assert first != bootstrap(_mean, np.zeros(40), sample, rounds=50, seed=6)
    assert first.value == sample.mean()
    assert first.n == 40


def test_bootstrap_leaves_out_undefined_resamples(rng):
    labels = np.array([1, *[0] * 9])  # a third of the resamples holds no fracture
    estimate = bootstrap(roc_auc, labels, rng.random(10), rounds=200)
    assert np.isfinite([estimate.value, estimate.low, estimate.high]).all()


def test_bootstrap_of_an_undefined_statistic_is_undefined_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate = bootstrap(roc_auc, np.zeros(5), np.arange(5.0), rounds=20)
    assert np.isnan([estimate.value, estimate.low, estimate.high]).all()
    assert estimate.n == 5


# Thresholds --------------------------------------------------------------------------------------------


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


# Summary -----------------------------------------------------------------------------------------------


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
    }
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx(expected)
    assert all(0 <= estimate.low <= estimate.high <= 1 for estimate in found.values())
    assert found["sensitivity"].n == labels.sum()
    assert found["precision"].n == called.sum()
    assert found["auc"].n == 120


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


@pytest.mark.parametrize(
    "estimate, percent, decimal",
    [
        (Estimate(0.912, 0.8596, 0.9449, 90), "91 % [86–94]", "0.912 [0.860–0.945]"),
        (Estimate(1.0, 0.16, 1.0, 2), "100 % [16–100]", "1.000 [0.160–1.000]"),
        (Estimate(0.0004, 0.0, 0.002, 431), "0 % [0–0]", "0.000 [0.000–0.002]"),
        (proportion(0, 0), "an unmeasured share", "not measured"),
        (Estimate(0.5, math.nan, math.nan, 9), "an unmeasured share", "not measured"),
    ],
)
def test_estimates_are_said_with_their_interval(estimate, percent, decimal):
    assert estimate.percent() == percent
    assert estimate.decimal() == decimal
