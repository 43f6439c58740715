"""Claims and what we measured: which of our figures stands beside which of a paper's, and as how many marks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.metrics import RULES, ConfusionMatrix, class_report, operate
from fracture_core.results import (
    HALF,
    Beside,
    Counted,
    load_published,
    marks,
    matrix_at,
    own_figure,
    set_beside,
    table,
)

PAPERS = load_published()


def estimate(value: float | None, n: int = 400) -> dict[str, float | None]:
    low, high = (None, None) if value is None else (value - 0.0625, value + 0.0625)
    return {"value": value, "low": low, "high": high, "n": n}


def record(run: str = "20261121T101112Z-a", **changes: object) -> dict[str, object]:
    """A run of multiregion2024's custom CNN."""
    return {
        "id": run,
        "recipe": {"key": "multiregion2024", "paper": "multiregion2024"},
        "model": "custom_cnn",
        "seed": 0,
        "data": {"name": "multiregion"},
        "split": {"kind": "clean", "counts": {"test": {"films": 400, "fractured": 100}}},
        "metrics": {"auc": estimate(0.75), "accuracy": estimate(0.25), "sensitivity": estimate(0.125)},
        "argmax": {
            "accuracy": estimate(0.8125),
            "precision": estimate(0.625, 80),
            "sensitivity": estimate(0.5, 100),
            "specificity": estimate(0.9375, 300),
            "negative_predictive_value": estimate(0.875, 320),
            "f1": estimate(0.5625),
        },
        "comparable": {"value": False, "why": "another split"},
        **changes,
    }


def pair(*records: dict[str, object], metric: str, counted: dict[tuple[str, str], Counted] | None = None) -> Beside:
    """The custom CNN of multiregion2024, claimed and measured."""
    rows = sorted(table(records, PAPERS), key=lambda row: row.id, reverse=True)
    outlines = {str(run["id"]): run for run in records}
    found = set_beside(PAPERS, rows, outlines, metric=metric, counted=counted)
    return next(one for one in found if one.model == "custom_cnn")


def test_accuracy_is_that_at_one_half_and_never_that_at_a_chosen_threshold() -> None:
    one = pair(record(), metric="accuracy")
    assert one.measured[0].estimate.value == 0.8125
    assert (one.claimed, one.printed) == (0.8913, "0.8913")
    assert "0.5" in one.measured[0].what
    assert one.measured[0].why == "another split"
    assert one.measured[0].whole == 0.75


def test_recall_is_of_the_class_that_the_paper_counts() -> None:
    as_stated = pair(record(), metric="recall")
    assert as_stated.measured[0].estimate.value == 0.5
    assert as_stated.measured[0].what == "recall of fractured films at probability 0.5"
    found = {("multiregion2024", "custom_cnn"): Counted("not fractured")}
    as_found = pair(record(), metric="recall", counted=found)
    assert as_found.measured[0].estimate.value == 0.9375
    assert as_found.measured[0].what == "recall of not fractured films at probability 0.5"
    assert pair(record(), metric="precision", counted=found).measured[0].estimate.value == 0.875


def test_an_unstated_class_is_said() -> None:
    paper = replace(PAPERS["multiregion2024"], positive_class="not stated")
    row = record(comparable={"value": True, "why": ""})
    (one,) = [
        one
        for one in set_beside({paper.key: paper}, table([row], PAPERS), {str(row["id"]): row}, metric="f1")
        if one.measured
    ]
    assert one.measured[0].why == "the paper does not say which class it counts; ours is of fractured films"


def test_f1_of_the_normal_films_follows_from_their_precision_and_recall() -> None:
    (row,) = table([record()], PAPERS)
    found = own_figure(row, metric="f1", positive="not fractured")
    assert found is not None
    assert found.value == pytest.approx(2 * 0.875 * 0.9375 / (0.875 + 0.9375))
    assert found.low < found.value < found.high


def test_what_a_record_does_not_hold_is_left_out() -> None:
    assert pair(record(argmax={}), metric="accuracy").measured == ()
    assert pair(record(argmax={"f1": estimate(None)}), metric="f1").measured == ()
    assert pair(record(), metric="loss").measured == ()


def test_a_misprint_has_no_value_but_its_text() -> None:
    found = set_beside(PAPERS, [], {}, metric="precision")
    (one,) = [one for one in found if one.model == "resnet152"]
    assert (one.claimed, one.printed, one.allowed) == (None, "456", None)


def test_what_the_paper_does_not_give_is_empty() -> None:
    assert pair(metric="auc").printed == ""


