"""The report on all runs is what the records say."""

from __future__ import annotations

from fracture_core.results import load_published, read_outlines
from scripts import benchmark


def test_the_report_is_as_the_records_make_it():
    written = benchmark.REPORT.read_text(encoding="utf-8")
    assert written == benchmark.report(), "write it anew: python -m scripts.benchmark"


def test_every_run_and_every_model_is_in_it():
    text = benchmark.report()
    newest = {run["id"].partition("-")[2]: run for run in read_outlines().runs}  # the later ones of a kind count
    for run in newest.values():
        assert run["metrics"]["auc"]["value"] is not None
        assert f"{run['metrics']['auc']['value']:.3f}" in text, run["id"]
    for key, paper in load_published().items():
        assert f"## {key}" in text
        for row in paper.rows:
            if row.model_key and not row.cited and "accuracy" in row.metrics and row.split == "test":
                assert row.as_printed("accuracy") in text
