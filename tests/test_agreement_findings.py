"""Agreement on findings against published examples, other implementations, and what must hold for any readers."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import inter_rater

from fracture_core.agreement import (
    NOT_READ,
    ORDER,
    PAIR_STATISTICS,
    Column,
    agreement,
    agreement_matrix,
    cohen_kappa,
    disagreement_weights,
    finding_codes,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
)
from fracture_core.errors import UnknownName
from fracture_core.metrics import proportion

# Cohen (Psychol. Bull. 70:213, 1968), table 1: two judges' diagnoses of 200 patients
COHEN = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
COHEN_WEIGHTS = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]])

# Fleiss (Psychol. Bull. 76:378, 1971), table 1: 30 patients, six psychiatrists each, five diagnoses
_FLEISS = """
    00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
    00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
FLEISS = np.array([[int(digit) for digit in row] for row in _FLEISS.split()])

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four observers, twelve units
_KRIPPENDORFF = "123321412... 1233224125.3 .3332342251. 12332441251."
KRIPPENDORFF = np.array(
    [[NOT_READ if digit == "." else int(digit) - 1 for digit in row] for row in _KRIPPENDORFF.split()]
).T


def _codes_of_table(table):
    """A film for each count of a table of two readers."""
    return np.repeat(np.argwhere(table >= 0), table.ravel(), axis=0)


def _codes_of_counts(counts):
    return np.array([np.repeat(np.arange(counts.shape[1]), row) for row in counts])


def test_cohens_kappa_as_published():
    first, second = _codes_of_table(COHEN).T
    plain = cohen_kappa(first, second)
    weighted = cohen_kappa(first, second, weights=COHEN_WEIGHTS)
    assert (plain.value, weighted.value) == pytest.approx((0.492, 0.348), abs=5e-4)
    assert plain.low < plain.value < plain.high and plain.n == 200
    large_sample = inter_rater.cohens_kappa(COHEN)  # Fleiss, Cohen and Everitt (1969)
    assert (plain.low, plain.high) == pytest.approx((large_sample.kappa_low, large_sample.kappa_upp), abs=0.02)


def test_fleiss_kappa_as_published():
    found = fleiss_kappa(_codes_of_counts(FLEISS), categories=5)
    assert found.value == pytest.approx(0.430, abs=5e-4)
    assert found.value == pytest.approx(inter_rater.fleiss_kappa(FLEISS), abs=1e-12)
    assert found.n == 30 and found.low < 0.430 < found.high


def test_krippendorffs_alpha_as_published():
    values = [
        krippendorff_alpha(KRIPPENDORFF, metric=m, categories=5).value for m in ("nominal", "ordinal", "quadratic")
    ]
    assert values == pytest.approx([0.743, 0.815, 0.849], abs=5e-4)
    assert krippendorff_alpha(KRIPPENDORFF, categories=5).n == 11  # the last unit has one value


def test_gwets_ac1_as_published():
    """The same data in the package irrCAC (cac.raw4raters), whose manual gives AC1 and per cent agreement."""
    assert gwet_ac1(KRIPPENDORFF, categories=5).value == pytest.approx(0.77544, abs=5e-6)
    assert agreement(KRIPPENDORFF, categories=5).value == pytest.approx(0.81818, abs=5e-6)


