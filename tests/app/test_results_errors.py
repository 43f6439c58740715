"""The errors tab of the results page: one run's worst errors, and two runs against each other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import weights
from fracture_core.model_card.sources import belongs
from fracture_core.results import RUNS

ROOT = Path(__file__).resolve().parents[2]
FILMS = 60  # of the made data set; every second is fractured
Make = Callable[..., Path]


def scored(run: str, *, tested: range, wrong: set[int], date: str = "2026-01-01", **more: Any) -> dict[str, Any]:
    """A record of a run that calls the films ``wrong`` wrongly; the others right."""
    ids = [f"IMG{2 * i:07d}" for i in tested]
    labels = [i % 2 for i in tested]
    scores = [
        round(abs((1 - label if i in wrong else label) - 0.02 - i / 1000), 5)
        for i, label in zip(tested, labels, strict=True)
    ]
    return {
        "id": run,
        "schema": 2,
        "date": date,
        "model": f"model of {run}",
        "recipe": {"key": "ours"},
        "data": {"name": "fracatlas", "fingerprint": "made"},
        "split": {
            "kind": "grouped",
            "rule": run,
            "letters": "".join("x" if i in tested else "t" for i in range(FILMS)),
            "counts": {"test": {"films": len(tested), "fractured": sum(labels)}},
        },
        "metrics": {},
        "operating_points": {"balanced": {"threshold": 0.5, "rule": "made up for tests"}},
        "cases": {
            "id": ids,
            "split": ["test"] * len(ids),
            "label": labels,
            "group": list(tested),
            "region": ["hand" if i % 3 else "leg" for i in tested],
            "score": scores,
        },
        **more,
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of records, the one that the page reads; no films are at hand."""
    monkeypatch.chdir(ROOT)
    runs = tmp_path / "runs"
    runs.mkdir()
    monkeypatch.setenv("FRACTURE_RUNS", str(runs))
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    return runs


def write(folder: Path, *records: dict[str, Any]) -> None:
    for record in records:
        (folder / f"{record['id']}.json").write_text(json.dumps(record))


def two_records() -> list[dict[str, Any]]:
    # common test films: 20 to 39; of these only a errs on 20 and 21, only b on 30, both on 25
    return [
        scored("a", tested=range(40), wrong={1, 3, 4, 20, 21, 25}),
        scored("b", tested=range(20, 60), wrong={25, 30, 50}),
    ]


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=120)
    app.query_params["tab"] = "Errors"
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("research/results.py")
    return app.run()


def words(app: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.error, *app.info])


def tables(app: AppTest) -> list[Any]:
    return [table.value for table in app.dataframe if "film" in table.value.columns]


def test_the_gallery_counts_errors_and_names_the_worst_first(folder: Path) -> None:
    write(folder, two_records()[0])
    app = opened()
    assert not app.exception
    assert not app.error
    said = words(app)
    assert "4 of 20 fractured films missed, 20 % [6–44]" in said
    assert "2 of 20 other films called fractured, 10 % [1–32]" in said
    assert "set FRACTURE_DATA" in said
    missed, alarms = tables(app)
    assert list(missed["film"]) == ["IMG0000002", "IMG0000006", "IMG0000042", "IMG0000050"]
    assert list(missed["score"]) == sorted(missed["score"])
    assert list(alarms["score"]) == sorted(alarms["score"], reverse=True)


def test_the_gallery_filters_by_region(folder: Path) -> None:
    write(folder, two_records()[0])
    app = opened(errors_region="leg")
    assert "2 of 7 fractured films missed" in words(app)  # the films 3 and 21
    assert set(tables(app)[0]["region"]) == {"leg"}


def test_two_runs_are_compared_on_the_films_that_both_tested(folder: Path) -> None:
    write(folder, *two_records())
    app = opened(errors="Two runs compared")
    assert not app.exception
    assert not app.error
    said = words(app)
    assert "**20 films** (10 fractured) are test films in both runs: of A's 40 and B's 40" in said
    assert "Of A's test films, B was trained on 20" in said
    assert app.selectbox(key="errors_a").value == "b"  # the newest first
    statistics = next(table.value for table in app.dataframe if "p" in table.value.columns)
    assert list(statistics["n"]) == [20, 20, 10, 10]
    assert statistics["A − B [95 %]"].iloc[1].startswith("+0.050 [−")
    square = app.table[0].value
    assert square.astype(str).to_numpy().tolist()[0][-2:] == ["16", "2"]
    assert square.astype(str).to_numpy().tolist()[1][-2:] == ["1", "1"]
    chart = json.loads(app.get("plotly_chart")[-1].proto.spec)
    assert {trace["name"]: len(trace["x"]) for trace in chart["data"]} == {"Not fractured": 10, "Fractured": 10}
    assert len({trace["marker"]["symbol"] for trace in chart["data"]}) == 2
    assert len(chart["layout"]["shapes"]) == 2
    assert sorted(tables(app)[0]["film"]) == ["IMG0000040", "IMG0000042"]
    app.segmented_control(key="errors_part").set_value("Both wrong").run()
    assert list(tables(app)[0]["film"]) == ["IMG0000050"]
    assert {"score of A", "score of B"} <= set(tables(app)[0].columns)


