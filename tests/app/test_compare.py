"""The Compare page: everyone's regions and the machine's map on one film, and all films together."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.agreement import ORDER as FINDINGS_IN_ORDER
from fracture_core.agreement import cohen_kappa, finding_codes
from fracture_core.annotations import FilmEntry
from fracture_core.explain import Heatmap
from fracture_core.marks import Mark
from fracture_core.weights import load_card
from ui.cases import practice_films
from ui.comparing_all import Machine, _model

ROOT = Path(__file__).resolve().parents[2]
BOXES = {
    "Anna": Mark("box", ((100.0, 100.0), (200.0, 200.0)), id="a"),
    "Ben": Mark("box", ((150.0, 100.0), (250.0, 200.0)), id="b"),
}
FINDINGS = {"Anna": ["fracture", "none", "fracture", "none"], "Ben": ["fracture", "none", "none", "none"]}


@pytest.fixture
def read(store):
    """Two readers have read four practice films; on the first both marked a region."""
    films = [entry for entry, _ in practice_films()[:4]]
    store.add_films(films)
    for reader, findings in FINDINGS.items():
        store.add_reader(reader)
        for index, (film, finding) in enumerate(zip(films, findings, strict=True)):
            draft = store.draft(film.sha256, reader, "nothing")
            marks = (BOXES[reader],) if index == 0 else ()
            store.commit(replace(draft, finding=finding, confidence=90, marks=marks))
    return films


def open_page(**address: str) -> AppTest:
    app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=120).run()
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page("reading/compare.py").run()


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.warning, *app.title]
    return " ".join([str(element.value) for element in shown] + [e.proto.body for e in app.get("html")])


def figures(app: AppTest) -> list[dict]:
    return [json.loads(element.proto.spec) for element in app.get("plotly_chart")]


def downloads(app: AppTest, chart: str) -> list[str]:
    """The lines of the CSV offered under a chart."""
    offered = [json.loads(element.proto.json) for element in app.get("bidi_component") if element.proto.json]
    (data,) = [one for one in offered if one.get("chart") == chart]
    return data["csv"].splitlines()


def test_without_readings_the_page_says_where_they_come_from(store):
    page = open_page()
    assert not page.exception
    assert "Nobody has read a film yet" in words(page)
    assert "Read films" in [button.label for button in page.button]


def test_one_case_lists_readers_regions_and_scores(read):
    page = open_page()
    assert not page.exception
    said = words(page)
    assert "**Anna**: fracture, 90 % sure, 1 mark" in said
    assert "**Ben**: fracture, 90 % sure, 1 mark" in said
    assert "The machine says" in said
    (bars,) = figures(page)
    assert bars["data"][0]["y"][:2] == ["Peak within 3 %", "Energy in regions"]
    ceiling = next(trace for trace in bars["data"] if trace["name"] == "readers among themselves")
    assert ceiling["x"] == pytest.approx([1 / 3, 1 / 2])  # IoU and Dice of two boxes that share half of each
    (table,) = page.dataframe
    assert table.value["Region"].tolist() == ["area 1"]  # boxes that touch are one place
    assert table.value["Marked by"].tolist() == ["Anna, Ben"]
    assert table.value["Area, px"].tolist() == [15_000]


def test_scores_follow_the_regions_they_are_asked_of(read):
    page = open_page()
    of_consensus = figures(page)[0]["data"][0]["x"]
    page.selectbox(key="reference").set_value("Ben").run()
    of_ben = figures(page)[0]["data"][0]["x"]
    assert of_ben != of_consensus


def test_a_film_nobody_marked_is_told(read):
    page = open_page(case=read[1].sha256)
    assert "Nobody marked a region on this film" in words(page)


def test_all_cases_show_who_agrees_with_whom(read):
    page = open_page()
    page.get("button_group")[0].set_value("All cases").run()
    assert not page.exception
    matrix = figures(page)[0]["data"][0]
    assert set(matrix["x"]) == {"Anna", "Ben"}
    expected = cohen_kappa(*(finding_codes(FINDINGS[name]) for name in ("Anna", "Ben"))).value
    assert matrix["text"][0][1].startswith(f"{expected:.2f}<br>[")
    assert matrix["text"][0][1].endswith("n 4")
    assert downloads(page, "matrix")[0] == "first,second,kappa,low,high,films"
    (table,) = page.dataframe[-1:]
    assert len(table.value) == 4


def test_the_machine_becomes_one_more_reader(read):
    page = open_page()
    page.get("button_group")[0].set_value("All cases").run()
    next(button for button in page.button if button.label.startswith("Let the machine read")).click().run()
    assert not page.exception
    matrix, histogram = figures(page)
    assert "Machine (balanced)" in matrix["data"][0]["x"]
    assert histogram["data"][0]["name"] == "films"
    table = page.dataframe[-1].value
    assert table["Machine"].between(0, 1).all()
    assert table["IoU"].notna().sum() == 1  # one film has regions
    assert table["IoU"].notna().iloc[0]  # and stands first
    heading, row = downloads(page, "histogram")
    name, iou = row.rsplit(",", 1)
    assert heading == "film,iou_otsu" and name == table["Film"].iloc[0]
    assert float(iou) == pytest.approx(table["IoU"].iloc[0], abs=0.01)


def test_aided_readings_are_set_beside_unaided_ones(read, store):
    for film in read[:2]:
        for reader in FINDINGS:
            store.commit(replace(store.draft(film.sha256, reader, "heatmap"), finding="fracture"))
    page = open_page()
    page.get("button_group")[0].set_value("All cases").run()
    assert not page.exception
    assert "Aided against unaided" in [expander.label for expander in page.expander]
    assert "2 films that a reader read both ways" in words(page)
    (table,) = page.table
    assert table.value["n"].tolist()[:2] == ["2", "2"]  # one film fractured by both readers, one not
    assert table.value["aided"].tolist()[:2] == ["1.00", "0.00"]
    assert "Download for MRMC packages (CSV)" in [e.proto.label for e in page.get("download_button")]
    assert "Right and wrong need somebody else's finding" not in " ".join(info.value for info in page.info)


def test_a_reader_alone_is_not_held_against_an_own_vote(store):
    film, _ = practice_films()[0]
    store.add_films([film])
    store.add_reader("Anna")
    for shown, finding in (("nothing", "none"), ("heatmap", "fracture")):
        store.commit(replace(store.draft(film.sha256, "Anna", shown), finding=finding, confidence=80))
    page = open_page()
    page.get("button_group")[0].set_value("All cases").run()
    assert not page.exception
    (table,) = page.table
    assert table.value["n"].tolist() == ["0", "0", "1", "1"]
    assert "Right and wrong need somebody else's finding" in " ".join(info.value for info in page.info)
    assert "nan" not in " ".join(map(str, table.value.to_numpy().ravel()))


@pytest.mark.slow
def test_a_map_is_put_to_the_test_when_asked(read):
    page = open_page()
    next(button for button in page.button if button.label == "Test it on this film").click().run()
    assert not page.exception
    (table,) = page.table
    assert list(table.value.columns)[1:] == [
        "deletion AUC, lower is better",
        "insertion AUC, higher is better",
        "ROAD, higher is better",
    ]
    (opened,) = page.session_state["tray"].opened.values()
    (tested,) = (value for key, value in opened.encoded.items() if key.startswith("evidence"))
    assert len(tested[1]) == 6  # as trained, and five stages of forgetting


def test_readings_leave_as_files(read):
    page = open_page()
    page.get("button_group")[0].set_value("All cases").run()
    next(button for button in page.button if button.label == "Prepare").click().run()
    assert not page.exception
    assert "Download" in [element.proto.label for element in page.get("download_button")]


def test_files_of_one_list_are_not_offered_with_another(read, store):
    for name, film in (("one", read[0]), ("two", read[1])):
        store.create_worklist(name, [film.sha256], list(FINDINGS), seed=0)
    page = open_page()
    page.get("button_group")[0].set_value("All cases").run()
    page.selectbox(key="compare-list").set_value("one").run()
    next(button for button in page.button if button.label == "Prepare").click().run()
    labels = [element.proto.label for element in page.get("download_button")]
    page.selectbox(key="compare-list").set_value("two").run()
    assert "Download" in labels
    assert "Download" not in [element.proto.label for element in page.get("download_button")]
    page.selectbox(key="compare-list").set_value("one").run()
    assert "Download" in [element.proto.label for element in page.get("download_button")]
    store.commit(replace(store.draft(read[0].sha256, "Anna", "nothing"), finding="uncertain"))
    page.run()
    assert "Download" not in [element.proto.label for element in page.get("download_button")], "a newer reading"


def map_of(value: float, *, flat: bool = False) -> Heatmap:
    """A map of 40 x 40 pixels, lit in one corner."""
    grid = np.zeros((4, 4), np.float32)
    grid[0, 0] = value
    return Heatmap(grid, np.eye(2, 3), 40, (40, 40), "evidence", 1, flat, 0.0)


def test_the_machine_marks_nothing_where_it_calls_no_fracture():
    films = {name: FilmEntry(name * 64, f"{name}.png", 40, 40) for name in "abcde"}
    said = {
        "a": (0.99, map_of(0.9)),
        "b": (0.01, map_of(0.02)),
        "c": (0.99, map_of(0.0, flat=True)),
        "d": (math.nan, map_of(0.9)),
    }
    answered = {name: Machine(films[name], *answer) for name, answer in said.items()}
    (column,) = _model(SimpleNamespace(films=tuple(films)), answered, load_card(), "balanced", marked=True)
    assert [FINDINGS_IN_ORDER[code] if code >= 0 else "" for code in column.findings] == [
        "fracture",
        "none",
        "fracture",
        "",
        "",
    ]
    assert [None if marks is None else len(marks) for marks in column.marks] == [1, 0, 0, None, None]
    (plain,) = _model(SimpleNamespace(films=tuple(films)), answered, load_card(), "balanced")
    assert plain.findings.tolist() == column.findings.tolist()


def test_films_of_one_name_can_each_be_opened(store):
    films = [replace(entry, name="IM0001.dcm") for entry, _ in practice_films()[:2]]
    store.add_films(films)
    store.add_reader("Anna")
    for film in films:
        store.commit(replace(store.draft(film.sha256, "Anna", "nothing"), finding="none"))
    page = open_page()
    for film in films:
        (case,) = (box for box in page.selectbox if box.label == "Case")
        assert set(case.options) == {f"IM0001.dcm (Anna) · {one.sha256[:8]}" for one in films}
        case.set_value(film.sha256).run()
        assert page.query_params["case"] == film.sha256


def test_two_models_of_one_title_stand_side_by_side(read, tmp_path, monkeypatch):
    for name, made_of in (("default", "default"), ("mine", "default"), ("other", "default"), ("gate", "gate")):
        shutil.copytree(ROOT / "weights" / made_of, tmp_path / "weights" / name)
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path / "weights"))
    page = open_page()
    page.selectbox(key="second").set_value("mine").run()
    assert page.selectbox(key="second").value == "mine"
    title = load_card("default").title
    assert page.selectbox(key="second").options == ["None", f"{title} · mine", f"{title} · other"]
    assert {f"{title} · default", f"{title} · mine"} <= {caption.value for caption in page.caption}


def test_two_models_stand_side_by_side(read, tmp_path, monkeypatch):
    for name in ("default", "gate"):
        shutil.copytree(ROOT / "weights" / name, tmp_path / "weights" / name)
    twin = shutil.copytree(ROOT / "weights" / "default", tmp_path / "weights" / "twin")
    card = json.loads((twin / "card.json").read_text())
    (twin / "card.json").write_text(json.dumps({**card, "title": "Its twin"}))
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path / "weights"))
    page = open_page()
    page.selectbox(key="second").set_value("twin").run()
    assert not page.exception
    bars = [figure["data"][0]["x"] for figure in figures(page)]
    assert len(bars) == 2
    assert bars[0] == bars[1]  # the same weights say the same
    assert "Its twin" in words(page)