def test_ac1_survives_where_kappa_collapses():
    """Gwet, "Kappa statistic is not satisfactory" (2002), table 2: 118 of 125 films agree, kappa is below 0."""
    codes = _codes_of_table(np.array([[118, 5], [2, 0]]))
    assert cohen_kappa(*codes.T, categories=2).value == pytest.approx(-0.0234, abs=5e-5)
    assert gwet_ac1(codes, categories=2).value == pytest.approx(0.9408, abs=5e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("ours", "theirs"), [("nominal", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_kappa_is_that_of_scikit_learn(seed, ours, theirs):
    first, second = np.random.default_rng(seed).integers(0, 3, (2, 60))
    found = cohen_kappa(first, second, weights=ours, rounds=0)
    assert found.value == pytest.approx(cohen_kappa_score(first, second, weights=theirs, labels=[0, 1, 2]))
    assert math.isnan(found.low)


def test_two_readers_are_a_panel_of_two(rng):
    """Each pair statistic is the panel's; alpha is by hand from coincidences."""
    codes = rng.integers(0, 3, (50, 2))
    columns = [Column(name, codes[:, place]) for place, name in enumerate("ab")]
    panel = {
        "agreement": agreement,
        "ac1": gwet_ac1,
        "alpha": krippendorff_alpha,
        "ordinal_alpha": lambda codes, **keywords: krippendorff_alpha(codes, metric="ordinal", **keywords),
    }
    for statistic, function in panel.items():
        pair = agreement_matrix(columns, statistic=statistic, rounds=50).estimate("a", "b")
        whole = function(codes, rounds=50)
        assert (pair.value, pair.low, pair.high) == pytest.approx((whole.value, whole.low, whole.high))


def test_bootstrap_films_is_the_plain_bootstrap(rng):
    from fracture_core.metrics import bootstrap

    first, second = rng.integers(0, 3, (2, 40))
    plain = bootstrap(lambda a, b: cohen_kappa_score(a, b, labels=[0, 1, 2]), first, second, rounds=200)
    found = cohen_kappa(first, second, rounds=200)
    assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_films_of_a_patient_are_drawn_together(rng):
    first = np.repeat(rng.integers(0, 3, 30), 4)
    second = np.where(np.repeat(rng.random(30) < 0.3, 4), (first + 1) % 3, first)
    alone, grouped = (cohen_kappa(first, second, groups=g) for g in (None, np.repeat(np.arange(30), 4)))
    assert alone.value == grouped.value
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_readers_who_never_disagreed_may_yet():
    codes = np.array([0] * 10 + [2] * 10)
    found = cohen_kappa(codes, codes)
    assert found.value == found.high == 1
    assert found.low == pytest.approx(1 - (1 - proportion(20, 20).low) / 0.5)
    assert agreement(np.stack([codes, codes], axis=1)).low == pytest.approx(proportion(20, 20).low)
    opposed = agreement(np.stack([codes, 2 - codes], axis=1))
    assert (opposed.value, opposed.high) == pytest.approx((0, proportion(0, 20).high))


def test_one_film_has_no_interval():
    for function in (agreement, gwet_ac1, fleiss_kappa, krippendorff_alpha):
        found = function(np.array([[0, 0, 2]]))
        assert found.n == 1 and math.isfinite(found.value) and math.isnan(found.low) and math.isnan(found.high)
    group = agreement(np.tile([0, 0, 2], (20, 1)), groups=np.zeros(20, dtype=int))
    assert group.value == pytest.approx(1 / 3) and group.n == 20 and math.isnan(group.low)
    codes = np.array([[0, 0, 2], [2, NOT_READ, 2], [0, NOT_READ, 2], [2, NOT_READ, 2]])  # one of ann and bob
    matrix = agreement_matrix(_columns(codes), statistic="alpha")
    alone, several = matrix.estimate("reader 0", "reader 1"), matrix.estimate("reader 0", "reader 2")
    assert alone.n == 1 and math.isnan(alone.low)
    assert several.n == 4 and several.low < several.value < several.high


def test_films_that_are_all_alike_say_less_than_their_resamples():
    """Two of three readers agree on each of five films, in whatever resample."""
    found = agreement(np.tile([0, 0, 2], (5, 1)))
    exact = proportion(5 / 3, 5)
    assert (found.value, found.low, found.high) == pytest.approx((1 / 3, exact.low, exact.high))


def test_one_reader_agrees_with_nobody():
    codes = np.array([[0], [2], [2], [1]])
    for function in (agreement, fleiss_kappa, krippendorff_alpha, gwet_ac1):
        assert math.isnan(function(codes).value) and function(codes).n == 0
    for films in (4, 0):
        column = Column("ann", codes[:films, 0], [()] * films)
        for statistic in (*PAIR_STATISTICS, "iou", "lesion_f1"):
            matrix = agreement_matrix([column], statistic=statistic)
            assert matrix.values.tolist() == [[1]] and matrix.order == ("ann",) and np.isnan(matrix.means).all()


def test_nothing_to_disagree_about_is_not_measured():
    same = np.zeros(8, dtype=int)
    assert math.isnan(cohen_kappa(same, same).value)
    assert cohen_kappa(same, same).decimal() == "not measured"
    unread = np.full((3, 2), NOT_READ)
    for function in (agreement, fleiss_kappa, krippendorff_alpha, gwet_ac1):
        found = function(unread)
        assert math.isnan(found.value) and found.n == 0


def test_fleiss_counts_films_that_all_read(rng):
    codes = rng.integers(0, 3, (30, 3))
    more = np.concatenate([codes, [[0, NOT_READ, 0], [NOT_READ, NOT_READ, 2]]])
    assert fleiss_kappa(more, rounds=20) == fleiss_kappa(codes, rounds=20)


def test_words_that_are_no_finding_are_named():
    assert finding_codes(["fracture", None, "none", "", "uncertain"]).tolist() == [2, -1, 0, -1, 1]
    with pytest.raises(UnknownName, match="broken"):
        finding_codes(["broken"])
    with pytest.raises(UnknownName, match="cubic"):
        disagreement_weights("cubic", 3)


codes_of_readers = st.integers(2, 5).flatmap(
    lambda readers: st.lists(
        st.lists(st.integers(-1, 2), min_size=readers, max_size=readers), min_size=1, max_size=25
    )
)


def _columns(codes):
    return [Column(f"reader {place}", codes[:, place]) for place in range(codes.shape[1])]


@settings(deadline=None, max_examples=40)
@given(codes_of_readers, st.sampled_from(sorted(PAIR_STATISTICS)), st.randoms(use_true_random=False))
def test_a_matrix_of_any_readers(rows, statistic, random):
    codes = np.array(rows)
    matrix = agreement_matrix(_columns(codes), statistic=statistic, rounds=20)
    for part in (matrix.values, matrix.low, matrix.high, matrix.films):
        np.testing.assert_array_equal(part, part.T)
    known = matrix.values[~np.isnan(matrix.values)]
    assert (known <= 1 + 1e-12).all() and (known >= -1 - 1e-12).all()
    assert sorted(matrix.order) == sorted(matrix.names)

    places = list(range(codes.shape[1]))
    random.shuffle(places)
    shuffled = agreement_matrix([_columns(codes)[place] for place in places], statistic=statistic, rounds=20)
    back = shuffled.arranged(matrix.names)
    for part in ("values", "low", "high", "films"):
        np.testing.assert_allclose(getattr(back, part), getattr(matrix, part), atol=1e-12)

    unread = np.insert(codes, random.randint(0, len(codes)), NOT_READ, axis=0)
    same = agreement_matrix(_columns(unread), statistic=statistic, rounds=20)
    for part in ("values", "low", "high", "films"):
        np.testing.assert_array_equal(getattr(same, part), getattr(matrix, part))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 2), min_size=2, max_size=30).filter(lambda codes: len(set(codes)) > 1))
