"""The results page's opening chart and its tabs metrics, subgroups and speed, from records made for the test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.metrics import ConfusionMatrix, Estimate
from fracture_core.models import MODELS
from fracture_core.results import HALF, RUNS, Speed, load_published, read_folder, set_beside, table
from fracture_core.results import marks as marks_of
from ui.results import bars, choice, counts, headline, marks, printed, speed, subgroups

ROOT = Path(__file__).resolve().parents[2]
PAPERS = load_published()
RECORDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RUNS.glob("*.json"))}
LISBON = next(run for run in RECORDS.values() if run["recipe"].get("paper") == "lisbon2023")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one run that the page reads, to be added to."""
    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copy(RUNS / f"{LISBON['id']}.json", folder)
    monkeypatch.setenv("FRACTURE_RUNS", str(folder))
    monkeypatch.setenv("FRACTURE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    monkeypatch.chdir(ROOT)
    return folder


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=120)
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page("research/results.py")
    app.run()
    assert not app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def charts(app: AppTest) -> str:
    """All that the charts say, in one text."""
    specs = (json.loads(element.proto.spec) for element in app.get("plotly_chart"))
    return "\n".join(json.dumps(spec, ensure_ascii=False) for spec in specs).replace("<br>", " ")


def shown_of(*records: dict[str, Any]) -> choice.Shown:
    rows = sorted(table(records, PAPERS), key=lambda row: row.id, reverse=True)
    return choice.Shown(papers=PAPERS, rows=tuple(rows), outlines={run["id"]: run for run in records})


def besides(shown: choice.Shown, metric: str) -> list[Any]:
    return set_beside(shown.papers, shown.rows, shown.outlines, metric=metric, counted=marks.counted(shown.papers))


def test_a_trial_stands_beside_no_claim_and_is_told_by_what_it_is_worth(runs: Path) -> None:
    small = {run["recipe"]["key"]: run for run in RECORDS.values() if run["model"] == "efficientnet_b0"}  # the newest
    base, changed = small["gupta2024"], small["gupta2024-clahe"]
    for run in (base, changed):
        shutil.copy(RUNS / f"{run['id']}.json", runs)
    (beside,) = (one for one in besides(shown_of(base, changed), "auc") if one.model == "efficientnet_b0")
    assert [measured.run.id for measured in beside.measured] == [base["id"]]
    (told,) = (table.value for table in opened().dataframe if "as changed" in table.value.columns)
    assert told[["as it was", "as changed"]].to_numpy().tolist() == [["gupta2024", "gupta2024-clahe"]]
    before, after = (run["metrics"]["auc"]["value"] for run in (base, changed))
    assert told["difference"][0].startswith(f"{after - before:.3f} [".replace("-", "−"))


# The opening chart --------------------------------------------------------------------------------------


def test_the_page_opens_with_claims_and_what_we_measure(runs: Path) -> None:
    drawn = charts(opened())
    assert "claimed, in doubt" in drawn
    assert "measured, grouped split" in drawn
    assert "not run yet" in drawn
    assert "ResNet-18" in drawn


def test_a_new_record_changes_the_page_with_no_code(runs: Path) -> None:
    before = charts(opened())
    added = {**LISBON, "id": "20991231T000000Z-new", "model": "resnet152", "date": "2099-12-31"}
    (runs / "20991231T000000Z-new.json").write_text(json.dumps(added), encoding="utf-8")
    after = charts(opened())
    assert "2099-12-31" not in before
    assert "2099-12-31" in after


def test_the_statistic_stands_in_the_address(runs: Path) -> None:
    assert "printed “456 (sic)”, not run yet" in charts(opened(statistic="Precision"))
    assert "456" not in charts(opened(papers="lisbon2023", statistic="Recall", tab="Speed"))


def test_a_training_that_was_cut_short_says_so() -> None:
    short = {**LISBON, "recipe": LISBON["recipe"] | {"epochs": 2, "size": 64}}
    for run, said in ((LISBON, False), (short, True)):
        drawn = headline.draw(besides(shown_of(run), "auc"), metric="auc")
        assert ("2 of 10 epochs" in [note.text for note in drawn.layout.annotations]) == said


def test_without_runs_the_claims_stand_alone(runs: Path) -> None:
    next(iter(runs.glob("*.json"))).unlink()
    app = opened()
    assert "not run yet" in charts(app)
    assert any("Train one" in info.value for info in app.info)


