"""The page of model cards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import weights
from ui.model_cards import CARD, FILTER, TAB, TABS, plain

ROOT = Path(__file__).resolve().parents[2]
PAGE = "research/models.py"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    return AppTest.from_file(ROOT / "pages/room.py", default_timeout=120)


def open_page(app: AppTest, **query: str) -> AppTest:
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(PAGE).run()


def words(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.title, *app.subheader, *app.error, *app.info]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


@pytest.fixture
def two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, title in (("default", "First model"), ("second", "Second model")):
        (tmp_path / name).mkdir()
        card = json.loads((weights.WEIGHTS / "default" / "card.json").read_text())
        card |= {"title": title, "sha256": ("ab" if name == "second" else "cd") * 32}
        (tmp_path / name / "card.json").write_text(json.dumps(card))
    shutil.copytree(weights.WEIGHTS / "gate", tmp_path / "gate")
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    return tmp_path


def test_the_page_opens_with_the_key_figures_and_the_limits(app: AppTest) -> None:
    open_page(app)
    assert not app.exception and not app.error
    card = weights.load_card("default", root=weights.WEIGHTS)
    assert [metric.label for metric in app.metric][:2] == ["AUC", "Sensitivity"]
    assert app.metric[0].value == f"{card.metrics['auc'].value:.3f}"
    said = words(app)
    assert "It has no place in the care of patients" in said
    assert "it misses" in said


@pytest.mark.parametrize("tab", TABS)
def test_every_part_opens_by_its_address(app: AppTest, tab: str) -> None:
    open_page(app, **{TAB: tab})
    assert not app.exception and not app.error
    files = {button.proto.label for button in app.get("download_button")}
    assert files >= {"Card as HTML", "Card as PDF", "Card as JSON"}


def test_the_checklist_is_filtered_by_what_is_not_answered(app: AppTest) -> None:
    open_page(app, **{TAB: "Checklist"})
    counts, items = app.dataframe[0].value, app.table[0].value
    assert list(counts["guideline"]) == ["CLAIM 2024", "TRIPOD+AI", "STARD-AI"]
    assert len(items) == 44
    app.session_state[FILTER] = "not answered"
    app.run()
    items = app.table[0].value
    assert set(items["verdict"]) == {"○\N{NO-BREAK SPACE}not answered"}
    assert len(items) == counts["not answered"][0]


def test_the_card_follows_the_sidebar_until_another_is_chosen(app: AppTest, two_models: Path) -> None:
    open_page(app)
    assert "First model" in words(app)
    app.selectbox(key=CARD).set_value("second").run()
    assert "Second model" in words(app) and "abababab" in words(app)
    app.selectbox(key="model").set_value("second").run()
    app.selectbox(key="model").set_value("default").run()
    assert "cdcdcdcd" in words(app)
    assert not app.exception


def test_without_weights_the_page_says_how_to_get_some(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    open_page(app)
    assert not app.exception
    assert "there is no card to show" in words(app)


def test_text_of_a_card_is_shown_as_it_stands() -> None:
    assert plain("a*b_[c]") == r"a\*b\_\[c\]"
