"""Two runs on the films that both were tested on, and a run's worst errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fracture_core.errors import FractureError
from fracture_core.results.comparing import compare_runs, worst_errors

Film = tuple[str, int, float]


def record(
    films: list[Film], *, run: str = "run", name: str = "made", letters: str = "", line: float = 0.5, **more: Any
) -> dict[str, Any]:
    """A run whose test films are (id, label, score)."""
    return {
        "id": run,
        "schema": 2,
        "data": {"name": name, "fingerprint": f"{name} as it is"},
        "split": {"kind": "grouped", "rule": run, "letters": letters},
        "operating_points": {"balanced": {"threshold": line, "rule": "made"}},
        "cases": {
            "id": [film[0] for film in films],
            "split": ["test"] * len(films),
            "label": [film[1] for film in films],
            "group": list(range(len(films))),
            "region": ["hand"] * len(films),
            "score": [film[2] for film in films],
        },
        **more,
    }


def made(scores: list[float], labels: list[int], **more: Any) -> dict[str, Any]:
    return record(
        [(f"F{i:03}", label, score) for i, (label, score) in enumerate(zip(labels, scores, strict=True))], **more
    )


SCORES = st.integers(0, 20).map(lambda twentieths: twentieths / 20)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two runs with some common test films, of both classes."""
    films = draw(st.integers(4, 24))
    labels = [draw(st.integers(0, 1)) for _ in range(films)]
    runs = []
    for run in ("one", "other"):
        tested = [draw(st.booleans()) or draw(st.booleans()) for _ in range(films)]
        films_of = [(f"F{i:03}", labels[i], draw(SCORES)) for i in range(films) if tested[i]]
        line = draw(SCORES)
        runs.append(record(films_of, run=run, line=line, letters="".join("x" if t else "t" for t in tested)))
        runs[-1]["cases"]["group"] = [draw(st.integers(0, 5)) for _ in films_of]
    common = set(runs[0]["cases"]["id"]) & set(runs[1]["cases"]["id"])
    kept = [label for i, label in enumerate(labels) if f"F{i:03}" in common]
    assume(kept.count(0) >= 2 and kept.count(1) >= 2)
    return runs[0], runs[1]


@settings(max_examples=40, deadline=None)
@given(pairs())
def test_swapping_the_runs_flips_every_sign(runs: tuple[dict[str, Any], dict[str, Any]]) -> None:
    there, back = compare_runs(*runs), compare_runs(*reversed(runs))
    one, other = there.statistics, back.statistics
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert (one.difference.low, one.difference.high) == pytest.approx((-other.difference.high, -other.difference.low))
    assert one.p == pytest.approx(other.p)
    for name in ("accuracy", "sensitivity", "specificity"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a.first_only, a.second_only, a.n) == (b.second_only, b.first_only, b.n)
        assert a.difference.value == pytest.approx(-b.difference.value)
        assert a.mid_p == pytest.approx(b.mid_p)
        assert one.by_group is not None
        assert other.by_group is not None
        assert one.by_group[name].low == pytest.approx(-other.by_group[name].high, nan_ok=True)
    assert [film.id for film in there.first_only] == [film.id for film in back.second_only]
    assert [film.id for film in there.both_wrong] == [film.id for film in back.both_wrong]
    assert there.first_in_second == back.second_in_first


@settings(max_examples=40, deadline=None)
@given(pairs())
def test_every_common_film_is_in_one_of_four_lists(runs: tuple[dict[str, Any], dict[str, Any]]) -> None:
    found = compare_runs(*runs)
    lists = [found.first_only, found.second_only, found.both_right, found.both_wrong]
    names = [film.id for films in lists for film in films]
    assert sorted(names) == sorted(set(runs[0]["cases"]["id"]) & set(runs[1]["cases"]["id"]))
    assert found.statistics.accuracy.first_only == len(found.first_only)
    assert found.statistics.accuracy.second_only == len(found.second_only)
    assert found.first_in_second is not None
    assert found.first_in_second["test"] == len(names)
    assert sum(found.first_in_second.values()) == found.tested[0]
    for films in (found.first_only, found.second_only):
        assert [film.apart for film in films] == sorted((film.apart for film in films), reverse=True)
    assert [film.wrong_by for film in found.both_wrong] == sorted(
        (film.wrong_by for film in found.both_wrong), reverse=True
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=1, max_size=30), SCORES)
def test_the_worst_errors_come_first_and_none_is_forgotten(films: list[tuple[int, float]], line: float) -> None:
    labels, scores = [film[0] for film in films], [film[1] for film in films]
    missed, alarms = worst_errors(made(scores, labels), line)
    assert len(missed) == sum(label == 1 and score < line for label, score in films)
    assert len(alarms) == sum(label == 0 and score >= line for label, score in films)
    assert all(film.label == 1 for film in missed)
    assert all(film.label == 0 for film in alarms)
    assert [film.score for film in missed] == sorted(film.score for film in missed)
    assert [film.score for film in alarms] == sorted((film.score for film in alarms), reverse=True)


LABELS = [1, 1, 1, 0, 0, 0]