def test_a_claim_that_fails_the_audit_is_crossed_and_says_why() -> None:
    drawn = headline.draw(besides(shown_of(LISBON), "recall"), metric="recall")
    crossed = next(trace for trace in drawn.data if trace.name == "claimed, in doubt")
    words = " ".join(word.replace("<br>", " ") for word in crossed.customdata)
    assert "“not fractured” is the positive class" in words
    sound = next(trace for trace in drawn.data if trace.name == "claimed")
    assert not any("Audit" in word for word in sound.customdata)


def test_a_figure_that_is_not_comparable_says_why_on_hover() -> None:
    drawn = headline.draw(besides(shown_of(LISBON), "accuracy"), metric="accuracy")
    words = next(trace for trace in drawn.data if trace.name == "measured, grouped split").customdata[0]
    assert "Not comparable: the paper's division of the films is not published" in words.replace("<br>", " ")
    assert "at probability 0.5" in words


def test_five_hundred_runs_are_a_few_marks() -> None:
    many = [{**LISBON, "id": f"2026{number:04d}", "seed": number} for number in range(500)]
    drawn = headline.draw(besides(shown_of(*many), "accuracy"), metric="accuracy")
    measured = next(trace for trace in drawn.data if trace.name == "measured, grouped split")
    assert len(measured.x) == 1
    assert "mean" in measured.customdata[0]
    assert "of 500 runs" in measured.customdata[0].replace("<br>", " ")


def test_short_titles_drop_the_paper_and_tell_the_models_apart() -> None:
    short = {key: marks.short_title(key) for key in MODELS}
    assert short["seresnet50_abirami"] == short["seresnet50"] == "SE-ResNet-50"
    assert len(set(short.values())) == len(MODELS) - 1
    assert short["mobilenetv2_evidence_mirrored"] == "Four MobileNetV2, two mirrored"


def test_the_charts_data_hold_claims_and_runs() -> None:
    rows = headline.data(besides(shown_of(LISBON), "accuracy"))
    measured = [row for row in rows if row["source"] == "measured"]
    assert [row["runs"] for row in measured] == [LISBON["id"]]
    assert measured[0]["value"] == LISBON["argmax"]["accuracy"]["value"]
    assert sum(row["source"] == "claimed" for row in rows) == 16


# Metrics ------------------------------------------------------------------------------------------------


def test_the_metrics_tab_shows_every_chosen_paper_and_run(runs: Path) -> None:
    app = opened()
    heads = [head.value for head in app.subheader]
    assert [*PAPERS, "Right and wrong, by class", "All runs"] == heads
    captions = " ".join(caption.value for caption in app.caption)
    assert "Hollow, claimed: FracAtlas, validation." in captions
    assert "fracatlas, grouped split (n 351)" in captions
    assert "None of these was run yet." in captions


def test_models_and_statistics_are_chosen_in_the_address(runs: Path) -> None:
    app = opened(models="ResNet-18", statistics="AUC")
    assert next(head.value for head in app.subheader) == "lisbon2023"
    assert len([head for head in app.subheader if head.value in PAPERS]) == 1


def test_tables_are_as_printed_misprint_and_all() -> None:
    rows = printed.as_printed(PAPERS["lisbon2023"], models=["resnet152"])
    assert [row["model"] for row in rows] == ["ResNet-152", "ResNet-152"]
    assert rows[0]["Precision"] == "456 (sic)"
    assert rows[0]["where"] == "Table 1"
    assert "456" in rows[0]["audit"]
    cited = printed.as_printed(PAPERS["gupta2024"], models=[])
    assert all(row["cited from"] for row in cited)


def test_every_figure_stands_beside_ours() -> None:
    found = {"accuracy": [one for one in besides(shown_of(LISBON), "accuracy") if one.paper == "lisbon2023"]}
    rows = printed.beside_ours(found)
    assert (rows[0]["claimed"], rows[0]["claimed on"]) == ("72", "validation")
    assert rows[0]["measured"] == Estimate(**LISBON["argmax"]["accuracy"]).decimal()
    assert rows[0]["n"] == 351
    assert rows[0]["comparable"] is False
    assert "not published" in rows[0]["not comparable"]
    assert rows[1]["measured"] == "not run yet"


