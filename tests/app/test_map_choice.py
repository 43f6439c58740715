"""Which map a page shows: a model that points shows its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from fracture_core import weights
from fracture_core.models import build_model
from fracture_core.phantom import radiograph, to_png
from ui.films import Tray, uploaded_film
from ui.map_choice import best_map, fitting_map, maps_of
from ui.wording import likeliest_place

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain model as the default, and an untrained one that points."""
    torch.manual_seed(0)
    for name, place in (("plain", "default"), ("gate", "gate")):
        shutil.copytree(weights.WEIGHTS / name, tmp_path / place)
    facts = {**weights.load_card("plain").data, "title": "One that points", "model": "mobilenetv2_evidence"}
    weights.save(build_model("mobilenetv2_evidence"), facts, tmp_path / "pointing")
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    monkeypatch.chdir(ROOT)


def test_the_best_map_of_a_model_comes_first(two_models: None) -> None:
    default, pointing = weights.load_card("default"), weights.load_card("pointing")
    assert (best_map(default), best_map(pointing)) == ("gradcam", "evidence")
    assert "evidence" not in maps_of(default)
    assert fitting_map(pointing, "hirescam") == "hirescam"
    assert fitting_map(default, "evidence") == "gradcam"  # a map chosen for the other model


def test_an_empty_map_says_so() -> None:
    assert likeliest_place(0.01, "not fractured").endswith("reaches a chance of 4 %: there is nothing to draw.")
    assert "rests on the film as a whole" in likeliest_place(0.01, "fractured")
    assert "chance of 58 %" in likeliest_place(0.58, "fractured")


def test_no_place_is_certain() -> None:
    assert "chance of 99 %" in likeliest_place(0.994, "fractured")
    assert "chance of over 99 %" in likeliest_place(0.995, "fractured")


def test_changing_the_model_changes_the_map_where_it_must(two_models: None) -> None:
    app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=120)
    tray = Tray()
    tray.add(uploaded_film("film.png", to_png(radiograph(seed=4, region="leg", fracture="oblique"))))
    app.session_state["tray"] = tray
    app.run()
    assert app.selectbox(key="method").value == "gradcam"
    assert "Evidence" not in app.selectbox(key="method").options
    app.selectbox(key="model").set_value("pointing").run()
    assert not app.exception
    assert "Evidence" in app.selectbox(key="method").options
    assert app.selectbox(key="method").value == "gradcam"  # what was chosen stays where it can
    app.selectbox(key="method").set_value("evidence").run()
    assert not app.exception
    assert any("chance of" in caption.value for caption in app.caption)
    assert not app.error
    app.selectbox(key="model").set_value("default").run()
    assert not app.exception
    assert app.selectbox(key="method").value == "gradcam"
