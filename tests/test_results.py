"""Run records: written once, read back, never changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fracture_core.errors import FractureError
from fracture_core.results import (
    ScoredCase,
    read_folder,
    read_outlines,
    read_records,
    read_run,
    read_speeds,
    scored_cases,
    scored_films,
    to_json,
    write_record,
)


def test_round_trip_in_order(tmp_path):
    folder = tmp_path / "deep" / "runs"
    second = write_record({"id": "b", "title": "Größe", "value": 0.5}, folder=folder)
    write_record({"id": "a"}, folder=folder)
    assert second == folder / "b.json"
    assert read_records(folder) == [{"id": "a"}, {"id": "b", "title": "Größe", "value": 0.5}]
    assert json.loads(second.read_bytes()) == {"id": "b", "title": "Größe", "value": 0.5}


def test_no_folder_no_records(tmp_path):
    assert read_records(tmp_path / "nowhere") == []


def test_a_record_is_never_replaced(tmp_path):
    path = write_record({"id": "run", "value": 1}, folder=tmp_path)
    before = path.read_bytes()
    with pytest.raises(FractureError, match=r"'run\.json' is there already"):
        write_record({"id": "run", "value": 2}, folder=tmp_path)
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_an_interrupted_record_is_not_read(tmp_path, monkeypatch):
    def cut(path: Path, text: str, **options: object) -> int:
        path.write_bytes(text[:10].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", cut)
    with pytest.raises(OSError, match="No space"):
        write_record({"id": "run", "value": 1}, folder=tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    write_record({"id": "run", "value": 1}, folder=tmp_path)
    assert read_records(tmp_path) == [{"id": "run", "value": 1}]


def test_what_is_no_number_becomes_null() -> None:
    data = {"a": float("nan"), "b": [1.0, float("inf")], "c": {"d": (2, "x")}}
    assert json.loads(to_json(data)) == {"a": None, "b": [1.0, None], "c": {"d": [2, "x"]}}


FIRST = {"id": "first", "scores": {"a": 0.25, "b": 0.5, "c": 0.75}, "membership": {"val": ["b"], "test": ["a", "c"]}}
SECOND = {
    "schema": 2,
    "id": "second",
    "cases": {
        "id": ["b", "a"],
        "split": ["val", "test"],
        "label": [1, 0],
        "group": [4, 7],
        "region": ["hand", "leg"],
        "score": [0.5, 0.25],
    },
}


def test_both_generations_give_their_films_alike(tmp_path):
    write_record(FIRST, folder=tmp_path)
    write_record(SECOND, folder=tmp_path)
    first, second = read_records(tmp_path)
    assert scored_cases(first) == [
        ScoredCase("b", "val", 0.5),
        ScoredCase("a", "test", 0.25),
        ScoredCase("c", "test", 0.75),
    ]
    assert scored_cases(second) == [
        ScoredCase("b", "val", 0.5, label=1, group=4, region="hand"),
        ScoredCase("a", "test", 0.25, label=0, group=7, region="leg"),
    ]
    assert scored_cases({"id": "none"}) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"id": "cut"', "it cannot be read"),
        (b"\xff\xfe", "it cannot be read"),
        (b"", "it cannot be read"),
        (b"[1, 2]", "it is no run record"),
        (b'{"title": "nameless"}', "it is no run record"),
        (b'{"id": "x", "schema": 3}', "another version of this program wrote it"),
        (b'{"id": "x", "schema": "two"}', "another version of this program wrote it"),
        (b'{"id": "x", "metrics": [0.9]}', "its 'metrics' is damaged"),
        (json.dumps(SECOND | {"cases": SECOND["cases"] | {"score": [0.5]}}).encode(), "its 'cases' is damaged"),
        (json.dumps(SECOND | {"cases": {"id": ["a"]}}).encode(), "its 'cases' is damaged"),
    ],
)
def test_a_damaged_record_is_passed_over_and_reported(tmp_path, caplog, content, reason):
    (tmp_path / "bad.json").write_bytes(content)
    write_record(FIRST, folder=tmp_path)
    records = read_folder(tmp_path)
    assert records.runs == (FIRST,)
    sentence = f"The run record 'bad.json' is passed over: {reason}. Restore or remove it."
    assert records.damaged == {"bad.json": sentence}
    assert caplog.messages == [sentence]


def test_the_records_of_the_repository_are_whole():
    records = read_folder()
    assert records.damaged == {}
    assert records.runs
    for record in records.runs:
        cases = scored_cases(record)
        tests = [case for case in cases if case.split == "test"]
        assert len(tests) == record["split"]["counts"]["test"]["films"], record["id"]
        assert all(0 <= case.score <= 1 for case in cases), record["id"]


LETTERED = SECOND | {"split": {"kind": "grouped", "letters": "vx"}}


def test_an_outline_leaves_the_films_out(tmp_path):
    write_record(FIRST, folder=tmp_path)
    write_record(LETTERED, folder=tmp_path)
    (tmp_path / "bad.json").write_text("{")
    outlines = read_outlines(tmp_path)
    assert outlines.runs == ({"id": "first"}, {"schema": 2, "id": "second", "split": {"kind": "grouped"}})
    assert list(outlines.damaged) == ["bad.json"]
    assert read_run("second", folder=tmp_path) == LETTERED


def test_an_outline_is_read_once_and_again_when_the_file_changes(tmp_path):
    path = write_record({"id": "run", "value": 1}, folder=tmp_path)
    (first,) = read_outlines(tmp_path).runs
    assert read_outlines(tmp_path).runs[0] is first
    path.write_text(to_json({"id": "run", "value": 12}))
    assert read_outlines(tmp_path).runs == ({"id": "run", "value": 12},)
    write_record({"id": "another"}, folder=tmp_path)
    assert [run["id"] for run in read_outlines(tmp_path).runs] == ["another", "run"]


@pytest.mark.parametrize("name", ["missing", "../run", "", "deep/run"])
def test_a_run_that_is_not_there_is_named(tmp_path, name):
    (tmp_path / "runs" / "deep").mkdir(parents=True)
    for place in ("run.json", "runs/deep/run.json"):
        (tmp_path / place).write_text('{"id": "run"}')
    with pytest.raises(FractureError, match="There is no run record"):
        read_run(name, folder=tmp_path / "runs")


def test_a_damaged_run_says_so(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(FractureError, match=r"'run\.json' cannot be read"):
        read_run("run", folder=tmp_path)


def test_scored_films_are_columns_of_one_split():
    films = scored_films(SECOND)
    assert (films.ids, films.regions) == (("a",), ("leg",))
    assert (films.labels.tolist(), films.groups.tolist(), films.scores.tolist()) == ([0], [7], [0.25])
    assert scored_films(SECOND, split="val").ids == ("b",)


@pytest.mark.parametrize("record", [FIRST, {"id": "outline"}])
def test_films_without_labels_have_no_columns(record):
    with pytest.raises(FractureError, match="does not hold its films' labels"):
        scored_films(record)


def test_a_damaged_measurement_is_passed_over(tmp_path, caplog):
    (tmp_path / "bad.json").write_text('{"schema": 1, "model": "resnet18"}')
    (tmp_path / "later.json").write_text('{"schema": 2}')
    assert read_speeds(tmp_path) == []
    assert [message.split(" is passed over")[0] for message in caplog.messages] == [
        "The measurement 'bad.json'",
        "The measurement 'later.json'",
    ]


def test_the_measurements_of_the_repository_are_whole(caplog):
    from fracture_core.models import MODELS

    for speed in read_speeds():
        assert speed.parameters == MODELS[speed.model].parameters, speed.model
        assert speed.latency_ms.low <= speed.latency_ms.value <= speed.latency_ms.high
    assert not caplog.messages
