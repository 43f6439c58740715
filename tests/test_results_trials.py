"""Runs that differ in one thing alone are found, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from fracture_core.recipes import get_recipe
from fracture_core.results import read_outlines
from fracture_core.results.trials import ARITHMETIC, DRAW, trials


def run(
    key: str = "gupta2024", *, name: str = "a", recipe: dict[str, Any] | None = None, **facts: Any
) -> dict[str, Any]:
    """The outline of a run as ``train.py`` writes it."""
    written = get_recipe(key).as_run() | {"model": get_recipe(key).model} | (recipe or {})
    return {
        "id": name,
        "recipe": written,
        "model": written["model"],
        "data": {"fingerprint": "f"},
        "split": {"kind": "grouped", "rule": "r", "seed": 0, "fold": None, "folds": None, "counts": {"test": 9}},
        "seed": 0,
        "hardware": "one",
        "pretrained": None,
        "precision": "bf16-mixed",
    } | facts


@pytest.mark.parametrize(
    ("base", "other", "what"),
    [
        (run(), run("gupta2024-clahe", name="b"), "a transform of every film"),
        (run(), run("gupta2024-random_crop", name="b"), "a change in training"),
        (run("wang2024"), run("wang2024-without-se", name="b"), "the network, from the same start"),
        (run(precision="32-true"), run(name="b"), ARITHMETIC),
    ],
)
def test_what_differs_in_one_thing_is_a_trial(base, other, what):
    (found,) = trials([other, base])
    assert (found.what, [one["id"] for one in found.both]) == (what, ["a", "b"])
    assert found.names == (
        ("32-true", "bf16-mixed") if what == ARITHMETIC else (base["recipe"]["key"], other["recipe"]["key"])
    )


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"hardware": "another"},
        {"pretrained": "file"},
        {"data": {"fingerprint": "g"}},
        {"split": {"kind": "clean"}},
        {"recipe": {"epochs": 3}},
        {"also": {"fingerprint": "g"}},
        {"precision": "32-true"},
    ],
)
def test_what_differs_in_more_is_none(change):
    assert trials([run(), run("gupta2024-clahe", name="b", **change)]) == []


def test_two_networks_that_began_apart_are_no_trial_and_neither_are_two_changes():
    assert trials([run("wang2024"), run("wang2024", name="b", recipe={"model": "resnet50"})]) == []
    assert trials([run("gupta2024-canny"), run("gupta2024-clahe", name="b")]) == []


def test_both_halves_of_an_ablation_may_have_names_of_their_own():
    own, same, without = (
        run(key, name=name)
        for key, name in (("wang2024", "1"), ("wang2024-with-se", "2"), ("wang2024-without-se", "3"))
    )
    for runs, base in (([own, without], "1"), ([same, without], "2"), ([own, same, without], "2")):
        (found,) = trials(runs)
        assert [one["id"] for one in found.both] == [base, "3"]


def test_the_wider_arithmetic_is_the_base():
    runs = [run(name=precision, precision=precision) for precision in ("32-true", "64-true", "bf16-mixed")]
    assert {found.names for found in trials(runs)} == {
        ("64-true", "32-true"),
        ("64-true", "bf16-mixed"),
        ("32-true", "bf16-mixed"),
    }


def test_other_draws_are_set_beside_that_of_seed_0():
    found = trials([run(name=str(seed), seed=seed) for seed in (2, 0, 1)])
    assert {(trial.what, *trial.names) for trial in found} == {(DRAW, "seed 0", "seed 1"), (DRAW, "seed 0", "seed 2")}
    assert trials([run(seed=1), run(name="b", seed=2)]) == []


def test_the_newest_run_of_a_kind_counts():
    (found,) = trials(
        [run(name="1"), run(name="3"), run("gupta2024-clahe", name="4"), run("gupta2024-clahe", name="2")]
    )
    assert [one["id"] for one in found.both] == ["3", "4"]


def test_the_repositorys_runs_hold_trials_of_both_kinds():
    kinds = {trial.what for trial in trials(read_outlines().runs)}
    assert {"a transform of every film", ARITHMETIC} <= kinds
