"""The curves of the results page: every view on made records, and the figures themselves."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.metrics import (
    Calibration,
    average_precision,
    brier,
    choose_thresholds,
    decision_curve,
    expected_calibration_error,
    operate,
    roc_auc,
)
from fracture_core.results import ScoredFilms, load_published, read_records, scored_films, table, write_record
from fracture_core.results.operating import operating_values
from ui.results import (
    calibration_curves,
    drawn_runs,
    predictive_curves,
    ranking_curves,
    score_histograms,
    training_curves,
)
from ui.results import usefulness_curves as usefulness
from ui.results.choice import Shown

VIEWS = ["Training", "ROC and precision–recall", "Calibration", "Scores", "Usefulness"]
PAPERS = load_published()
CALIBRATION = Calibration(temperature=2.0, bias=-0.25)
N = 120  # films of either split


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - 0.0625), "high": min(1.0, value + 0.0625), "n": N}


def record(seed: int = 1, *, model: str = "resnet50", paper: str = "wang2024", **changes: Any) -> dict[str, Any]:
    """A run of made films that its recipe calibrated; films come in groups of two."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(2 * N) % 4 < 1).astype(int)
    differences = 3 * rng.normal(size=2 * N) + 4 * labels - 2
    before, scores = Calibration()(differences), np.round(CALIBRATION(differences), 5)
    val, test = slice(0, N), slice(N, None)
    thresholds = choose_thresholds(labels[val], scores[val])
    return {
        "schema": 2,
        "id": f"2026112{seed}T000000Z-{model}",
        "date": f"2026-11-2{seed}",
        "recipe": {"key": paper or "ours", "paper": paper, "model": model},
        "model": model,
        "data": {"name": "made"},
        "split": {"kind": "grouped", "counts": {name: {"films": N} for name in ("val", "test")}},
        "calibration": asdict(CALIBRATION),
        "operating_points": {
            name: asdict(operate(labels[test], scores[test], threshold=cut, rule="a rule"))
            for name, cut in thresholds.items()
        },
        "metrics": {
            "auc": estimate(roc_auc(labels[test], scores[test])),
            "average_precision": estimate(average_precision(labels[test], scores[test])),
            "ece": estimate(expected_calibration_error(labels[test], scores[test])),
            "brier": estimate(brier(labels[test], scores[test])),
        },
        "argmax": {"ece": estimate(expected_calibration_error(labels[test], before[test]))},
        "curves": [
            {"epoch": epoch}
            | {f"train_{name}": 1 / epoch for name in ("loss", "accuracy", "auc")}
            | {"val_loss": 0.5, "val_accuracy": 0.7 + 0.01 * epoch, "val_auc": 0.9 - 0.02 * abs(epoch - 3)}
            for epoch in range(1, 6)
        ],
        "best_epoch": 3,
        "cases": {
            "id": [f"film{place}" for place in range(2 * N)],
            "split": ["val"] * N + ["test"] * N,
            "label": labels.tolist(),
            "group": (np.arange(2 * N) // 2).tolist(),
            "region": [""] * 2 * N,
            "score": scores.tolist(),
        },
        **changes,
    }


def first_generation() -> dict[str, Any]:
    """A record that knows its films' scores, and not their labels."""
    whole = record(4, model="resnet18")
    return {name: value for name, value in whole.items() if name not in ("schema", "cases")} | {
        "membership": {"val": ["a"], "test": ["b", "c"]},
        "scores": {"a": 0.5, "b": 0.25, "c": 0.75},
    }


def shown(*records: dict[str, Any]) -> Shown:
    return Shown(papers=PAPERS, rows=tuple(table(records, PAPERS)), outlines={run["id"]: run for run in records})


def judged(*records: dict[str, Any]) -> list[drawn_runs.JudgedRun]:
    """As ``drawn_runs.judged``, of records that lie in no folder."""
    all_shown = shown(*records)
    found = []
    for run, whole in zip(drawn_runs.drawn_runs(all_shown.rows, all_shown), records, strict=True):
        films = scored_films(whole)
        found.append(drawn_runs.JudgedRun(**vars(run), films=films, groups=films.groups))
    return found


def points(run: drawn_runs.JudgedRun) -> Any:
    films = run.films
    return operating_values(run.outline, labels=films.labels, scores=films.scores, groups=run.groups)


# The section, run as a page -----------------------------------------------------------------------------


def curves_page() -> None:
    import streamlit as st

    from fracture_core.results import table
    from ui import loaders
    from ui.results import curves
    from ui.results.choice import Shown

    records = loaders.runs().runs
    rows = tuple(table(records, loaders.papers()))
    outlines = {run["id"]: run for run in records}
    st.title("Curves")
    curves.section(Shown(papers=loaders.papers(), rows=rows, outlines=outlines))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FRACTURE_RUNS", str(tmp_path))
    return tmp_path


def page(*runs: str, view: str) -> AppTest:
    app = AppTest.from_function(curves_page, default_timeout=60)
    app.session_state["curves"] = view
    if runs:
        app.session_state["run"] = list(runs)
    return app.run()


def words(app: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.info, *app.error, *app.warning])


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