def test_swapping_the_runs_swaps_the_lists(folder: Path) -> None:
    write(folder, *two_records())
    app = opened(errors="Two runs compared")
    app.selectbox(key="errors_a").set_value("a").run()
    assert not app.exception
    assert app.selectbox(key="errors_b").value == "b"
    assert list(tables(app)[0]["film"]) == ["IMG0000060"]


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (scored("b", tested=range(40, 60), wrong=set()), "None of the 20 test films"),
        (scored("b", tested=range(20), wrong=set(), data={"name": "another", "fingerprint": "x"}), "different data"),
        ({**scored("b", tested=range(20), wrong=set()), "operating_points": None}, "no threshold"),
        (
            {"id": "b", "model": "old", "split": {}, "scores": {"IMG1": 0.5}, "membership": {"test": ["IMG1"]}},
            "first",
        ),
    ],
)
def test_what_cannot_be_compared_gets_a_sentence(folder: Path, second: dict[str, Any], sentence: str) -> None:
    write(folder, scored("a", tested=range(20), wrong={1}), second)
    app = opened(errors="Two runs compared")
    assert not app.exception
    assert sentence in words(app)
    assert "fault is ours" not in words(app)


def test_no_record_one_record_and_a_record_of_the_first_generation(folder: Path) -> None:
    assert "python train.py --list" in words(opened())
    old = {"id": "old", "model": "old", "split": {}, "scores": {"IMG1": 0.5}, "membership": {"test": ["IMG1"]}}
    write(folder, old)
    app = opened()
    assert not app.exception
    assert "first generation" in words(app)
    assert "Two runs are needed" in words(opened(errors="Two runs compared"))


def test_films_at_hand_are_shown_by_the_dozen(folder: Path, made_fracatlas: Make, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_DATA", str(made_fracatlas(FILMS).parent))
    write(folder, scored("a", tested=range(40), wrong=set(range(1, 40, 2))))
    app = opened()
    assert not app.exception
    assert not app.error
    buttons = [button.key for button in app.button if "-open-" in (button.key or "")]
    assert len(buttons) == 12
    assert len(app.get("image")) == 12
    assert "No heatmaps: the run's weights are not installed." in words(app)
    assert not [toggle for toggle in app.toggle if toggle.key == "errors_maps"]
    assert len(tables(app)) == 1  # all of them, in one table
    assert len(tables(app)[0]) == 20
    later = opened(errors_page_missed="2")
    more = [button.key for button in later.button if "-open-" in (button.key or "")]
    assert len(more) == 8
    assert not set(more) & set(buttons)


def test_a_film_opens_in_classify(folder: Path, made_fracatlas: Make, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_DATA", str(made_fracatlas(FILMS).parent))
    write(folder, two_records()[0])
    app = opened()
    next(button for button in app.button if button.key == "missed-fractures-open-IMG0000050").click().run()
    assert not app.exception
    assert list(app.session_state["tray"].films) == ["data-IMG0000050"]
    assert "IMG0000050\\.jpg" in words(app)


def test_heatmaps_of_a_run_whose_weights_are_installed(folder: Path, made_fracatlas: Make, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_DATA", str(made_fracatlas(FILMS).parent))
    card = weights.load_card()
    real = next(path for path in RUNS.glob("*.json") if belongs(json.loads(path.read_text()), card))
    shutil.copy(real, folder)
    record = json.loads((folder / real.name).read_text())
    made = scored(record["id"], tested=range(40), wrong={25})
    threshold = record["operating_points"]["balanced"]["threshold"]
    made["cases"]["score"] = [threshold / 2 if i == 25 else float(i % 2) for i in range(40)]
    write(folder, {**record, "cases": made["cases"], "split": made["split"]})
    app = opened()
    app.toggle(key="errors_maps").set_value(True).run()
    assert not app.exception
    assert not app.error
    assert len(app.get("image")) == 1
