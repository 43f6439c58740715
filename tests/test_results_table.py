"""The table of runs beside the papers' figures: rows, screen and CSV."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from fracture_core.__main__ import main
from fracture_core.metrics import Estimate
from fracture_core.results import load_published, read_records, table, write_record

PAPERS = load_published()


def estimate(value: float | None, n: int = 408) -> dict[str, float | None]:
    low, high = (None, None) if value is None else (value - 0.0625, value + 0.0625)
    return {"value": value, "low": low, "high": high, "n": n}


def record(**changes: object) -> dict[str, object]:
    """A run of lisbon2023's ResNet-34 in the second generation's form."""
    return {
        "schema": 2,
        "id": "20261121T101112Z-lisbon2023-resnet34-seed0",
        "date": "2026-11-21",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "recipe": {"key": "lisbon2023", "paper": "lisbon2023", "model": "resnet34", "epochs": 10},
        "model": "resnet34",
        "data": {"name": "fracatlas", "films": 4083},
        "split": {
            "kind": "published",
            "rule": "70/20/10",
            "seed": 0,
            "fold": None,
            "folds": None,
            "counts": {"test": {"films": 408, "fractured": 72, "groups": 390}},
        },
        "metrics": {
            "auc": estimate(0.8125),
            "accuracy": estimate(0.75),
            "sensitivity": estimate(0.6875, 72),
            "specificity": estimate(0.875, 336),
            "f1": estimate(None),
        },
        "argmax": {"accuracy": estimate(0.84375), "sensitivity": estimate(0.5, 72)},
        "epochs_run": 10,
        "comparable": {"value": True, "why": "data, split and recipe as in the paper"},
        **changes,
    }


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write_record(record(), folder=folder)
    fold = {**record()["split"], "kind": "folds", "fold": 2, "folds": 5}
    other = record(id="20261122T000000Z-b", split=fold, comparable={"value": False, "why": "another split"})
    write_record(other, folder=folder)
    write_record({"id": "20261123T000000Z-c", "recipe": {"key": "ours"}, "model": "mobilenetv2_100"}, folder=folder)
    return folder


def lines(text: str) -> list[str]:
    return text.splitlines()


def test_a_run_stands_beside_its_papers_figures() -> None:
    (row,) = table([record()], PAPERS)
    assert (row.date, row.recipe, row.paper, row.model, row.data) == (
        "2026-11-21",
        "lisbon2023",
        "lisbon2023",
        "resnet34",
        "fracatlas",
    )
    assert (row.split, row.fold, row.epochs, row.n, row.commit) == ("published", "", 10, 408, "0123456")
    assert row.metrics["auc"] == Estimate(0.8125, 0.75, 0.875, 408)
    assert math.isnan(row.metrics["f1"].value)
    assert row.argmax["accuracy"].value == 0.84375
    assert row.published.metrics["auc"] == 0.85
    assert row.published.split == "validation"
    assert row.comparable
    assert row.why == "data, split and recipe as in the paper"


def test_the_first_generation_is_read_too() -> None:
    old = {
        "id": "a",
        "date": "2026-11-20",
        "recipe": {"key": "ours", "model": "mobilenetv2_100", "epochs": 12},
        "model": "mobilenetv2_100",
        "split": {"rule": "grouped (near duplicates), seed 0", "counts": {"test": {"films": 521, "fractured": 91}}},
        "curves": [{"epoch": epoch} for epoch in range(1, 11)],
        "metrics": {"auc": estimate(0.9375, 521)},
        "commit": None,
    }
    (row,) = table([old], PAPERS)
    assert (row.paper, row.split, row.epochs, row.n, row.commit) == ("", "grouped", 10, 521, "")
    assert row.published is None
    assert row.argmax == {}
    assert not row.comparable


def test_a_model_the_paper_does_not_have_has_no_published_figures() -> None:
    (row,) = table([record(model="vgg16")], PAPERS)
    assert row.paper == "lisbon2023"
    assert row.published is None


def test_a_record_of_nothing_but_its_name_makes_a_row() -> None:
    (row,) = table([{"id": "bare"}], PAPERS)
    assert (row.id, row.epochs, row.n, row.metrics, row.split) == ("bare", None, None, {}, "")


def test_the_repositorys_own_runs_make_a_table() -> None:
    rows = table(read_records(), PAPERS)
    assert rows
    for row in rows:
        assert row.metrics["auc"].low <= row.metrics["auc"].value <= row.metrics["auc"].high
        assert row.n > 0


def test_the_screen_shows_runs_in_columns(runs: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["results", "--runs", str(runs)]) == 0
    head, first, second, third, note = lines(capsys.readouterr().out)
    for name, cell in (
        ("date", "2026-11-21"),
        ("model", "resnet34"),
        ("AUC", "0.812 [0.750–0.875]"),
        ("paper's AUC", "0.85"),
        ("comparable", "yes"),
    ):
        assert first[head.index(name) :].startswith(cell), name
    assert first[: head.index("sensitivity") + len("sensitivity")].endswith("0.688")
    assert "folds 2 of 5" in second
    assert "mobilenetv2_100" in third
    assert note == "Not comparable with a paper: another split."


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("arguments", [[], ["--published"]])
def test_the_table_keeps_to_the_terminals_width(
    runs: Path, monkeypatch, capsys, width: int, arguments: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    main(["results", "--runs", str(runs), *arguments])
    captured = capsys.readouterr()
    rows = [line for line in lines(captured.out) if not line.startswith("Not comparable")]
    assert max(map(len, rows)) <= width
    assert "resnet34" in captured.out or "ResNet-34" in captured.out
    assert captured.err.startswith("No room for: ")
    assert captured.err.endswith("--csv FILE writes every column.\n")


def test_one_papers_runs_alone(runs: Path, capsys) -> None:
    main(["results", "--runs", str(runs), "--paper", "lisbon2023"])
    assert "mobilenetv2_100" not in capsys.readouterr().out
    assert main(["results", "--runs", str(runs), "--paper", "wang2024"]) == 0
    assert capsys.readouterr().out.startswith("No such run yet")


def test_published_figures_are_listed_with_their_misprint(capsys) -> None:
    assert main(["results", "--published", "--paper", "lisbon2023"]) == 0
    head, *rows = lines(capsys.readouterr().out)
    assert len(rows) == 10
    (misprint,) = (row for row in rows if "456 (sic)" in row)
    assert misprint[head.index("precision") :].startswith("456 (sic)")
    assert "ResNet-152" in misprint
    main(["results", "--published", "--paper", "wang2024"])
    assert "≈0.70" in capsys.readouterr().out


def test_the_csv_of_runs_holds_every_column(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "runs.csv"
    main(["results", "--runs", str(runs), "--csv", str(path)])
    with path.open(newline="") as stream:
        first, second, third = csv.DictReader(stream)
    assert first["id"] == "20261121T101112Z-lisbon2023-resnet34-seed0"
    assert (first["auc"], first["auc_low"], first["auc_high"]) == ("0.8125", "0.75", "0.875")
    assert (first["argmax_accuracy"], first["published_accuracy"]) == ("0.84375", "0.77")
    assert (first["published_split"], first["comparable"]) == ("validation", "True")
    assert second["why"] == "another split"
    assert (third["auc"], third["published_auc"]) == ("", "")


def test_the_csv_of_published_figures_holds_numbers_and_print(tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    main(["results", "--published", "--csv", str(path)])
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(paper.rows) for paper in PAPERS.values())
    (misprint,) = (row for row in rows if row["printed_precision"] == "456")
    assert misprint["precision"] == ""
    (gupta,) = (row for row in rows if row["printed_accuracy"] == "96.83%")
    assert gupta["accuracy"] == "0.9683"


def test_a_damaged_record_does_not_hide_the_others(runs: Path, capsys, caplog) -> None:
    (runs / "cut.json").write_text('{"id": "cut", ')
    assert main(["results", "--runs", str(runs)]) == 3
    assert "resnet34" in capsys.readouterr().out
    assert "'cut.json' is passed over" in caplog.text
