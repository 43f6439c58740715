"""The pages without a browser: Streamlit's AppTest runs the whole app, frame and all."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core import weights
from fracture_core.phantom import ct_series, radiograph, to_dicom, to_png
from ui.films import Film, Tray, uploaded_film

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    return AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=120)


def with_films(app: AppTest, *films: Film) -> AppTest:
    tray = Tray()
    for film in films:
        tray.add(film)
    app.session_state["tray"] = tray
    return app


def words(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.title, *app.subheader, *app.error, *app.info]
    html = [element.proto.body for element in app.get("html")]
    return "\n".join([str(part.value) for part in parts] + html)


def phantom_film(name: str = "film.png", *, seed: int = 4, fracture: str | None = "oblique") -> Film:
    return uploaded_film(name, to_png(radiograph(seed=seed, region="leg", fracture=fracture)))


def test_the_empty_page_says_what_to_do(app: AppTest) -> None:
    app.run()
    assert not app.exception
    said = words(app)
    assert "Is this bone fractured?" in said
    assert "nothing is kept" in said
    assert "(synthetic)" in said
    assert "Research and teaching use only" in said


def test_a_sample_is_one_click_away_and_stands_in_the_address(app: AppTest) -> None:
    app.run()
    next(button for button in app.button if button.key.startswith("take-")).click()
    app.run()
    assert not app.exception
    assert app.query_params["film"] in ("sample-1", ["sample-1"])
    assert "calibrated" in words(app)


def test_an_address_opens_its_sample(app: AppTest) -> None:
    app.query_params["film"] = "sample-2"
    app.run()
    assert "tibia\\_oblique\\_synthetic" in words(app)


def test_back_to_another_address_opens_the_sample_it_names(app: AppTest) -> None:
    app.query_params["film"] = "sample-1"
    app.run()
    app.query_params["film"] = "sample-2"
    app.run()
    assert "tibia\\_oblique\\_synthetic" in words(app)
    assert list(app.session_state["tray"].films) == ["sample-2"]


def test_an_address_does_not_drive_out_a_film_that_was_dropped(app: AppTest) -> None:
    film = phantom_film("own.png", seed=1)
    with_films(app, film)
    app.query_params["film"] = "sample-2"
    app.run()
    assert list(app.session_state["tray"].films) == [film.key]
    assert "film" not in app.query_params


def test_an_address_with_an_unknown_sample_says_so_and_goes_on(app: AppTest) -> None:
    app.query_params["film"] = "sample-99"
    app.run()
    assert not app.exception
    assert "There is no sample film 'sample-99'" in words(app)
    assert "Or try one of these" in words(app)


def test_a_film_gets_its_finding_with_what_the_figures_mean(app: AppTest) -> None:
    with_films(app, phantom_film()).run()
    assert not app.exception
    assert not app.error
    said = words(app)
    assert "of fractures and clears" in said
    assert "95 %" in said


def test_the_operating_point_changes_the_figures(app: AppTest) -> None:
    with_films(app, phantom_film()).run()
    before = words(app)
    app.radio(key="point").set_value("sensitive").run()
    assert "at the sensitive operating point" in words(app)
    assert words(app) != before


def test_a_dicom_header_is_masked_until_asked(app: AppTest) -> None:
    content = to_dicom(radiograph(seed=2), photometric="MONOCHROME1", patient_id="SECRET-77")
    with_films(app, uploaded_film("film.dcm", content)).run()
    assert "inverted MONOCHROME1" in words(app)
    table = app.dataframe[0].value
    assert "masked" in set(table["Value"])
    assert "SECRET-77" not in set(table["Value"])
    next(toggle for toggle in app.toggle if toggle.key.startswith("reveal-")).set_value(True).run()
    assert "SECRET-77" in set(app.dataframe[0].value["Value"])


def test_an_unfamiliar_film_is_answered_with_a_caution(app: AppTest) -> None:
    with_films(app, phantom_film()).run()
    assert not app.warning
    with_films(app, uploaded_film("hand.png", to_png(radiograph(seed=1, region="hand")))).run()
    assert not app.exception
    (warning,) = app.warning
    assert "looks unlike FracAtlas" in str(warning.value)
    assert "multiregion too” learnt from a second source" in str(warning.value)
    assert "calibrated" in words(app)
    app.sidebar.selectbox(key="model").set_value("two-sources").run()
    assert not app.exception
    (warning,) = app.warning
    assert "learnt from a second source" not in str(warning.value), "that model is the one that answers"


def test_a_ct_slice_is_not_answered(app: AppTest) -> None:
    content = ct_series(seed=1, patient_id="P1", slices=1)[0].data
    with_films(app, uploaded_film("slice.dcm", content)).run()
    assert not app.exception
    assert "This does not look like a limb radiograph" in words(app)
    assert "of fractures and clears" not in "\n".join(str(m.value) for m in app.main.markdown)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.png", b"these are words, not pixels\n" * 30, "not an image"),
        ("empty.png", b"", "empty"),
    ],
)
def test_a_bad_file_gets_a_sentence_and_the_app_goes_on(
    app: AppTest, name: str, content: bytes, sentence: str
) -> None:
    with_films(app, uploaded_film(name, content)).run()
    assert not app.exception
    assert sentence in app.error[0].value
    next(button for button in app.button if button.label == "Remove film").click().run()
    assert "Or try one of these" in words(app)


def test_many_films_become_a_table_that_filters_and_opens(app: AppTest) -> None:
    films = [phantom_film(f"{seed}.png", seed=seed) for seed in range(4)]
    films.append(uploaded_film("words.txt", b"words " * 99))
    with_films(app, *films).run()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["name"]) == ["0.png", "1.png", "2.png", "3.png", "words.txt"]
    assert table["finding"].iloc[4] == "✕ Not read"
    assert "**5 films**" in words(app)
    app.session_state["selected_film"] = films[2].key
    app.run()
    assert "2\\.png" in words(app)
    next(button for button in app.button if button.label == "Next").click().run()
    assert "3\\.png" in words(app)
    next(button for button in app.button if button.label == "All films").click().run()
    assert len(app.dataframe[0].value) == 5


def test_the_chosen_map_stays_when_the_next_film_is_opened(app: AppTest) -> None:
    films = [phantom_film(f"{seed}.png", seed=seed) for seed in range(2)]
    app.session_state["selected_film"] = films[0].key
    with_films(app, *films).run()
    app.selectbox(key="method").set_value("eigencam").run()
    next(button for button in app.button if button.label == "Next").click().run()
    assert not app.exception
    assert "1\\.png" in words(app)
    assert app.selectbox(key="method").value == "eigencam"


def test_a_frame_is_shown_when_it_is_asked_for_and_stays(app: AppTest) -> None:
    film = uploaded_film("run.dcm", three_frames())
    with_films(app, film).run()
    assert app.slider[0].value == 1, "the middle one"
    tray = app.session_state["tray"]
    assert tray.open(film, frame=1) is tray.open(film)
    app.slider[0].set_value(2).run()
    assert not app.exception
    assert not app.warning
    assert app.slider[0].value == 2
    second, third = (tray.open(film, frame=frame).radiograph for frame in (1, 2))
    assert third.frame == 2
    assert tray.open(film, frame=2).predictions, "it has been answered"
    assert abs(second.pixels - third.pixels).max() > 0.1
    app.run()
    assert app.slider[0].value == 2


def three_frames() -> bytes:
    """A film, its mirror image, and the film upside down."""
    dataset = pydicom.dcmread(io.BytesIO(to_dicom(radiograph(seed=4, region="leg"))))
    film = dataset.pixel_array
    dataset.NumberOfFrames = 3
    dataset.PixelData = b"".join(np.ascontiguousarray(view).tobytes() for view in (film, film[:, ::-1], film[::-1]))
    content = io.BytesIO()
    dataset.save_as(content)
    return content.getvalue()


def test_a_paused_run_keeps_its_answers_and_offers_to_go_on(app: AppTest) -> None:
    with_films(app, *(phantom_film(f"{seed}.png", seed=seed) for seed in range(3)))
    app.session_state["paused"] = weights.load_card("default").identity
    app.run()
    go_on = next(button for button in app.button if button.label == "Go on with 3 films")
    go_on.click().run()
    assert len(app.dataframe[0].value) == 3


def test_another_model_does_not_inherit_the_pause(app: AppTest) -> None:
    with_films(app, *(phantom_film(f"{seed}.png", seed=seed) for seed in range(2)))
    app.session_state["paused"] = weights.load_card("plain").identity
    app.run()
    assert len(app.dataframe[0].value) == 2
    assert not [button for button in app.button if button.label.startswith("Go on")]


def test_without_weights_the_page_says_how_to_get_them(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    app.run()
    assert not app.exception
    assert "No trained weights are installed" in words(app)


def test_a_fault_of_ours_is_owned_up_to_without_a_traceback(app: AppTest, monkeypatch) -> None:
    def fails(self: Tray, film: Film, *, frame: int | None = None) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Tray, "open", fails)
    with_films(app, phantom_film()).run()
    assert not app.exception
    assert "the fault is ours" in app.error[0].value
    assert "secret detail" not in words(app)


def test_a_damaged_model_is_told_of_once_beside_the_film(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    for name in ("default", "gate"):
        shutil.copytree(weights.WEIGHTS / name, tmp_path / name)
    card = json.loads((tmp_path / "default" / "card.json").read_text())
    (tmp_path / "default" / "card.json").write_text(json.dumps({**card, "title": "Not loaded by another test"}))
    (tmp_path / "default" / "model.safetensors").write_bytes(b"cut short")
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    with_films(app, phantom_film()).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "sha256 differs" in app.error[0].value
    assert len(app.get("bidi_component")) == 1, "the film is there"


def test_about_states_use_privacy_and_attribution(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_HOME", str(tmp_path))
    monkeypatch.delenv("FRACTURE_DB_URL", raising=False)
    app.run()
    app.switch_page("research/about.py").run()
    assert not app.exception
    assert not app.error
    said = words(app)
    assert "Research and teaching use only" in said
    assert "FracAtlas, CC BY 4.0" in said
    assert f"{tmp_path}/annotations.db" in said
    assert "nothing leaves the machine" in said
    assert "gupta2024" in said
    software = app.dataframe[-1].value
    assert set(software["package"]) > {"torch", "streamlit", "pydicom"}
    assert software["licence"].map(bool).all()
    assert not software["licence"].str.contains("GPL").any()


def test_a_database_of_ones_own_is_named_without_its_password(app: AppTest, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_DB_URL", "postgresql://anna:secret@ward/readings")
    app.run()
    app.switch_page("research/about.py").run()
    assert "the database that `FRACTURE_DB_URL` names" in words(app)
    assert "secret" not in words(app)


def test_models_of_one_title_can_each_be_chosen(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    for name, made_of in (("default", "default"), ("mine", "default"), ("gate", "gate")):
        shutil.copytree(weights.WEIGHTS / made_of, tmp_path / name)
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    app.run()
    title = weights.load_card("default").title
    assert app.selectbox(key="model").options == [f"{title} · default", f"{title} · mine"]
    for name in ("mine", "default"):
        app.selectbox(key="model").set_value(name).run()
        assert app.selectbox(key="model").value == name


def test_all_installed_models_answer_side_by_side(app: AppTest, tmp_path: Path, monkeypatch) -> None:
    for name, title in (("default", "First model"), ("second", "Second model")):
        shutil.copytree(weights.WEIGHTS / "default", tmp_path / name)
        card = json.loads((tmp_path / name / "card.json").read_text())
        (tmp_path / name / "card.json").write_text(json.dumps({**card, "title": title}))
    shutil.copytree(weights.WEIGHTS / "gate", tmp_path / "gate")
    monkeypatch.setenv("FRACTURE_WEIGHTS", str(tmp_path))
    with_films(app, phantom_film()).run()
    assert not app.exception
    strip = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [note["text"] for note in strip["layout"]["annotations"]] == ["First model", "Second model"]
    assert len(strip["data"][0]["x"]) == 2
    app.selectbox(key="model").set_value("second").run()
    strip = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [note["text"] for note in strip["layout"]["annotations"]] == ["Second model", "First model"]
