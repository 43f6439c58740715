"""The claims audit never cries wolf over a true confusion matrix, and reports one that was tampered with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fracture_core.claims import Claim, audit_rows, read_figure
from fracture_core.claims.figures import decimal
from fracture_core.claims.sizes import search
from fracture_core.metrics import ConfusionMatrix

WOLF = {"impossible", "contradiction"}


@dataclass(frozen=True)
class Counts:
    """A true result; fractured is positive."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        return self.tp + self.fp + self.fn + self.tn

    def swapped(self) -> Counts:
        return Counts(self.tn, self.fn, self.fp, self.tp)


@st.composite
def results(draw, most: int = 150) -> Counts:
    """Both classes are there; the model may be anything from perfect to always wrong, or never call a class."""
    positives, negatives = draw(st.integers(1, most)), draw(st.integers(1, most))
    tp, tn = draw(st.integers(0, positives)), draw(st.integers(0, negatives))
    return Counts(tp, negatives - tn, positives - tp, tn)


def ratio(top: int, bottom: int) -> Fraction:
    """What is undefined is printed as 0, as programs do."""
    return Fraction(top, bottom) if bottom else Fraction(0)


def of_one_class(m: Counts) -> dict[str, Fraction]:
    return {
        "precision": ratio(m.tp, m.tp + m.fp),
        "recall": ratio(m.tp, m.tp + m.fn),
        "f1": ratio(2 * m.tp, 2 * m.tp + m.fp + m.fn),
    }


def averaged(m: Counts, weight: Fraction) -> dict[str, Fraction]:
    own, other = of_one_class(m), of_one_class(m.swapped())
    return {name: weight * own[name] + (1 - weight) * other[name] for name in own}


def rates(m: Counts, how: str) -> dict[str, Fraction]:
    accuracy = Fraction(m.tp + m.tn, m.n)
    if how == "positive":
        found = of_one_class(m) | {"specificity": ratio(m.tn, m.tn + m.fp)}
    elif how == "macro":
        found = averaged(m, Fraction(1, 2))
    elif how == "weighted":
        found = averaged(m, Fraction(m.tp + m.fn, m.n))
    else:
        found = dict.fromkeys(("precision", "recall", "f1"), accuracy)
    return {"accuracy": accuracy, **found}


