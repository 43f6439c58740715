"""All folds of a cross-validation as one measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fracture_core.__main__ import main
from fracture_core.metrics import roc_auc
from fracture_core.results import complete_folds, pool, write_record

FOLDS = 3
THRESHOLDS = (0.3, 0.5, 0.7)


def records(films: int = 30, *, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    labels = np.arange(films) % 2
    scores = np.clip(labels * 0.3 + rng.random(films) * 0.7, 0, 1).round(5)
    return [
        {
            "id": f"run{fold}",
            "schema": 2,
            "recipe": {"key": "ours", "epochs": 3},
            "model": "resnet18",
            "seed": seed,
            "data": {"name": "made", "fingerprint": "f"},
            "split": {"kind": "folds", "fold": fold, "folds": FOLDS, "seed": 0, "counts": {}},
            "operating_points": {"balanced": {"threshold": THRESHOLDS[fold]}},
            "cases": {
                "id": [f"film{number}" for number in range(fold, films, FOLDS)],
                "split": ["test"] * len(range(fold, films, FOLDS)),
                "label": labels[fold::FOLDS].tolist(),
                "group": [number // 2 for number in range(fold, films, FOLDS)],
                "region": ["hand"] * len(range(fold, films, FOLDS)),
                "score": scores[fold::FOLDS].tolist(),
            },
        }
        for fold in range(FOLDS)
    ]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(FOLDS)))
def test_pooled_figures_are_those_of_all_films_at_once(seed, order):
    made = records(seed=seed)
    (folds,) = complete_folds([made[fold] for fold in order])
    assert [record["split"]["fold"] for record in folds] == [0, 1, 2]
    found = pool(folds)
    labels = np.concatenate([record["cases"]["label"] for record in made])
    scores = np.concatenate([record["cases"]["score"] for record in made])
    limits = np.concatenate([[r["operating_points"]["balanced"]["threshold"]] * len(r["cases"]["id"]) for r in made])
    assert (found.films, found.fractured, found.runs) == (30, 15, ("run0", "run1", "run2"))
    assert found.metrics["auc"].value == pytest.approx(roc_auc(labels, scores))
    called = scores >= limits  # each fold by its own threshold
    assert found.metrics["sensitivity"].value == pytest.approx(called[labels == 1].mean())
    assert found.metrics["specificity"].value == pytest.approx((~called[labels == 0]).mean())
    for estimate in (found.metrics["auc"], found.metrics["sensitivity"]):
        assert estimate.low <= estimate.value <= estimate.high


def test_only_whole_cross_validations_count_and_the_newest_run_of_a_fold():
    made = records()
    assert complete_folds(made[:2]) == []
    assert complete_folds([{"id": "single", "split": {"kind": "grouped"}}, {"id": "bare"}]) == []
    again = {**made[1], "id": "run1-again"}
    (folds,) = complete_folds([*made, again])
    assert [record["id"] for record in folds] == ["run0", "run1-again", "run2"]
    other = {**made[2], "recipe": {"key": "ours", "epochs": 4}}
    assert complete_folds([*made[:2], other]) == []  # another recipe's fold does not complete it


def test_a_film_in_two_folds_is_our_mistake():
    made = records()
    made[1]["cases"]["id"][0] = "film0"
    with pytest.raises(AssertionError, match="no film"):
        pool(made)


def test_the_command_tells_of_them(tmp_path, capsys):
    for record in records():
        write_record(record, folder=tmp_path)
    assert main(["results", "--runs", str(tmp_path)]) == 0
    assert "All 3 folds of ours, resnet18, on made, out of fold: AUC" in capsys.readouterr().out
