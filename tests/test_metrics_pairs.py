"""Paired comparison: DeLong and McNemar against published examples and plain sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_metrics import ALIKE, rated_films

from fracture_core.metrics import bootstrap, compare, delong_interval, mcnemar, proportion, roc_auc

# albumin, total protein, K-G score, outcome of 43 patients with ovarian cancer (DeLong et al. 1988)
_PATIENTS = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
    3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
    2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
    3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
    3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
    3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
OVARIAN = np.array(_PATIENTS.split(), float).reshape(-1, 4)


@pytest.mark.parametrize(
    ("column", "auc", "difference", "low", "high", "chi_square", "p"),
    [
        (0, 0.7366, 0.0108, -0.1761, 0.1976, 0.0127, 0.9102),
        (1, 0.6478, -0.0780, -0.2830, 0.1271, 0.5554, 0.4561),
    ],
)
def test_delong_as_published(column, auc, difference, low, high, chi_square, p):
    """SAS/STAT User's Guide, LOGISTIC, "Comparing Receiver Operating Characteristic Curves": against K-G."""
    found = compare(OVARIAN[:, 3], OVARIAN[:, column], 10 - OVARIAN[:, 2], threshold_first=3, threshold_second=5)
    assert (found.first.value, found.second.value) == pytest.approx((auc, 0.7258), abs=5e-5)
    interval = (found.difference.value, found.difference.low, found.difference.high)
    assert interval == pytest.approx((difference, low, high), abs=6e-5)
    assert (found.z**2, found.p) == pytest.approx((chi_square, p), abs=5e-5)


def _plain_delong(labels, scores):
    """AUCs and their covariance as DeLong et al. (1988) define them, pair by pair."""
    x, y = [s[labels == 1] for s in scores], [s[labels == 0] for s in scores]
    won = [(a[:, None] > b) + 0.5 * (a[:, None] == b) for a, b in zip(x, y, strict=True)]
    s10, s01 = np.cov([w.mean(axis=1) for w in won]), np.cov([w.mean(axis=0) for w in won])
    return [w.mean() for w in won], s10 / len(x[0]) + s01 / len(y[0])


def _tied(rng, n=70):
    labels = (rng.random(n) < 0.4).astype(int)
    return labels, *(np.round(0.2 * labels + rng.random(n), 1) for _ in range(2))


@pytest.mark.parametrize("seed", range(8))
def test_delong_is_the_plain_sum_over_pairs(seed):
    labels, first, second = _tied(np.random.default_rng(seed))
    aucs, covariance = _plain_delong(labels, (first, second))
    found = compare(labels, first, second, threshold_first=0.6, threshold_second=0.6)
    error = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert (found.first.value, found.second.value) == pytest.approx(aucs)
    assert found.z == pytest.approx((aucs[0] - aucs[1]) / error)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.z)))
    assert found.difference.high - found.difference.value == pytest.approx(1.959964 * error, rel=1e-6)
    one = delong_interval(labels, first)
    reach = 1.959964 * math.sqrt(covariance[0, 0]) / (aucs[0] * (1 - aucs[0]))
    ends = 1 / (1 + np.exp(-(math.log(aucs[0] / (1 - aucs[0])) + np.array([-reach, reach]))))
    assert (one.low, one.high) == pytest.approx(tuple(ends), rel=1e-6)


@given(rated_films(), st.randoms(use_true_random=False))
@ALIKE
def test_comparison_turns_with_its_order(films, random):
    labels, first = films
    second = np.array(random.sample(first.tolist(), len(first)))
    one = compare(labels, first, second, threshold_first=0.4, threshold_second=0.6)
    other = compare(labels, second, first, threshold_first=0.6, threshold_second=0.4)
    assert (one.first.value, one.second.value) == (other.second.value, other.first.value)
    ends = (one.difference.value, one.difference.low, one.difference.high, one.z, one.p)
    turned = (-other.difference.value, -other.difference.high, -other.difference.low, -other.z, other.p)
    assert ends == pytest.approx(turned, nan_ok=True, abs=1e-12)
    assert one.difference.value == pytest.approx(roc_auc(labels, first) - roc_auc(labels, second))
    for name in ("accuracy", "sensitivity", "specificity"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a.first_only, a.second_only, a.n) == (b.second_only, b.first_only, b.n)
        assert (a.p, a.mid_p) == pytest.approx((b.p, b.mid_p))
    right, correct = one.accuracy, (one.sensitivity, one.specificity)
    assert right.first_only == sum(part.first_only for part in correct)
    assert right.n == sum(part.n for part in correct) == len(labels)


@given(rated_films())
@ALIKE
def test_equal_rankings_do_not_differ(films):
    labels, scores = films
    found = compare(labels, scores, 3 * scores - 1, threshold_first=0.5, threshold_second=0.5)
    assert found.difference.value == 0
    if min(labels.sum(), (1 - labels).sum()) >= 2:
        assert (found.z, found.p) == (0, 1)
        assert found.difference.low == found.difference.high == 0


def test_opposite_perfect_rankings_differ_for_certain():
    labels = np.array([0, 0, 1, 1])
    found = compare(labels, labels, 1.0 - labels, threshold_first=0.5, threshold_second=0.5)
    assert (found.difference.value, found.z, found.p) == (1, math.inf, 0)