@pytest.mark.parametrize(
    ("view", "drawn", "said"),
    [
        ("Training", 3, "epoch 3 of 5, AUC 0.900 on 120 validation films"),
        ("ROC and precision–recall", 2, "120 test films, 30 of them fractured, in 60 groups"),
        ("Calibration", 1, "Before calibration it was off by"),
        ("Scores", 1, "a fractured film scores above another in"),
        ("Usefulness", 2, "of 1,000 patients, 250 of them fractured, the model flags"),
    ],
)
def test_every_view_of_one_run_and_of_several(folder: Path, view: str, drawn: int, said: str) -> None:
    ids = [write_record(record(seed), folder=folder).stem for seed in (1, 2, 3)]
    for chosen in (ids[:1], ids):
        app = page(*chosen, view=view)
        assert not app.exception
        assert not app.error
        assert charts(app) == drawn
        assert said in words(app)


@pytest.mark.parametrize("view", VIEWS)
def test_a_record_of_the_first_generation_gets_a_sentence(folder: Path, view: str) -> None:
    old = write_record(first_generation(), folder=folder).stem
    new = write_record(record(), folder=folder).stem
    app = page(old, view=view)
    assert not app.exception
    assert not app.error
    assert ("does not hold its films' labels" in words(app)) == (view != "Training")
    assert bool(charts(app)) == (view == "Training")
    assert charts(page(old, new, view=view))  # and the others are drawn


@pytest.mark.parametrize("view", VIEWS)
def test_a_bare_record_gets_sentences(folder: Path, view: str) -> None:
    whole = record()
    bare = {name: whole[name] for name in ("schema", "id", "model", "cases")}
    app = page(write_record(bare, folder=folder).stem, view=view)
    assert not app.exception
    assert not app.error
    if view == "Training":
        assert "does not hold its epochs" in words(app)
        members = {**bare, "id": "20261129T000000Z-committee", "members": [{"id": bare["id"], "best_epoch": 3}]}
        assert "choose their runs above" in words(page(write_record(members, folder=folder).stem, view=view))
    if view == "Calibration":
        assert "does not say how its scores were calibrated" in words(app)
    if view == "Usefulness":
        assert "no operating point" in words(app)


def test_no_run_chosen_says_what_to_do(folder: Path) -> None:
    assert "No run of these papers yet" in words(page(view="Training"))
    write_record(record(), folder=folder)
    app = page(view="Training")
    app.multiselect(key="run").set_value([]).run()
    assert "Choose at least one run" in words(app)


def test_runs_of_one_label_can_each_be_chosen(folder: Path) -> None:
    first = record()
    twins = [{**first, "id": f"20261121T000000Z-{end}"} for end in ("a", "b")]
    for twin in twins:
        write_record(twin, folder=folder)
    app = page(view="Training")
    runs = app.multiselect(key="run")
    assert len(set(runs.options)) == 2
    runs.set_value([twins[0]["id"]]).run()
    assert app.multiselect(key="run").value == [twins[0]["id"]]


def test_films_of_one_class_cannot_be_judged(folder: Path) -> None:
    whole = record()
    whole["cases"]["label"] = [0] * 2 * N
    app = page(write_record(whole, folder=folder).stem, view="ROC and precision–recall")
    assert "of one class" in words(app)
    assert not app.exception


def test_the_prevalence_and_the_operating_point_change_the_figures(folder: Path) -> None:
    app = page(write_record(record(), folder=folder).stem, view="Usefulness")
    assert app.slider(key="prevalence").value == 25  # the test films' own
    before = words(app)
    app.slider(key="prevalence").set_value(5).run()
    assert "of 1,000 patients, 50 of them fractured" in words(app)
    assert words(app) != before
    at_five = words(app)
    app.segmented_control(key="at").set_value("sensitive").run()
    assert words(app) != at_five
    assert set(app.dataframe[0].value["prevalence"]) == {"5 %"}
    assert len(app.dataframe[0].value) == 3


def test_scores_before_calibration_are_asked_for(folder: Path) -> None:
    app = page(write_record(record(), folder=folder).stem, view="Scores")
    app.segmented_control(key="probabilities").set_value(score_histograms.BEFORE).run()
    assert not app.exception
    assert charts(app) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_was_drawn_once_comes_back_at_once(folder: Path, view: str) -> None:
    app = page(*(write_record(record(seed), folder=folder).stem for seed in (1, 2, 3)), view=view)
    spent = []
    for _ in range(5):
        began = time.perf_counter()
        app.run()
        spent.append(time.perf_counter() - began)
    assert min(spent) < 0.5