def test_a_comparison_by_hand() -> None:
    first = made([0.9, 0.8, 0.2, 0.1, 0.6, 0.3], LABELS, run="one", line=0.5)
    second = made([0.9, 0.3, 0.1, 0.2, 0.1, 0.45], LABELS, run="other", line=0.4)
    found = compare_runs(first, second)
    assert found.thresholds == (0.5, 0.4)
    assert [film.id for film in found.first_only] == ["F001", "F005"]  # apart by 0.5 and by 0.15
    assert [film.id for film in found.second_only] == ["F004"]
    assert [film.id for film in found.both_wrong] == ["F002"]
    assert [film.id for film in found.both_right] == ["F000", "F003"]
    assert found.statistics.first.value == pytest.approx(7 / 9)
    assert found.statistics.accuracy.difference.value == pytest.approx(1 / 6)
    assert found.same_data


def test_only_films_that_both_tested_are_compared_and_where_the_others_were_is_told() -> None:
    first = made([0.9, 0.8, 0.1, 0.2, 0.7], [1, 1, 0, 0, 1], run="one", letters="xxxxxv")
    second = made([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], run="other", letters="xxxxtx")
    second["cases"]["id"][3] = "F003"
    second["cases"] = {name: [*column, *column[-1:]] for name, column in second["cases"].items()}
    second["cases"]["id"][4] = "F005"
    found = compare_runs(first, second)
    assert [film.id for film in found.films] == ["F000", "F001", "F002", "F003"]
    assert found.tested == (5, 5)
    assert found.first_in_second == {"test": 4, "train": 1}
    assert found.second_in_first == {"test": 4, "val": 1}


def test_what_one_network_of_a_committee_was_validated_on_the_others_learnt_from() -> None:
    first = made([0.9, 0.8, 0.1, 0.2, 0.7], [1, 1, 0, 0, 1], run="one", letters="xxxxx")
    second = made([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], run="other", letters="xxxxv")
    assert compare_runs(first, second).first_in_second == {"test": 4, "val": 1}
    second["split"] |= {"parts": 5, "part": None}
    assert compare_runs(first, second).first_in_second == {"test": 4, "train": 1}
    second["split"] |= {"part": 0}
    assert compare_runs(first, second).first_in_second == {"test": 4, "val": 1}


def test_letters_of_another_state_of_the_data_set_tell_nothing() -> None:
    first, second = (made([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], run=run, letters="xxxx") for run in ("one", "other"))
    second["data"]["fingerprint"] = "with a film more"
    found = compare_runs(first, second)
    assert not found.same_data
    assert found.first_in_second is None
    assert len(found.films) == 4


def test_films_that_the_records_label_differently_are_left_out_and_counted() -> None:
    first = made([0.9, 0.8, 0.1, 0.2, 0.5], [1, 1, 0, 0, 1])
    second = made([0.9, 0.8, 0.1, 0.2, 0.5], [1, 1, 0, 0, 0])
    found = compare_runs(first, second)
    assert found.contradictory == 1
    assert len(found.films) == 4


def test_groups_of_either_run_hold_films_together() -> None:
    rng = np.random.default_rng(0)
    labels = [1, 0] * 20
    scores = [rng.random(40).tolist() for _ in range(2)]
    alone = [made(each, labels) for each in scores]
    grouped = [made(each, labels) for each in scores]
    grouped[0]["cases"]["group"] = [i // 4 for i in range(40)]  # by fours, and the other chains all fours
    grouped[1]["cases"]["group"] = [100 + (i + 2) // 4 for i in range(40)]
    free, held = (compare_runs(*runs).statistics.by_group for runs in (alone, grouped))
    assert free is not None
    assert held is not None
    assert held["auc"].low == held["auc"].value == held["auc"].high  # one chain of all films: nothing to resample
    assert free["auc"].low < free["auc"].value < free["auc"].high


def test_a_run_ranks_better_only_where_groups_bear_it_out() -> None:
    rng = np.random.default_rng(3)
    labels = [1, 0] * 40
    guessed = rng.random(80).tolist()
    known = [0.4 * label + 0.6 * score for label, score in zip(labels, rng.random(80), strict=True)]
    good, poor = made(known, labels), made(guessed, labels)
    assert compare_runs(good, poor).better == 0
    assert compare_runs(poor, good).better == 1
    assert compare_runs(good, good).better is None
    patient = made([*known[:40], *guessed[40:]], labels)  # better on one patient's forty films alone
    for groups in ([0] * 40 + list(range(1, 41)), [0] * 80):
        for run in (patient, poor):
            run["cases"]["group"] = groups
        compared = compare_runs(patient, poor)
        assert compared.statistics.difference.low > 0  # as if all films were apart
        assert compared.better is None


def test_groups_that_a_record_does_not_know_join_nothing() -> None:
    labels = [1, 0] * 10
    scores = np.random.default_rng(1).random(20).tolist()
    first, second = made(scores, labels), made(scores[::-1], labels)
    second["cases"]["group"] = [None] * 20
    by_group = compare_runs(first, second).statistics.by_group
    assert by_group is not None
    assert by_group["auc"].low < by_group["auc"].high


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (made([0.1] * 4, [1, 1, 0, 0], name="elsewhere"), "different data sets"),
        (record([(f"G{i}", i % 2, 0.5) for i in range(6)]), "None of the 4 test films"),
        (record([("F000", 1, 0.5), ("F002", 0, 0.5), ("F003", 0, 0.5)]), "Too few test films"),
        ({**made([0.1] * 4, [1, 1, 0, 0]), "operating_points": {}}, "no threshold 'balanced'"),
        ({**made([0.1] * 4, [1, 1, 0, 0]), "cases": None}, "does not hold its films' labels"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_sentence(second: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FractureError, match=sentence):
        compare_runs(made([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0]), second)
