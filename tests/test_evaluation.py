"""From logits to the figures of a record: thresholds from validation, everything else from test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fracture_core.datasets import Case
from fracture_core.evaluation import evaluate, traits
from fracture_core.metrics import choose_thresholds, roc_auc
from fracture_core.results import to_json


def _case(index: int, region: str = "hand", *flags: str) -> Case:
    return Case(
        id=f"film{index}", path=Path(f"film{index}.png"), label=index % 2, region=region, flags=frozenset(flags)
    )


def _made(rng, count):
    labels = (rng.random(count) < 0.4).astype(int)
    return labels, np.stack([np.zeros(count), 2 * labels - 1.5 + rng.normal(size=count)], axis=1)


@pytest.fixture
def figures(rng):
    (val, val_logits), (test, test_logits) = _made(rng, 200), _made(rng, 150)
    cases = [
        _case(index, "hand" if index % 3 else "leg", *(["hardware"] if index < 20 else [])) for index in range(150)
    ]
    answer = evaluate({"val": val_logits, "test": test_logits}, {"val": val, "test": test}, np.arange(150), cases)
    return val, test, test_logits, *answer


def test_every_figure_is_of_test_films(figures):
    _, test, logits, record, probabilities = figures
    differences = logits[:, 1] - logits[:, 0]
    assert record["metrics"]["auc"]["value"] == pytest.approx(roc_auc(test, differences))
    assert record["argmax"]["accuracy"]["value"] == pytest.approx(np.mean((differences >= 0) == test))
    assert {estimate["n"] for name, estimate in record["metrics"].items() if name in ("auc", "accuracy", "ece")} == {
        150
    }
    assert [row["support"] for row in record["class_report"]][:2] == [int((test == 0).sum()), int(test.sum())]
    assert ((probabilities["test"] > 0) & (probabilities["test"] < 1)).all()
    assert np.argsort(probabilities["test"]).tolist() == np.argsort(differences).tolist()


def test_thresholds_are_of_validation(figures):
    val, _, _, record, probabilities = figures
    chosen = {name: point["threshold"] for name, point in record["operating_points"].items()}
    assert chosen == choose_thresholds(val, probabilities["val"])


def test_intervals_of_operating_points_know_of_groups(rng):
    (val, val_logits), (test, test_logits) = _made(rng, 200), _made(rng, 40)
    thrice = np.repeat(np.arange(40), 3)  # every film in three copies
    labels, logits = {"val": val, "test": test[thrice]}, {"val": val_logits, "test": test_logits[thrice]}
    cases = [_case(index) for index in range(120)]
    together = evaluate(logits, labels, thrice, cases)[0]["operating_points"]["balanced"]["sensitivity"]
    apart = evaluate(logits, labels, np.arange(120), cases)[0]["operating_points"]["balanced"]["sensitivity"]
    assert together["value"] == apart["value"]
    assert together["high"] - together["low"] > 1.3 * (apart["high"] - apart["low"])


def test_a_record_of_them_is_plain_json(figures):
    assert json.loads(to_json(figures[3]))["subgroups"]


def test_subgroups_by_region_view_and_hardware(figures):
    rows = {row["name"]: row["n"] for row in figures[3]["subgroups"]}
    assert rows == {"hand": 100, "leg": 50, "with hardware": 20}


def test_traits_name_only_what_is_there():
    cases = [_case(0, "hip", "lateral"), _case(1, "hip")]
    members = traits(cases)
    assert list(members) == ["hip", "lateral view"]
    assert members["lateral view"].tolist() == [True, False]