# What the figures show ----------------------------------------------------------------------------------


def test_names_say_no_more_than_tells_the_runs_apart() -> None:
    one, two = record(1), record(2, model="vgg16")
    assert drawn_runs.labels(shown(one, two).rows) == ["resnet50", "vgg16"]
    again = record(3)
    assert drawn_runs.labels(shown(one, again).rows) == [
        f"resnet50 · wang2024 · made grouped · 2026-11-2{seed}" for seed in (1, 3)
    ]
    same_day = record(1) | {"id": "another"}
    assert len(set(drawn_runs.labels(shown(one, same_day).rows))) == 2
    looks = [(run.colour, run.dash, run.symbol) for run in judged(one, two, again)]
    assert all(len({look[part] for look in looks}) == 3 for part in range(3))


def test_a_paper_s_curve_stands_beside_a_run_of_its_model_alone() -> None:
    runs = judged(record(1), record(2, model="vgg16"), record(3, model="resnet50", paper="lisbon2023"))
    told = [training_curves.paper_epochs(run, PAPERS) for run in runs]
    assert [[row.epoch for row in rows] for rows in told] == [[1, 20], [], []]
    figure = training_curves.training_figure(runs[:1], "accuracy", PAPERS)
    stars = next(trace for trace in figure.data if trace.marker.symbol == "star-open")
    assert list(stars.y) == [row.metrics["accuracy"] for row in told[0]]
    assert not [t for t in training_curves.training_figure(runs[:1], "loss", PAPERS).data if t.name == "wang2024"]
    [sentence] = training_curves.paper_sentences(runs, PAPERS)
    assert "just below 0.7" in sentence
    rows = training_curves.training_rows(runs[:1], "accuracy", PAPERS)
    assert [row["epoch"] for row in rows if row.get("kept")] == [3]
    assert [row["printed"] for row in rows if "printed" in row] == ["just below 0.7", "0.89"]


def test_the_kept_epoch_is_marked_and_unknown_values_are_left_out() -> None:
    whole = record()
    for epoch in whole["curves"][:2]:
        epoch["val_auc"] = None
    figure = training_curves.training_figure(judged(whole), "auc", {})
    lines = {trace.name: trace for trace in figure.data}
    assert list(lines["validation"].x) == [3, 4, 5]
    assert (list(lines["kept"].x), list(lines["kept"].y)) == ([3], [0.9])
    assert lines["training"].line.dash == "dash"


def test_operating_points_lie_on_the_curves_and_the_area_is_the_record_s() -> None:
    [run] = judged(record())
    found = [(run, ranking_curves.ranking.__wrapped__("", "", run.films, run.groups), points(run))]
    roc, pr = ranking_curves.roc_figure(found), ranking_curves.pr_figure(found)
    curve, marks = roc.data[-2], roc.data[-1]
    assert curve.name == f"resnet50: AUC {run.row.metrics['auc'].decimal()}"
    corners = set(zip(np.round(curve.x, 9), np.round(curve.y, 9), strict=True))
    assert all(corner in corners for corner in zip(np.round(marks.x, 9), np.round(marks.y, 9), strict=True))
    assert all("sensitivity" in text and "[" in text for text in marks.text)
    assert f"AP {run.row.metrics['average_precision'].decimal()}" in pr.data[-2].name
    assert pr.layout.shapes[0].y0 == run.films.labels.mean()
    rows = ranking_curves.roc_rows(found)
    assert {row["what"].split()[0] for row in rows} == {"curve", "band", "operating"}
    json.dumps(ranking_curves.pr_rows(found))


def test_bands_of_many_runs_are_left_out_of_the_picture_and_kept_in_the_data() -> None:
    runs = judged(*(record(seed) for seed in range(1, 5)))
    held = ranking_curves.ranking.__wrapped__("", "", runs[0].films, runs[0].groups)
    found = [(run, held, ()) for run in runs]
    assert not [trace for trace in ranking_curves.roc_figure(found).data if trace.fill == "toself"]
    assert [trace for trace in ranking_curves.roc_figure(found[:3]).data if trace.fill == "toself"]
    assert len({row["run"] for row in ranking_curves.roc_rows(found) if row["what"] == "band"}) == 4


