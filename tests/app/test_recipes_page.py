"""The Recipes page as a visitor meets it: every paper opens, every step is named, nothing breaks on odd input."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.phantom import radiograph, to_png
from fracture_core.preprocessing import PIPELINES, REJECTED, build_pipeline
from fracture_core.recipes import MODULES, RECIPES
from fracture_core.recipes.contract import contract
from fracture_core.recipes.settings import settings
from ui import loaders
from ui.films import Film, uploaded_film
from ui.recipes.choosing import papers
from ui.recipes.pairs import histogram
from ui.recipes.steps import WHY, steps_on, tried_on

ROOT = Path(__file__).resolve().parents[2]
PAGE = "pages/research/recipes.py"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("FRACTURE_HOME", str(tmp_path))
    for name in ("FRACTURE_DATA", "FRACTURE_RUNS"):
        monkeypatch.delenv(name, raising=False)
    return AppTest.from_file(ROOT / PAGE, default_timeout=60)


def words(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.title, *app.subheader, *app.error, *app.info, *app.code]
    return "\n".join(str(part.value) for part in parts)


def film(*, name: str = "film.png", seed: int = 4) -> Film:
    return uploaded_film(name, to_png(radiograph(seed=seed, region="leg", fracture="oblique")))


@pytest.mark.parametrize("paper", papers())
def test_every_paper_opens_and_names_every_step(app: AppTest, paper: str) -> None:
    app.query_params["paper"] = paper
    app.run()
    assert not app.exception
    assert not app.error
    said = words(app)
    module = papers()[paper]
    recipe = module.RECIPES[0].with_model(module.RECIPES[0].model)
    told = contract(module)
    assert told.title in said
    pipeline = build_pipeline(recipe.pipeline, size=recipe.size, **recipe.pipeline_options)
    for step in pipeline.steps:
        assert step.name in said
        assert WHY[step.name] in said
    for deviation in told.deviations:
        assert deviation in said
    assert f"python train.py {recipe.key}" in said
    values = {value for table in app.dataframe for value in table.value.get("Value", [])}
    assert {setting.value for setting in settings(recipe)} <= values


@pytest.mark.parametrize("key", [key for key, recipe in RECIPES.items() if recipe.paper in ("gupta2024", "wang2024")])
def test_every_variant_opens_from_its_address(app: AppTest, key: str) -> None:
    app.query_params["paper"], app.query_params["recipe"] = RECIPES[key].paper, key
    app.run()
    assert not app.exception
    assert not app.error
    assert f"python train.py {key} --model" in words(app)


def test_every_model_of_a_paper_can_be_chosen(app: AppTest) -> None:
    app.query_params["paper"] = "multiregion2024"
    app.run()
    assert app.selectbox(key="network").options == ["custom_cnn", "resnet50", "vgg16"]
    app.selectbox(key="network").set_value("vgg16").run()
    assert not app.exception
    assert "--model vgg16 --data DIR/multi_region --pretrained FILE" in words(app)


def test_another_paper_brings_its_own_models(app: AppTest) -> None:
    app.query_params["paper"], app.query_params["network"] = "lisbon2023", "resnet152"
    app.run()
    assert "--model resnet152" in words(app)
    app.segmented_control(key="paper").set_value("wang2024").run()
    assert not app.exception
    assert "python train.py wang2024 --model seresnet50 " in words(app)
    assert "Ankle CT slice (synthetic)" in app.selectbox(key="sample").options


@pytest.mark.parametrize("name", ["paper", "recipe", "network", "sample", "transform"])
def test_an_unknown_value_in_the_address_falls_back(app: AppTest, name: str) -> None:
    app.query_params["paper"] = "gupta2024"
    app.query_params[name] = "no such thing"
    app.run()
    assert not app.exception
    assert not app.error
    assert "python train.py " in words(app)


def test_the_rejected_transforms_are_each_shown(app: AppTest) -> None:
    app.query_params["paper"] = "gupta2024"
    app.run()
    said = words(app)
    assert "Tried and rejected" in said
    control = app.segmented_control(key="transform")
    assert len(control.options) == len(REJECTED)
    for name in control.options:
        assert name in said
    control.set_value("Canny edges").run()
    assert not app.exception
    assert "gupta2024, Canny Edge Detection" in words(app)


def test_draws_change_when_drawn_again(app: AppTest) -> None:
    app.query_params["paper"] = "wang2024"
    app.run()
    before = words(app)
    app.button(key="draw_again").click().run()
    assert not app.exception
    assert words(app) != before
    assert "turned" in before


def test_a_recipe_without_random_changes_says_so(app: AppTest) -> None:
    app.query_params["paper"] = "gupta2024"
    app.run()
    assert "changes no film at random" in words(app)


def test_a_film_of_ones_own_is_shown_and_kept_nowhere(app: AppTest) -> None:
    app.query_params["paper"] = "lisbon2023"
    own = film()
    app.run()
    app.file_uploader(key="recipe_film").set_value([(own.name, own.content, "image/png")]).run()
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="sample").disabled
    assert "Local contrast (CLAHE)" in words(app)
    assert "recipes_own_film" in app.session_state
    app.file_uploader(key="recipe_film").set_value([]).run()
    assert "recipes_own_film" not in app.session_state


def test_a_file_that_is_no_film_gets_a_sentence_and_the_rest_stands(app: AppTest) -> None:
    app.run()
    bad = b"these are words, not pixels\n" * 30
    app.file_uploader(key="recipe_film").set_value([("notes.png", bad, "image/png")]).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "not an image" in app.error[0].value
    assert "Where we deviate" in words(app)


def test_runs_are_read_from_records_alone(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRACTURE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    app.query_params["paper"] = "lisbon2023"
    app.run()
    assert "No run of this recipe is recorded yet" in words(app)
    estimate = {"value": 0.812, "low": 0.75, "high": 0.87, "n": 403}
    record = {
        "id": "20300101T000000Z-lisbon2023-resnet18",
        "schema": 2,
        "date": "2030-01-01",
        "recipe": {"key": "lisbon2023", "paper": "lisbon2023"},
        "model": "resnet18",
        "data": {"name": "fracatlas"},
        "split": {"kind": "grouped", "counts": {"test": {"films": 403, "fractured": 70}}},
        "epochs_run": 10,
        "metrics": {"auc": estimate},
        "argmax": {"accuracy": estimate},
        "comparable": {"value": False, "why": "a reason"},
    }
    (tmp_path / "runs" / f"{record['id']}.json").write_text(json.dumps(record))
    app.run()
    assert "No run of this recipe is recorded yet" not in words(app)
    table = app.dataframe[-1].value
    assert list(table["AUC"]) == ["0.812 [0.750–0.870]"]
    assert list(table["Paper's AUC"]) == ["0.84 (validation)"]
    assert list(table["Test films"]) == [403]
    assert list(table["Why not"]) == ["a reason"]
    app.segmented_control(key="paper").set_value("ours").run()
    assert "No run of this recipe is recorded yet" in words(app)


def test_every_step_of_every_pipeline_has_a_reason() -> None:
    for name in PIPELINES:
        for step in build_pipeline(name).steps:
            assert WHY[step.name], step.name
    shown = film()
    for name in REJECTED:
        before, after = tried_on(shown, name)
        assert after.why, after.name
        assert before.why == ""


def test_steps_tell_what_they_change() -> None:
    steps = {step.name: step for step in steps_on(film(), "lisbon2023", 224)}
    assert steps["The film as it came"].shape == (454, 373)
    assert steps["Local contrast (CLAHE)"].change == "gray levels changed"
    assert steps["Thumbnail (LANCZOS), aspect kept"].resized
    assert steps["Padded to a square"].size == "224 × 224 pixels"
    assert steps["Copied to three channels"].size == "224 × 224 pixels, 3 channels"
    assert steps["Copied to three channels"].change == "no change to the eye"
    assert all(sum(step.levels) == pytest.approx(1) for step in steps.values())


def test_the_histogram_holds_both_distributions() -> None:
    steps = steps_on(film(), "lisbon2023", 224)
    figure = histogram(steps[2], steps[3])
    assert [trace.name for trace in figure.data] == ["before", "after"]
    assert figure.data[0].line.dash != figure.data[1].line.dash  # never by colour alone


def test_papers_come_with_their_modules() -> None:
    assert set(papers().values()) == set(MODULES)
    assert set(papers()) == {"ours", *loaders.papers()}


def test_a_page_that_was_open_once_opens_well_under_a_second(app: AppTest) -> None:
    app.run()
    began = time.process_time()
    app.run()
    assert time.process_time() - began < 1.0
    assert not app.exception


def test_the_page_loads_no_torch() -> None:
    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(ROOT / PAGE)!r}, default_timeout=60)\n"
        "app.query_params['paper'] = 'gupta2024'\n"
        "app.run(); assert not app.exception and not app.error, (app.exception, app.error)\n"
        "print(*(name for name in ('torch', 'timm', 'lightning', 'matplotlib') if name in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