def test_bars_are_hollow_for_claims_and_filled_for_ours() -> None:
    found = {
        metric: [one for one in besides(shown_of(LISBON), metric) if one.paper == "lisbon2023"]
        for metric in ("accuracy", "auc")
    }
    drawn = bars.draw(found, PAPERS["lisbon2023"])
    claimed = next(bar for bar in drawn.data if bar.name == "ResNet-18, claimed")
    ours = next(bar for bar in drawn.data if "measured" in bar.name)
    assert claimed.marker.color == "rgba(0,0,0,0)"
    assert list(claimed.y) == [0.72, 0.84]
    assert list(claimed.text) == ["×", ""]  # below always answering "not fractured"; nothing against the AUC
    assert ours.y[1] == LISBON["metrics"]["auc"]["value"]
    assert ours.marker.color == claimed.marker.line.color


@pytest.mark.parametrize("paper", [*PAPERS, ""])
def test_every_bar_is_told_from_the_others_by_its_name_and_its_look(paper: str) -> None:
    shown = shown_of(*read_folder(RUNS).runs)
    found = {metric: [one for one in besides(shown, metric) if one.paper == paper] for metric in marks.METRICS}
    drawn = [bar for bar in bars.draw(found, PAPERS.get(paper)).data if "measured" in bar.name]
    assert len({bar.name for bar in drawn}) == len(drawn)
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in drawn}) == len(drawn)


def test_data_sets_are_named_and_drawn_apart_where_there_are_several() -> None:
    own = [run for run in read_folder(RUNS).runs if run["model"] == "mobilenetv2_evidence"]
    (one,) = besides_own = [one for one in besides(shown_of(*own), "auc") if one.measured]
    kinds = marks_of(one.measured, most=1)
    looks = marks.looks(kinds)
    assert len({look.symbol for look in looks.values()}) == len(looks) == 4
    assert looks["fracatlas", "folds"].name == "fracatlas, cross-validation"
    drawn = [trace for trace in headline.draw(besides_own, metric="auc").data if "measured" in trace.name]
    assert len({trace.name for trace in drawn}) == len({trace.marker.symbol for trace in drawn}) == 4
    alone = marks.looks(kinds[:1])[kinds[0].data, kinds[0].split]
    assert alone == marks.split_mark(kinds[0].split)


def test_counts_at_every_point() -> None:
    (row,) = table([LISBON], PAPERS)
    matrix = ConfusionMatrix(tp=9, fp=6, fn=54, tn=282)
    lines = counts.report(row, LISBON, matrix, HALF)
    assert [line["support"] for line in lines] == [288, 63]
    assert lines[1]["recall_value"] == pytest.approx(9 / 63)
    assert lines[1]["recall_low"] == LISBON["argmax"]["sensitivity"]["low"]
    assert lines[0]["recall_high"] == LISBON["argmax"]["specificity"]["high"]
    shares = {(cell["truth"], cell["called"]): cell["share"] for cell in counts.cells(matrix)}
    assert shares["fractured", "not fractured"] == pytest.approx(54 / 63)
    specific = counts.by_class(row, LISBON, matrix, "specific", "not fractured")
    assert specific["recall"] == Estimate(**LISBON["operating_points"]["specific"]["specificity"])
    assert specific["precision"] == matrix.swapped().precision


def test_a_point_is_chosen_in_the_address(runs: Path) -> None:
    app = opened(counted_at="Sensitive")
    captions = " ".join(caption.value for caption in app.caption)
    assert "highest threshold with sensitivity of at least 0.95 on validation" in captions


def test_counts_open_with_a_whole_run_and_not_with_the_member_of_a_committee(runs: Path) -> None:
    member = {**LISBON, "id": "20991231T000000Z-part", "split": LISBON["split"] | {"part": 1, "parts": 5}}
    (runs / "20991231T000000Z-part.json").write_text(json.dumps(member), encoding="utf-8")
    assert opened().multiselect(key="counted_runs").value == [LISBON["id"]]
    assert opened(tab="Subgroups").multiselect(key="subgroup_runs").value == [LISBON["id"]]
    assert opened(tab="Curves").multiselect(key="run").value == [member["id"]]  # how the newest learned


# Subgroups ----------------------------------------------------------------------------------------------


