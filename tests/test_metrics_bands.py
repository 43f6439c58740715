"""Pointwise bands: against the curves they surround, against resampling by hand, and by group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.metrics import decision_curve, pr_points, roc_points
from fracture_core.metrics.bands import net_benefit_band, pr_band, roc_band

AT = np.linspace(0, 1, 21)


def made(seed: int, n: int = 120, *, decimals: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 3 == 0).astype(int)
    return labels, np.round(1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * labels - 1))), decimals)


def drawn_by_hand(groups: np.ndarray, *, rounds: int, seed: int = 0) -> list[np.ndarray]:
    """The films of each resample, by ``bootstrap``'s draws."""
    rng = np.random.default_rng(seed)
    names, member = np.unique(groups, return_inverse=True)
    films = [np.flatnonzero(member == name) for name in range(len(names))]
    chosen = [rng.integers(0, len(films), len(films)) for _ in range(rounds)]
    return [np.concatenate([films[group] for group in draw]) for draw in chosen]


@given(seed=st.integers(0, 10**6), decimals=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_bands_hold_shares_and_their_low_end_is_never_above_the_high(seed: int, decimals: int) -> None:
    labels, scores = made(seed, decimals=decimals)
    for band in (
        roc_band(labels, scores, at=AT, rounds=60),
        pr_band(labels, scores, at=AT[1:], rounds=60),
    ):
        assert (band.low <= band.high).all()
        assert band.low.min() >= 0
        assert band.high.max() <= 1
    roc = roc_band(labels, scores, at=AT, rounds=60)
    assert (np.diff(roc.low) >= 0).all()
    assert (np.diff(roc.high) >= 0).all()


def test_the_roc_band_is_that_of_resampled_curves() -> None:
    labels, scores = made(1)
    groups = np.arange(len(labels)) // 2
    curves = []
    for films in drawn_by_hand(groups, rounds=80):
        roc = roc_points(labels[films], scores[films])
        curves.append(np.interp(AT, roc.fpr, roc.tpr))
    band = roc_band(labels, scores, at=AT, groups=groups, rounds=80)
    np.testing.assert_allclose([band.low, band.high], np.percentile(curves, [2.5, 97.5], axis=0), atol=1e-9)


def test_the_precision_band_is_that_of_resampled_curves() -> None:
    labels, scores = made(2)
    groups = np.arange(len(labels)) // 3
    curves = []
    for films in drawn_by_hand(groups, rounds=80):
        pr = pr_points(labels[films], scores[films])
        curves.append([pr.precision[np.flatnonzero(pr.recall >= recall - 1e-9)[0]] for recall in AT[1:]])
    band = pr_band(labels, scores, at=AT[1:], groups=groups, rounds=80)
    np.testing.assert_allclose([band.low, band.high], np.percentile(curves, [2.5, 97.5], axis=0), atol=1e-9)


def test_the_net_benefit_band_is_that_of_resampled_curves() -> None:
    labels, scores = made(3)
    groups, at = np.arange(len(labels)) // 2, np.array([0.05, 0.2, 0.5])
    curves = [
        [point.model for point in decision_curve(labels[films], scores[films], at)]
        for films in drawn_by_hand(groups, rounds=80)
    ]
    band = net_benefit_band(labels, scores, at=at, groups=groups, rounds=80)
    np.testing.assert_allclose([band.low, band.high], np.percentile(curves, [2.5, 97.5], axis=0), atol=1e-9)


def test_related_films_widen_a_band() -> None:
    labels, scores = made(4, n=40)
    labels, scores = np.repeat(labels, 6), np.repeat(scores, 6)
    alone = roc_band(labels, scores, at=AT)
    together = roc_band(labels, scores, at=AT, groups=np.repeat(np.arange(40), 6))
    assert (together.high - together.low).mean() > 1.5 * (alone.high - alone.low).mean()


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_no_roc(label: int) -> None:
    band = roc_band(np.full(5, label), np.linspace(0, 1, 5), at=AT, rounds=10)
    assert np.isnan(band.low).all()
    assert np.isnan(band.high).all()
