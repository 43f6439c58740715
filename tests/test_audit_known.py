"""Recorded audits: what is kept, what is refused, and what a leak is worth."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fracture_core.audit import (
    abridged,
    audit,
    difference,
    known_audits,
    leak_worths,
    parse_audit,
    record_audit,
)
from fracture_core.audit.known import AUDITS, LISTS
from fracture_core.datasets import Case, DataSet
from fracture_core.errors import DataSetError, FractureError
from fracture_core.metrics import Estimate
from fracture_core.overlay import encode_png
from fracture_core.results import load_published


@pytest.fixture
def found(tmp_path: Path):
    """An audit of eight films of which each comes twice, once in train and once in test."""
    cases = []
    for number in range(16):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encode_png(np.random.default_rng(number // 2).integers(0, 255, (48, 40), dtype=np.uint8)))
        split = ("train", "test")[number % 2]
        cases.append(Case(f"{split}/{number}", path, number % 2, "hand", split=split))
    return audit(DataSet("made", tmp_path, tuple(cases), "made for a test", missing=3))


# Recorded ----------------------------------------------------------------------------------------------


def test_a_long_list_is_kept_in_part_and_says_so(found):
    whole = found.as_dict()
    assert (len(whole["exact"]), len(whole["conflicts"])) == (8, 8)
    part = abridged(whole, most=3)
    assert part["kept"] == {name: {"shown": 3, "all": 8} for name in ("exact", "conflicts")}
    assert [part[name] for name in ("exact", "conflicts")] == [
        [whole[name][place] for place in (0, 2, 5)] for name in ("exact", "conflicts")
    ]
    untouched = set(whole) - set(LISTS)
    assert {name: part[name] for name in untouched} == {name: whole[name] for name in untouched}
    assert abridged(whole, most=8) == whole


def test_what_is_recorded_is_found_by_its_data_set(found, tmp_path, monkeypatch):
    monkeypatch.setenv("FRACTURE_AUDITS", str(tmp_path / "audits"))
    assert known_audits().audits == {}
    assert record_audit(found).name == "made.json"
    (tmp_path / "audits" / "broken.json").write_text("{")
    known = known_audits()
    assert known.audits == {"made": found.as_dict()}
    assert known.audits["made"]["missing"] == 3
    (sentence,) = known.damaged
    assert "broken.json" in sentence
    assert "python -m fracture_core audit" in sentence


def test_a_place_that_cannot_be_written_is_said_plainly(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FractureError, match="Choose another folder"):
        record_audit(found, tmp_path / "file")


def test_the_audits_kept_with_the_repository_are_sound_and_small():
    known = known_audits(AUDITS)
    assert known.damaged == ()
    assert set(known.audits) >= {"fracatlas", "multiregion"}
    assert all(path.stat().st_size < 400_000 for path in AUDITS.glob("*.json"))
    leaks = {(leak["split"], leak["other"], leak["label"]): leak for leak in known.audits["multiregion"]["leaks"]}
    assert (leaks["test", "train", None]["films"], leaks["test", "train", None]["by_bytes"]) == (506, 491)


# Refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("films", "many"),
        ("films", True),
        ("films", -1),
        ("pairs", {}),
        ("exact", [["alone"]]),
        ("near", [{"first": "a"}]),
        ("leaks", [{"split": "test"}]),
        ("damaged", [{"id": 1, "reason": "", "rows_read": 1, "readable": True}]),
        ("shortcuts", [{"feature": "width", "value": "x", "low": 0, "high": 1, "n": 3}]),
        ("splits", ["train"]),
        ("kept", {"near": 3}),
        ("missing", None),
    ],
)
def test_an_altered_audit_is_refused_and_the_part_named(found, part, value):
    plain = found.as_dict() | {part: value}
    with pytest.raises(DataSetError, match=rf"its '{part}' is not as written.*python -m fracture_core audit"):
        parse_audit(json.dumps(plain).encode(), name="mine.json")


@given(st.data())
def test_no_hole_in_an_audit_goes_unseen(data):
    plain = json.loads((AUDITS / "fracatlas.json").read_text())
    broken = copy.deepcopy(plain)
    del broken[data.draw(st.sampled_from(sorted(set(plain) - {"missing", "kept"})))]
    with pytest.raises(DataSetError):
        parse_audit(json.dumps(broken).encode(), name="mine.json")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"null", b'{"format": 1}', b"NaN"])
def test_what_is_no_audit_is_refused_in_words(content):
    with pytest.raises(DataSetError, match="mine"):
        parse_audit(content, name="mine.json")


# What a leak is worth ----------------------------------------------------------------------------------

PAPERS = load_published()


def record(split: str, accuracy: float, *, day: int = 1, model: str = "custom_cnn", **recipe: object) -> dict:
    score = {"value": accuracy, "low": accuracy - 0.05, "high": accuracy + 0.02, "n": 100}
    return {
        "id": f"2026-{day:02d}-{model}-{split}",
        "schema": 2,
        "date": f"2026-11-{day:02d}",
        "recipe": {"key": "multiregion2024", "paper": "multiregion2024", "split": split, "epochs": 10, **recipe},
        "model": model,
        "data": {"name": "multiregion"},
        "split": {"kind": split, "counts": {"test": {"films": 100, "fractured": 30}}},
        "metrics": {"auc": score, "accuracy": score | {"value": 0.1}},
        "argmax": {"accuracy": score},
    }


def test_two_runs_of_one_model_make_a_pair():
    (worth,) = leak_worths([record("clean", 0.7), record("published", 0.95)], PAPERS)
    assert worth.complete
    assert worth.published.scores["accuracy"].value == 0.95  # at one half, not at the chosen threshold
    assert worth.clean.majority == 0.7
    assert worth.claim.metrics["accuracy"] == 0.8913
    assert worth.differs == ()
    gap = worth.gap("accuracy")
    assert gap.value == pytest.approx(0.25)
    assert gap.low == pytest.approx(0.25 - math.hypot(0.05, 0.02))
    assert gap.high == pytest.approx(0.25 + math.hypot(0.02, 0.05))
    assert gap.n == 200


def test_the_newest_run_counts_and_clean_goes_before_grouped():
    runs = [record("published", 0.9, day=3), record("published", 0.8, day=2)]
    runs += [record("grouped", 0.6, day=5), record("clean", 0.7, day=4)]
    (worth,) = leak_worths(runs, PAPERS)
    assert (worth.published.run, worth.clean.run) == ("2026-03-custom_cnn-published", "2026-04-custom_cnn-clean")
    (grouped,) = leak_worths(runs[:3], PAPERS)
    assert grouped.clean.split == "grouped"


def test_half_a_pair_names_the_command_of_the_other():
    assert leak_worths([record("clean", 0.7)], PAPERS) == []  # not known to have a published division
    (worth,) = leak_worths([record("clean", 0.7)], PAPERS, divided={"multiregion"})
    assert not worth.complete
    assert worth.gap("auc") is None
    command = "python train.py multiregion2024 --model custom_cnn --data DIR --split published"
    assert worth.command("published") == command


def test_whole_pairs_come_first_and_other_divisions_are_left_out():
    runs = [record("published", 0.9, model="resnet50"), record("clean", 0.8, model="resnet50")]
    runs += [record("published", 0.9), record("folds", 0.8), {"id": "bare"}]
    assert [(worth.model, worth.complete) for worth in leak_worths(runs, PAPERS)] == [
        ("resnet50", True),
        ("custom_cnn", False),
    ]


def test_runs_that_differ_in_more_than_the_split_say_so():
    (worth,) = leak_worths([record("clean", 0.7, epochs=3), record("published", 0.9)], PAPERS)
    assert worth.differs == ("epochs",)


def _estimates() -> st.SearchStrategy[Estimate]:
    ends = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted)
    return ends.map(lambda ends: Estimate(ends[1], ends[0], ends[2], 50))


@given(_estimates(), _estimates())
def test_a_difference_is_as_uncertain_as_its_parts(one, other):
    gap, back = difference(one, other), difference(other, one)
    assert gap.low <= gap.value <= gap.high
    assert (gap.low, gap.value, gap.high) == pytest.approx((-back.high, -back.value, -back.low))
    assert gap.value - gap.low >= max(one.value - one.low, other.high - other.value) - 1e-12
    assert gap.high - gap.low <= (one.high - one.low) + (other.high - other.low) + 1e-12


def test_the_difference_of_what_was_not_measured_is_no_number():
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    assert math.isnan(difference(nothing, Estimate(0.5, 0.4, 0.6, 10)).value)


# The command -------------------------------------------------------------------------------------------


def test_the_command_records(made_fracatlas: Callable[..., Path], tmp_path, monkeypatch, capsys):
    from fracture_core.__main__ import main

    monkeypatch.setenv("FRACTURE_AUDITS", str(tmp_path / "audits"))
    assert main(["audit", str(made_fracatlas(12)), "--output", str(tmp_path / "out"), "--record"]) == 0
    assert "Recorded as" in capsys.readouterr().out
    assert known_audits().audits["fracatlas"]["films"] == 12