def test_small_subgroups_are_listed_with_the_reason(runs: Path) -> None:
    app = opened(tab="Subgroups")
    said = " ".join(str(part.value) for part in app.markdown)
    assert "hip: 1 of 16 fractured; fewer than 5 fractured films" in said
    assert "fewer than 5 fractured films and no whole film" in said
    assert "all test films" in charts(app)


def test_the_forest_draws_what_can_be_estimated() -> None:
    (row,) = table([LISBON], PAPERS)
    found = [(row, subgroups.parts(row, LISBON, "auc"))]
    drawn = subgroups.forest(found, "auc")
    assert drawn.data[0].x[0] == LISBON["metrics"]["auc"]["value"]
    labels = " ".join(drawn.layout.yaxis.ticktext)
    assert "hand" in labels
    assert "32 of 110 fractured" in labels
    assert "hip" not in labels
    kept = {line["subgroup"]: line["not drawn because"] for line in subgroups.rows(found, "auc")}
    assert kept["hip"]
    assert not kept["hand"]


@pytest.mark.parametrize(
    ("statistic", "n", "fractured", "reason"),
    [
        ("auc", 10, 5, ""),
        ("auc", 10, 4, "fewer than 5 fractured films"),
        ("sensitivity", 5, 5, ""),
        ("specificity", 5, 5, "no whole film"),
        ("specificity", 9, 0, ""),
    ],
)
def test_what_is_too_small(statistic: str, n: int, fractured: int, reason: str) -> None:
    assert subgroups.why_not(statistic, n=n, fractured=fractured) == reason


def test_a_data_set_without_regions_has_no_subgroups() -> None:
    other = next(run for run in RECORDS.values() if run["recipe"].get("paper") == "multiregion2024")
    (row,) = table([other], PAPERS)
    assert subgroups.parts(row, other, "auc") == []


# Speed --------------------------------------------------------------------------------------------------


def measured(model: str, size: int, *, hardware: str = "a machine", date: str = "2026-11-20") -> Speed:
    return Speed(
        model=model,
        size=size,
        parameters=MODELS[model].parameters,
        hardware=hardware,
        threads=2,
        precision="float32",
        latency_ms=Estimate(20.0, 19.0, 22.0, 30),
        batch=8,
        films_per_second=64.0,
        peak_memory_mb=700.0,
        date=date,
        commit="",
        torch="",
    )


def test_without_measurements_the_way_to_measure_is_said(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "read_speeds", list)
    app = opened(tab="Speed")
    assert any("python -m fracture_core speed --record" in info.value for info in app.info)


def test_runs_join_their_models_measurement(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "read_speeds", lambda: [measured("resnet18", 224), measured("vgg16", 224)])
    app = opened(tab="Speed")
    assert "64.0 films/s" in charts(app)
    assert "11.2 million parameters" in charts(app)


def test_another_size_is_not_measured(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "read_speeds", lambda: [measured("resnet18", 384)])
    app = opened(tab="Speed")
    assert any("Not measured on this machine: ResNet-18 at 224 px" in str(part.value) for part in app.markdown)


def test_labels_of_marks_close_together_stand_on_different_sides() -> None:
    speeds = [replace(measured(name, 224), latency_ms=Estimate(20, 19, 22, 30)) for name in ("resnet18", "vgg16")]
    found = speed.costed(shown_of(LISBON, {**LISBON, "id": "2", "model": "vgg16"}), speeds)
    drawn = speed.draw(found)
    sides = {text: side for trace in drawn.data for text, side in zip(trace.text, trace.textposition, strict=True)}
    assert len(set(sides.values())) == len(sides) == 2


def test_the_newest_measurement_counts() -> None:
    slow = measured("resnet18", 224, date="2026-11-19", hardware="old")
    (one,) = speed.costed(shown_of(LISBON), [measured("resnet18", 224), slow])
    assert one.speed is not None
    assert one.speed.hardware == "a machine"
    (line,) = speed.rows([one])
    assert (line["ms"], line["ms_low"], line["auc"]) == (20.0, 19.0, LISBON["metrics"]["auc"]["value"])


def test_the_records_of_the_project_draw() -> None:
    shown = shown_of(*read_folder(RUNS).runs)
    for metric in marks.METRICS:
        headline.draw(besides(shown, metric), metric=metric)