def test_a_stated_number_of_films_allows_an_accuracy_its_interval() -> None:
    one = pair(metric="accuracy")
    assert one.allowed is not None
    assert one.allowed.n == 506
    assert one.allowed.low < 0.8913 < one.allowed.high
    (unstated,) = [b for b in set_beside(PAPERS, [], {}, metric="accuracy") if b.model == "resnet18"]
    assert unstated.allowed is None


def test_rebuilt_counts_allow_recall_and_precision_theirs() -> None:
    counts = ConfusionMatrix(tp=207, fp=24, fn=31, tn=244)
    found = {("multiregion2024", "custom_cnn"): Counted("not fractured", counts)}
    for metric, of in (("recall", 268), ("precision", 275)):
        one = pair(metric=metric, counted=found)
        assert one.allowed is not None
        assert one.allowed.n == of
        assert one.allowed.low < one.claimed < one.allowed.high  # type: ignore[operator]
    f1 = pair(metric="f1", counted=found)
    assert f1.allowed is not None
    assert f1.allowed.low < 0.8987 < f1.allowed.high


def test_the_rule_that_never_looks_is_of_the_claims_own_data() -> None:
    found = {(one.paper, one.model): one.whole for one in set_beside(PAPERS, [], {}, metric="accuracy")}
    assert found["lisbon2023", "resnet18"] == pytest.approx(3366 / 4083)
    assert found["multiregion2024", "custom_cnn"] == pytest.approx(268 / 506)
    assert math.isnan(found["abirami2024", "resnet50"])


def test_the_newest_run_of_a_seed_counts() -> None:
    old = record("20261121T000000Z-a", argmax={"accuracy": estimate(0.5)})
    other_seed = record("20261120T000000Z-b", seed=1, argmax={"accuracy": estimate(0.625)})
    values = [one.estimate.value for one in pair(record(), old, other_seed, metric="accuracy").measured]
    assert values == [0.8125, 0.625]


def test_every_paper_and_every_run_is_there_once() -> None:
    ours = record("20261121T000000Z-ours", recipe={"key": "ours", "paper": ""}, model="mobilenetv2_100")
    other = record("20261121T000000Z-new", model="efficientnet_b0")
    rows = table([record(), ours, other], PAPERS)
    outlines = {str(run["id"]): run for run in (record(), ours, other)}
    found = [(one.paper, one.model) for one in set_beside(PAPERS, rows, outlines, metric="accuracy")]
    assert len(found) == len(set(found))
    assert found[-1] == ("", "mobilenetv2_100")
    assert ("multiregion2024", "efficientnet_b0") in found
    assert ("wang2024", "seresnet50") in found


@settings(deadline=None)  # the first exact interval imports scipy
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(1, 5))
def test_many_runs_become_their_mean_within_their_range(values: list[float], most: int) -> None:
    records = [
        record(f"2026112{seed}T000000Z-a", seed=seed, argmax={"accuracy": estimate(value)})
        for seed, value in enumerate(values)
    ]
    found = marks(pair(*records, metric="accuracy").measured, most=most)
    if len(values) > most:
        (mark,) = found
        assert mark.mean
        assert mark.low - 1e-12 <= mark.value <= mark.high + 1e-12
        assert (mark.low, mark.high) == (min(values), max(values))
        assert mark.value == pytest.approx(sum(values) / len(values))
    else:
        assert sorted(mark.value for mark in found) == sorted(values)
        assert not any(mark.mean for mark in found)


def test_splits_are_never_averaged_with_each_other() -> None:
    runs = [record(f"2026112{seed}T000000Z-a", seed=seed) for seed in range(5)]
    published = record("20261128T000000Z-p", split={"kind": "published"})
    kinds = {mark.split: len(mark.measured) for mark in marks(pair(*runs, published, metric="accuracy").measured)}
    assert kinds == {"clean": 5, "published": 1}


@settings(deadline=None)  # the first exact interval imports scipy
@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60))
def test_counts_follow_exactly_from_the_rates_of_a_record(films: list[tuple[int, float]]) -> None:
    labels, scores = np.array([label for label, _ in films]), np.array([score for _, score in films])
    outline = {
        "class_report": [vars(line) for line in class_report(labels, scores, threshold=0.5)],
        "operating_points": {
            name: {"sensitivity": vars(point.sensitivity), "specificity": vars(point.specificity)}
            for name in RULES
            for point in (operate(labels, scores, threshold=0.3),)
        },
    }
    assert matrix_at(outline, HALF) == ConfusionMatrix.from_scores(labels, scores, threshold=0.5)
    assert matrix_at(outline, "balanced") == ConfusionMatrix.from_scores(labels, scores, threshold=0.3)


def test_counts_that_a_record_does_not_hold_are_none() -> None:
    assert matrix_at({}, HALF) is None
    assert matrix_at({"operating_points": {}}, "balanced") is None