def test_identical_readers_agree_wholly(codes):
    codes = np.array(codes)
    trio = np.stack([codes] * 3, axis=1)
    for statistic in PAIR_STATISTICS:
        assert agreement_matrix(_columns(trio), statistic=statistic, rounds=0).values == pytest.approx(1)
    for function in (agreement, fleiss_kappa, krippendorff_alpha, gwet_ac1):
        assert function(trio, rounds=0).value == pytest.approx(1)


def test_the_matrix_says_who_agrees_most(rng):
    truth = rng.integers(0, 2, 300) * 2
    columns = [
        Column(name, np.where(rng.random(300) < wrong, 2 - truth, truth), kind=kind)
        for name, wrong, kind in (("poor", 0.4, "reader"), ("model", 0.05, "model"), ("good", 0.1, "reader"))
    ]
    matrix = agreement_matrix([*columns, Column("absent", np.full(300, NOT_READ))], rounds=100)
    assert matrix.order == ("model", "good", "poor", "absent")
    assert matrix.arranged().names == matrix.order
    assert matrix.arranged().estimate("poor", "good") == matrix.estimate("good", "poor")
    assert math.isnan(matrix.estimate("absent", "good").value) and math.isnan(matrix.means[-1])
    pairs = {frozenset((row["first"], row["second"])): row for row in matrix.pairs}
    assert len(pairs) == len(matrix.pairs) == 6
    best = matrix.estimate("model", "good")
    row = pairs[frozenset(("model", "good"))]
    assert (row["kappa"], row["low"], row["high"], row["films"]) == (best.value, best.low, best.high, 300)
    assert pairs[frozenset(("absent", "good"))]["kappa"] is None
    with pytest.raises(UnknownName, match="lesion_f1"):
        agreement_matrix(columns, statistic="phi")


def test_ten_thousand_films_and_six_columns_are_quick(rng):
    truth = rng.integers(0, len(ORDER), 10_000)
    columns = [
        Column(f"{place}", np.where(rng.random(10_000) < 0.2, rng.integers(-1, 3, 10_000), truth))
        for place in range(6)
    ]

    def seconds(rounds):
        start = time.process_time()
        agreement_matrix(columns, rounds=rounds)
        return time.process_time() - start

    assert min(seconds(0) for _ in range(3)) < 0.3
    assert seconds(1000) < 2  # of processor time
