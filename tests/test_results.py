"""Run records: written once, read back, never changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fracture_core.errors import FractureError
from fracture_core.results import read_records, write_record


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
    assert read_records(tmp_path) == []
    write_record({"id": "run", "value": 1}, folder=tmp_path)
    assert read_records(tmp_path) == [{"id": "run", "value": 1}]


def test_what_is_no_number_becomes_null() -> None:
    from fracture_core.results import to_json

    data = {"a": float("nan"), "b": [1.0, float("inf")], "c": {"d": (2, "x")}}
    assert json.loads(to_json(data)) == {"a": None, "b": [1.0, None], "c": {"d": [2, "x"]}}
