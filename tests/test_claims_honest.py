"""The claims audit never cries wolf over a true confusion matrix, and reports one that was tampered with."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Ways:
    """What authors differ in, beside the class or the average that they mean.

    Attributes:
        undefined: the precision of a class that is never called; None leaves the class out of an average.
        f1: "classes" averages the classes' F1s, "called" those of the classes that are called at all, "harmonic" is
            the harmonic mean of averaged precision and recall.
        specificity: printed beside averages: of either class, averaged, or of all answers ("micro").
    """

    undefined: int | None = 0
    f1: str = "classes"
    specificity: str = "own"


USUAL = Ways()
WAYS = st.builds(
    Ways,
    undefined=st.sampled_from([0, 1, None]),
    f1=st.sampled_from(["classes", "harmonic"]),
    specificity=st.sampled_from(["own", "other", "macro", "weighted", "micro"]),
) | st.just(Ways(undefined=None, f1="called"))


def ratio(top: int, bottom: int, undefined: int | None = 0) -> Fraction:
    return Fraction(top, bottom) if bottom else Fraction(undefined or 0)


def of_one_class(m: Counts, undefined: int | None = 0) -> dict[str, Fraction]:
    return {
        "precision": ratio(m.tp, m.tp + m.fp, undefined),
        "recall": ratio(m.tp, m.tp + m.fn),
        "f1": ratio(2 * m.tp, 2 * m.tp + m.fp + m.fn),
    }


def averaged(m: Counts, weight: Fraction, ways: Ways) -> dict[str, Fraction]:
    own, other = of_one_class(m, ways.undefined), of_one_class(m.swapped(), ways.undefined)
    called = Fraction(0) if m.tp + m.fp == 0 else Fraction(1) if m.tn + m.fn == 0 else weight

    def mean(name: str, weight: Fraction) -> Fraction:
        return weight * own[name] + (1 - weight) * other[name]

    precision = mean("precision", called if ways.undefined is None else weight)
    recall = mean("recall", weight)
    f1 = {
        "classes": mean("f1", weight),
        "called": mean("f1", called),
        "harmonic": 2 * precision * recall / (precision + recall) if precision + recall else Fraction(0),
    }
    return {"precision": precision, "recall": recall, "f1": f1[ways.f1]}


def rates(m: Counts, how: str, ways: Ways = USUAL) -> dict[str, Fraction]:
    accuracy, share = Fraction(m.tp + m.tn, m.n), Fraction(m.tp + m.fn, m.n)
    recall, cleared = ratio(m.tp, m.tp + m.fn), ratio(m.tn, m.tn + m.fp)
    specificities = {
        "own": cleared,
        "other": recall,
        "macro": (recall + cleared) / 2,
        "weighted": share * cleared + (1 - share) * recall,
        "micro": accuracy,
    }
    if how == "positive":
        return {"accuracy": accuracy, **of_one_class(m, ways.undefined), "specificity": cleared}
    if how == "micro":
        found = dict.fromkeys(("precision", "recall", "f1"), accuracy)
    else:
        found = averaged(m, Fraction(1, 2) if how == "macro" else share, ways)
    return {"accuracy": accuracy, **found, "specificity": specificities[ways.specificity]}


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
    m, ways = draw(results()), draw(WAYS)
    how = how or draw(HOW)
    places, cut, percent = draw(st.integers(2, 4)), draw(st.booleans()), draw(st.booleans())
    texts = {name: shorten(rate, places, cut=cut, percent=percent) for name, rate in rates(m, how, ways).items()}
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


# the harmonic mean of macro precision and recall as F1, with which accuracy may be below F1 / (2 − F1)
@example(
    (
        Counts(160, 30, 40, 270),
        "macro",
        {"accuracy": "0.8600", "precision": "0.8565", "recall": "0.8500", "f1": "0.8533"},
    ),
    "classes",
)
@example((Counts(285, 0, 665, 50), "macro", {"accuracy": "0.3350", "f1": "0.5869"}), "classes")
@example(
    (
        Counts(285, 0, 665, 50),
        "macro",
        {"accuracy": "0.3350", "precision": "0.5350", "recall": "0.6500", "f1": "0.5869"},
    ),
    "classes",
)
# with two classes macro specificity is macro recall
@example(
    (Counts(160, 30, 40, 270), "macro", {"accuracy": "0.8600", "recall": "0.8500", "specificity": "0.8500"}),
    "classes",
)
# one answer to all images: its class alone is averaged, or the other's precision counts as 1
@example((Counts(0, 0, 40, 60), "macro", {"precision": "0.60", "recall": "0.50", "f1": "0.75"}), "classes")
@example((Counts(0, 0, 1, 2), "weighted", {"precision": "0.67", "recall": "0.67", "f1": "0.80"}), "classes")
@example((Counts(0, 0, 40, 60), "positive", {"accuracy": "0.60", "precision": "1.00", "recall": "0.00"}), "classes")
@example((Counts(0, 0, 40, 60), "macro", {"accuracy": "0.60", "precision": "0.80", "recall": "0.50"}), "classes")
# 8 of 9 right, cut to 0.88: rounded figures would fit the other class alone
@example((Counts(0, 0, 1, 8), "micro", {"precision": "0.88", "f1": "0.88"}), "classes")
@settings(max_examples=300, deadline=None)
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


@settings(max_examples=60, deadline=None)
@given(results(), WAYS, st.sampled_from(["macro", "weighted"]), st.booleans())
def test_macro_specificity_is_macro_recall_and_honest(m, ways, how, classes):
    """Each row that holds both beside the accuracy, to four places."""
    true = rates(m, how, replace(ways, specificity="macro"))
    texts = {name: shorten(rate, 4, cut=False, percent=False) for name, rate in true.items()}
    found = audit_rows([claim(texts, m, "classes" if classes else "nothing")])
    assert not [one for one in found if one.severity in WOLF or one.kind == "accuracy not between"], (m, texts)


@settings(max_examples=200, deadline=None)
@given(results(40))
def test_a_harmonic_macro_f1_is_bound_by_the_accuracy(m):
    """A ≥ 2 − 1/F, however an undefined precision is counted; A ≥ F / (2 − F) for weighted averages and above 2/3."""
    for undefined in (0, 1, None):
        macro, weighted = (rates(m, how, Ways(undefined, "harmonic")) for how in ("macro", "weighted"))
        accuracy, f1 = macro["accuracy"], macro["f1"]
        assert f1 == 0 or accuracy >= 2 - 1 / f1
        assert f1 < Fraction(2, 3) or accuracy >= f1 / (2 - f1)
        assert accuracy >= weighted["f1"] / (2 - weighted["f1"])


@settings(max_examples=100, deadline=None)
@given(results(), HOW, st.integers(2, 4), st.integers(3, 30))
def test_f1_raised_above_the_mean_is_reported(m, how, places, raised):
    true = rates(m, how)
    bound = (true["precision"] + true["recall"]) / 2
    f1 = bound + raised * Fraction(1, 10**places)
    one_answer = 2 * true["precision"] / (true["precision"] + 1)  # if a class never called is left out of F1
    assume(f1 <= 1 and abs(f1 - one_answer) > 4 * Fraction(1, 10**places))
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
            found = [
                rates(m.swapped(), "positive"),
                *(rates(m, how) for how in ("positive", "macro", "weighted", "micro")),
                *(rates(m, how, Ways(f1="harmonic")) for how in ("macro", "weighted")),
            ]
            if any(all(bounds[name].holds(way[name]) for name in bounds) for way in found):
                return True
    return False