def test_delong_stays_inside_the_unit_interval_and_covers(rng):
    """The true AUC of two normals one apart is Φ(1/√2)."""
    truth, covered = stats.norm.cdf(1 / math.sqrt(2)), 0
    for _ in range(300):
        labels = np.repeat([0, 1], [40, 20])
        estimate = delong_interval(labels, labels + rng.normal(size=60))
        assert 0 < estimate.low < estimate.value < estimate.high < 1
        covered += estimate.low <= truth <= estimate.high
    assert 0.91 <= covered / 300 <= 0.99


def test_delong_does_not_take_a_perfect_ranking_for_certain():
    labels = np.repeat([0, 1], [30, 8])
    best, worst = delong_interval(labels, labels), delong_interval(labels, -labels)
    assert (best.value, best.low, best.high) == (1, proportion(8, 8).low, 1)
    assert (worst.value, worst.low, worst.high) == (0, 0, proportion(0, 8).high)
    assert best.n == 38


def test_delong_without_a_class_or_with_one_film_of_it_is_open():
    scores = np.array([0.1, 0.5, 0.3])
    assert math.isnan(delong_interval(np.zeros(3), scores).value)
    single = delong_interval(np.array([0, 1, 0]), np.array([0.1, 0.2, 0.3]))
    assert single.value == 0.5
    assert math.isnan(single.low)
    found = compare(np.zeros(3), scores, -scores, threshold_first=0.2, threshold_second=0.2)
    assert np.isnan([found.difference.value, found.z, found.p]).all()
    assert found.sensitivity.n == 0


# McNemar -----------------------------------------------------------------------------------------------


def _right(both, first_only, second_only, neither):
    first = np.repeat([1, 1, 0, 0], [both, first_only, second_only, neither])
    return first, np.repeat([1, 0, 1, 0], [both, first_only, second_only, neither])


def test_mcnemar_as_published():
    """Bentur et al., in Fagerland et al., BMC Med. Res. Methodol. 13:91 (2013): 1 and 7 of 21 discordant."""
    found = mcnemar(*_right(1, 1, 7, 12))
    assert (found.first_only, found.second_only, found.n) == (1, 7, 21)
    assert (found.p, found.mid_p) == pytest.approx((0.0703, 0.0391), abs=5e-5)
    # (b + 1, c + 1) / (n + 2) by hand: -6 / 23 with error sqrt((10/23 - (6/23)**2) / 23)
    error = math.sqrt((10 / 23 - (6 / 23) ** 2) / 23)
    assert found.difference.value == -6 / 21
    ends = (-6 / 23 - 1.959964 * error, -6 / 23 + 1.959964 * error)
    assert (found.difference.low, found.difference.high) == pytest.approx(ends, abs=1e-6)


@given(st.integers(0, 40), st.integers(0, 40))
@ALIKE
def test_mcnemar_is_the_binomial_test(b, c):
    found = mcnemar(*_right(3, b, c, 2))
    if b + c:
        assert found.p == pytest.approx(stats.binomtest(b, b + c).pvalue)
        pmf = stats.binom.pmf(np.arange(b + c + 1), b + c, 0.5)
        extreme = pmf < pmf[b] * (1 - 1e-9)
        as_far = np.isclose(pmf, pmf[b], rtol=1e-9, atol=0)
        assert found.mid_p == pytest.approx(pmf[extreme].sum() + pmf[as_far].sum() / 2)
        assert found.mid_p <= found.p
    else:
        assert found.p == found.mid_p == 1
    assert found.difference.low <= found.difference.value <= found.difference.high


def test_mcnemar_is_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    for b, c in ((1, 7), (12, 5), (3, 3), (0, 6)):
        expected = tables.mcnemar([[4, b], [c, 9]], exact=True).pvalue
        assert mcnemar(*_right(4, b, c, 9)).p == pytest.approx(expected)


# Groups ------------------------------------------------------------------------------------------------


def test_differences_by_group_are_the_plain_bootstrap(rng):
    labels, first, second = _tied(rng, 90)
    groups = rng.integers(0, 40, 90)
    found = compare(labels, first, second, groups=groups, threshold_first=0.6, threshold_second=0.7)
    pair = np.stack([first, second], axis=1)
    statistics = {
        "auc": lambda y, s: roc_auc(y, s[:, 0]) - roc_auc(y, s[:, 1]),
        "sensitivity": lambda y, s: (s[y == 1, 0] >= 0.6).mean() - (s[y == 1, 1] >= 0.7).mean(),
        "specificity": lambda y, s: (s[y == 0, 0] < 0.6).mean() - (s[y == 0, 1] < 0.7).mean(),
        "accuracy": lambda y, s: ((s[:, 0] >= 0.6) == y).mean() - ((s[:, 1] >= 0.7) == y).mean(),
    }
    assert found.by_group.keys() == statistics.keys()
    for name, statistic in statistics.items():
        plain, ours = bootstrap(statistic, labels, pair, groups=groups), found.by_group[name]
        assert (ours.value, ours.low, ours.high) == pytest.approx((plain.value, plain.low, plain.high), abs=1e-12)
    assert compare(labels, first, second, threshold_first=0.6, threshold_second=0.7).by_group is None
