"""``python -m fracture_core data``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from fracture_core.commands import data
from fracture_core.datasets import Case, DataSet, download, open_data
from fracture_core.errors import DataSetError


def call(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    data.add(parser.add_subparsers())
    options = parser.parse_args(["data", *map(str, arguments)])
    return options.run(options)


def test_show_tells_what_a_folder_holds(made_fracatlas, capsys):
    root = made_fracatlas(8)
    (root / "images/Non_fractured/IMG0000000.jpg").unlink()
    assert call("show", root) == 0
    out = capsys.readouterr().out
    told = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert told["name"] == "fracatlas"
    assert told["films"] == "7"
    assert told["fractured"] == "4 (57.1 %)"
    assert told["regions"] == "leg 2, hip 2, shoulder 2, hand 1"
    assert told["splits"] == "none 7"
    assert told["patients"] == "not named"
    assert "CC BY 4.0" in told["source"]
    assert told["note"] == "1 films of the table are not on disk"


def test_phantom_ct_is_written_and_shown(tmp_path, capsys):
    assert call("phantom-ct", "--write", tmp_path / "ct", "--patients", 2, "--slices", 1) == 0
    out = capsys.readouterr().out
    assert "SYNTHETIC" in out
    assert any(line.split() == ["patients", "2"] for line in out.splitlines())
    assert len(open_data(tmp_path / "ct").cases) == 6


def test_a_download_shows_its_progress_and_ends_in_a_folder(tmp_path, capsys, monkeypatch):
    asked: list[Path] = []

    def brought(folder, *, progress):
        asked.append(folder)
        progress(50, 100)
        progress(0, 100)
        progress(100, 100)
        return folder / "FracAtlas"

    monkeypatch.setattr(download, "download_fracatlas", brought)
    assert call("fracatlas", "--download", tmp_path) == 0
    assert asked == [tmp_path]
    assert f"FracAtlas lies in '{tmp_path / 'FracAtlas'}'" in capsys.readouterr().out


def test_a_complete_fracatlas_is_left_alone(made_fracatlas, capsys):
    assert call("fracatlas", "--download", made_fracatlas(4).parent) == 0
    assert "nothing was downloaded" in capsys.readouterr().out


def test_a_stop_is_status_130(tmp_path, capsys, monkeypatch):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "download_fracatlas", stopped)
    assert call("fracatlas", "--download", tmp_path) == 130
    assert "goes on where it stopped" in capsys.readouterr().err


def test_troubles_are_the_callers_to_tell(tmp_path):
    with pytest.raises(DataSetError, match="not known"):
        call("show", tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [("fracatlas",), ("phantom-ct",), ("show",), (), ("phantom-ct", "--write", "x", "--patients", "0")],
)
def test_wrong_usage_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        call(*arguments)
    assert caught.value.code == 2


def test_many_notes_are_counted():
    case = Case("a", Path("a"), 1, "hand", patient="p", split="train")
    lines = data.describe(DataSet("x", Path(), (case,), "y", tuple(f"note {n}" for n in range(25))))
    assert lines[-1].endswith("and 5 more")
    assert "patients   1" in lines and "splits     train 1" in lines