def test_the_reliability_diagram_counts_every_film_and_the_words_follow_the_figures() -> None:
    [run] = judged(record())
    found = calibration_curves.judge(dict(run.outline), run.films, groups=run.groups)
    rows = calibration_curves.reliability_rows([(run, found)])
    for scores in ("calibrated", "before calibration"):
        mine = [row for row in rows if row["scores"] == scores]
        assert (sum(row["films"] for row in mine), sum(row["fractured"] for row in mine)) == (N, N // 4)
        assert all(row["share_low"] <= row["share"] <= row["share_high"] for row in mine)
    said = calibration_curves.verdict(run, found)
    assert run.row.metrics["ece"].decimal() in said
    assert run.row.argmax["ece"].decimal() in said
    figure = calibration_curves.reliability_figure([(run, found)])
    assert {"before calibration", "calibrated"} <= {trace.name for trace in figure.data}
    table_rows = calibration_curves.score_rows([(run, found)])
    assert [row["probabilities"] for row in table_rows] == ["before calibration", "calibrated"]


def test_a_calibration_that_holds_every_film_at_one_probability_is_named() -> None:
    [run] = judged(record())
    outline = {**run.outline, "calibration": {"temperature": 300.0, "bias": -1.5, "flat": True}}
    said = {
        flat: calibration_curves.verdict(run, calibration_curves.judge(each, run.films, groups=run.groups))
        for flat, each in ((True, outline), (False, dict(run.outline)))
    }
    assert "a small error is no merit here" in said[True]
    assert "a small error is no merit here" not in said[False]


def test_histograms_hold_every_film_once_and_thresholds_move_with_the_scores() -> None:
    [run] = judged(record())
    after, cuts = score_histograms.scores_of(run, before=False)
    before, moved = score_histograms.scores_of(run, before=True)
    for name, cut in cuts.items():  # the same films are called fractured on either scale
        np.testing.assert_array_equal(after >= cut, before >= moved[name])
    rows = score_histograms.histogram_rows([(run, before, moved)])
    assert sum(row.get("fractured", 0) for row in rows) == N // 4
    assert sum(row.get("not_fractured", 0) for row in rows) == N - N // 4
    bars = [trace for trace in score_histograms.histogram_figure([(run, after, cuts)]).data if trace.type == "bar"]
    assert [np.sign(sum(bar.y)) for bar in bars] == [1, -1]
    assert sum(bars[0].y) == pytest.approx(100)
    assert bars[1].marker.pattern.shape == "/"


@pytest.mark.parametrize("top", [0.5, 3, 17, 42, 100])
def test_the_histogram_s_marks_are_even_and_on_both_sides(top: float) -> None:
    ticks = score_histograms.upright_ticks(top)
    assert ticks == [-tick for tick in reversed(ticks)]
    assert len(ticks) <= 7
    assert max(ticks) <= top


def test_the_useful_range_is_where_the_model_beats_both() -> None:
    labels = np.repeat([1, 0], 50)
    perfect = decision_curve(labels, labels.astype(float), usefulness.THRESHOLDS)
    assert usefulness.useful_range(perfect) == pytest.approx((0.01, 0.6))
    worthless = decision_curve(labels, 1.0 - labels, usefulness.THRESHOLDS)
    assert usefulness.useful_range(worthless) is None
    [run] = judged(record())
    assert "at no threshold" in usefulness.useful_words(run, worthless)
    assert "the end of the chart" in usefulness.useful_words(run, perfect)


def test_the_decision_curve_meets_treating_all_at_a_threshold_of_nothing() -> None:
    [run] = judged(record())
    found = [(run, usefulness.usefulness.__wrapped__("", "", run.films, run.groups))]
    rows = usefulness.decision_rows(found)
    assert rows[0]["treat_all"] == pytest.approx(0.25, abs=0.01)
    assert all(row["model_low"] <= row["model_high"] for row in rows)
    names = [trace.name for trace in usefulness.decision_figure(found).data]
    assert "treat all" in names
    assert "treat none" in names


def test_the_predictive_chart_passes_through_the_table() -> None:
    [run] = judged(record())
    point = points(run)[0]
    figure = predictive_curves.predictive_figure([(run, point)], prevalence=0.25)
    here = next(trace for trace in figure.data if trace.mode == "markers")
    assert list(here.y) == pytest.approx([100 * value.value for value in point.predictive(0.25)])
    rows = predictive_curves.predictive_rows([(run, point)])
    at = next(row for row in rows if row["prevalence"] == 0.25)
    assert (at["ppv"], at["npv"]) == pytest.approx([value.value for value in point.predictive(0.25)])


def test_a_film_without_a_group_is_a_group_of_its_own() -> None:
    found = drawn_runs._groups(np.array([-1, 4, -1, 4]))
    assert len(set(found.tolist())) == 3
    assert found[1] == found[3]


def test_the_records_at_hand_can_all_be_drawn() -> None:
    whole = [run for run in read_records() if run.get("cases")]
    assert whole
    for run in judged(*whole[:6]):
        assert isinstance(run.films, ScoredFilms)
        found = calibration_curves.judge(dict(run.outline), run.films, groups=run.groups)
        assert calibration_curves.verdict(run, found)
        assert points(run)
