"""The bootstrap: what it covers, and that many resamples at once are the resamples in turn."""

from __future__ import annotations

import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from test_metrics import rated_films

from fracture_core.metrics import (
    ConfusionMatrix,
    average_precision,
    bootstrap,
    brier,
    clustered,
    expected_calibration_error,
    roc_auc,
    summarise,
)
from fracture_core.metrics.resampling import percentile_interval, resampled_weights
from fracture_core.metrics.weighted import weighted_auc, weighted_statistics


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


# Many resamples at once --------------------------------------------------------------------------------

THRESHOLD = 0.5


def _rate(name):
    def rate(labels, probabilities):
        return getattr(ConfusionMatrix.from_scores(labels, probabilities, threshold=THRESHOLD), name).value

    return rate


PLAIN = {
    "auc": roc_auc,
    "average_precision": average_precision,
    "brier": brier,
    "ece": expected_calibration_error,
    **{
        name: _rate(name)
        for name in (
            "accuracy",
            "sensitivity",
            "specificity",
            "precision",
            "negative_predictive_value",
            "f1",
            "balanced_accuracy",
            "likelihood_ratio_positive",
            "likelihood_ratio_negative",
        )
    },
}


@given(rated_films(), st.randoms(use_true_random=False), st.booleans())
@settings(deadline=None, max_examples=40)
def test_weighted_statistics_are_the_plain_ones_on_drawn_films(films, random, grouped):
    """Every statistic on each of ten resamples, ties, absent classes and empty denominators included."""
    labels, probabilities = films
    groups = np.array([random.randrange(5) for _ in labels]) if grouped else None
    weights = np.concatenate(list(resampled_weights(len(labels), groups=groups, rounds=10)))
    found = weighted_statistics(labels == 1, probabilities, weights, threshold=THRESHOLD)
    assert found.keys() == PLAIN.keys()
    for row, drawn in enumerate(np.repeat(np.arange(len(labels)), times.astype(int)) for times in weights):
        for name, statistic in PLAIN.items():
            expected = statistic(labels[drawn], probabilities[drawn])
            assert found[name][row] == pytest.approx(expected, nan_ok=True, abs=1e-12), name
        auc = weighted_auc(labels == 1, probabilities, weights[[row]])
        assert auc[0] == pytest.approx(found["auc"][row], nan_ok=True)


@pytest.mark.parametrize("grouped", [False, True])
def test_summary_is_the_plain_bootstrap_with_the_same_draws(rng, grouped):
    labels = (rng.random(150) < 0.3).astype(int)
    probabilities = np.round(np.clip(0.3 * labels + rng.random(150) * 0.7, 0, 1), 2)
    groups = rng.integers(0, 90, 150) if grouped else None
    found = summarise(labels, probabilities, threshold=THRESHOLD, groups=groups)
    by_count = ("likelihood_ratio_positive", "negative_predictive_value") if grouped else ()
    for name in ("auc", "ece", "f1", *by_count):
        plain = bootstrap(PLAIN[name], labels, probabilities, groups=groups)
        assert (found[name].value, found[name].low, found[name].high) == pytest.approx(
            (plain.value, plain.low, plain.high), abs=1e-12
        ), name


def test_weighted_statistics_are_scikit_learns_with_sample_weights(rng):
    labels = rng.integers(0, 2, 80)
    probabilities = np.round(rng.random(80), 1)
    weights = rng.integers(0, 4, (5, 80)).astype(float)
    found = weighted_statistics(labels == 1, probabilities, weights, threshold=THRESHOLD)
    for row, weight in enumerate(weights):
        expected = (
            sk.roc_auc_score(labels, probabilities, sample_weight=weight),
            sk.average_precision_score(labels, probabilities, sample_weight=weight),
            sk.brier_score_loss(labels, probabilities, sample_weight=weight),
            sk.f1_score(labels, probabilities >= THRESHOLD, sample_weight=weight),
        )
        names = ("auc", "average_precision", "brier", "f1")
        assert tuple(found[name][row] for name in names) == pytest.approx(expected)


def test_weights_draw_as_many_groups_as_there_are():
    groups = np.array([7, 3, 7, 3, 3, 9])
    weights = np.concatenate(list(resampled_weights(6, groups=groups, rounds=40)))
    assert weights.shape == (40, 6)
    for group in (3, 7, 9):
        same = weights[:, groups == group]
        assert (same == same[:, :1]).all()
    assert (weights[:, [0, 1, 5]].sum(axis=1) == 3).all()


def test_summary_of_a_thousand_films_takes_no_two_seconds(rng):
    labels = (rng.random(1000) < 0.2).astype(int)
    probabilities = rng.random(1000)
    began = time.process_time()
    summarise(labels, probabilities, threshold=THRESHOLD, groups=rng.integers(0, 600, 1000))
    assert time.process_time() - began < 2


def test_interval_of_values_that_reach_infinity():
    values = np.append(np.arange(100.0), np.full(20, np.inf))
    assert percentile_interval(np.append(values, np.nan)) == (2.0, math.inf)
    assert percentile_interval(np.full(5, np.inf)) == (math.inf, math.inf)


def test_films_are_clustered_where_any_two_share_a_group():
    assert clustered(np.array([1, 2, 1]))
    assert not clustered(np.array([3, 1, 2]))
    assert not clustered(None)