def shorten(rate: Fraction, places: int, *, cut: bool, percent: bool) -> str:
    value = rate * 100 if percent else rate
    kept = places - 2 if percent else places
    if cut:
        value = Fraction(value * 10**kept // 1, 10**kept)
    return decimal(value, kept) + (" %" if percent else "")


HOW = st.sampled_from(["positive", "macro", "weighted", "micro"])


@st.composite
def printed(draw, how: str | None = None) -> tuple[Counts, str, dict[str, str]]:
    """A true result, how its rates are meant, and the rates as an honest author prints them."""
    m = draw(results())
    how = how or draw(HOW)
    places, cut, percent = draw(st.integers(2, 4)), draw(st.booleans()), draw(st.booleans())
    texts = {name: shorten(rate, places, cut=cut, percent=percent) for name, rate in rates(m, how).items()}
    names = draw(st.sets(st.sampled_from(sorted(texts)), min_size=1))
    return m, how, {name: text for name, text in texts.items() if name in names}


def claim(texts: dict[str, str], m: Counts, known: str) -> Claim:
    sized = known != "nothing"
    split = known == "classes"
    return Claim(
        model="made up",
        figures={name: read_figure(name, text) for name, text in texts.items()},
        sizes=(m.n,) if sized else (),
        independent=m.n if sized else None,
        positives=m.tp + m.fn if split else None,
        negatives=m.fp + m.tn if split else None,
        stated_positive="positive" if split else "",
    )


# 8 of 9 right, cut to 0.88: rounded figures would fit the other class alone
@example((Counts(0, 0, 1, 8), "micro", {"precision": "0.88", "f1": "0.88"}), "classes")
@settings(max_examples=150, deadline=None)
@given(printed(), st.sampled_from(["nothing", "size", "classes"]))
def test_an_honest_row_is_never_called_impossible(case, known):
    m, _, texts = case
    found = audit_rows([claim(texts, m, known)])
    assert not [one for one in found if one.severity in WOLF], (m, texts)


@settings(max_examples=80, deadline=None)
@given(printed(), st.booleans())
def test_the_other_class_as_positive_is_honest_too(case, known):
    """A row of the not fractured class fits some matrix; where its classes are named wrongly, that alone is said."""
    m, _, texts = case
    made = claim(texts, m.swapped(), "classes" if known else "size")
    kinds = {one.kind for one in audit_rows([made]) if one.severity in WOLF}
    assert kinds <= {"other class"}


@settings(max_examples=100, deadline=None)
@given(printed("positive"))
def test_a_rebuilt_matrix_is_the_true_one(case):
    m, _, texts = case
    found = search(claim(texts, m, "classes"))
    if found is not None and found.firm:
        assert found.matrix == ConfusionMatrix(m.tp, m.fp, m.fn, m.tn)


@settings(max_examples=100, deadline=None)
@given(results(), HOW, st.integers(2, 4), st.integers(3, 30))
def test_f1_raised_above_the_mean_is_reported(m, how, places, raised):
    true = rates(m, how)
    bound = (true["precision"] + true["recall"]) / 2
    f1 = bound + raised * Fraction(1, 10**places)
    assume(f1 <= 1)
    texts = {name: shorten(rate, places, cut=False, percent=False) for name, rate in {**true, "f1": f1}.items()}
    texts = {name: texts[name] for name in ("precision", "recall", "f1")}
    found = audit_rows([claim(texts, m, "nothing")])
    assert ("f1 above mean", "impossible") in {(one.kind, one.severity) for one in found}


@settings(max_examples=100, deadline=None)
@given(results(60), st.integers(0, 9999))
def test_an_accuracy_off_all_counts_is_reported(m, value):
    """Four places and at most 120 images: between two counts there is room for figures that are neither."""
    low, high = Fraction(2 * value - 1, 20000), Fraction(value + 1, 10000)
    assume(not any(low <= Fraction(k, m.n) <= high for k in range(m.n + 1)))
    texts = {"accuracy": f"{value / 10000:.4f}"}
    found = audit_rows([claim(texts, m, "size")])
    assert ("accuracy of no count", "impossible") in {(one.kind, one.severity) for one in found}


@settings(max_examples=60, deadline=None)
@given(results(25), st.sampled_from(["precision", "recall", "f1"]), st.integers(0, 9999))
def test_a_row_that_no_matrix_gives_is_reported(m, name, value):
    """One figure replaced by any other: where brute force finds no matrix under any reading, so does the audit."""
    texts = {key: shorten(rate, 4, cut=False, percent=False) for key, rate in rates(m, "positive").items()}
    texts = {**texts, name: f"{value / 10000:.4f}"}
    del texts["specificity"]
    made = claim(texts, m, "classes")
    assume(not _any_matrix(made, m.tp + m.fn, m.fp + m.tn))
    assert "impossible" in {one.severity for one in audit_rows([made])}


def _any_matrix(made: Claim, positives: int, negatives: int) -> bool:
    bounds = {name: figure.either for name, figure in made.figures.items()}
    for tp in range(positives + 1):
        for tn in range(negatives + 1):
            if not bounds["accuracy"].holds(Fraction(tp + tn, positives + negatives)):
                continue
            m = Counts(tp, negatives - tn, positives - tp, tn)
            if m.tp + m.fp == 0 or m.tn + m.fn == 0:
                return True  # undefined precision is averaged in several ways; not this test's matter
            ways = [
                rates(m.swapped(), "positive"),
                *(rates(m, how) for how in ("positive", "macro", "weighted", "micro")),
            ]
            if any(all(bounds[name].holds(way[name]) for name in bounds) for way in ways):
                return True
    return False
