"""The data audit page: its first picture, the known audits, an audit of a folder, and one brought as a file."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fracture_core.audit import audit, record_audit
from fracture_core.datasets import open_data
from fracture_core.errors import DataSetError
from fracture_core.overlay import encode_jpeg, encode_png
from fracture_core.results import write_record
from ui.data_audit import running
from ui.data_audit.running import Job, opened, progress_words

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve films in class folders with splits; the test films are copies, one with the other label, one cut."""
    root = tmp_path / "films"
    for number in range(8):
        picture = np.random.default_rng(number).integers(0, 255, (64, 56), dtype=np.uint8)
        name = "fractured" if number % 2 else "not fractured"
        _write(root / "train" / name / f"{number}.png", encode_png(picture))
        if number < 3:
            other = name if number else "fractured"
            _write(root / "test" / other / f"copy {number}.png", encode_png(picture))
    whole = encode_jpeg(np.random.default_rng(99).integers(0, 255, (96, 96), dtype=np.uint8), quality=90)
    _write(root / "test" / "fractured" / "cut.jpg", whole[: len(whole) // 2])
    return root


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens the page over empty folders of runs and audits; ``asked`` goes into the address."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("FRACTURE_DATA", raising=False)
    for name in ("FRACTURE_RUNS", "FRACTURE_AUDITS"):
        monkeypatch.setenv(name, str(tmp_path / name))

    def visit(**asked: str) -> AppTest:
        app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=120)
        app.switch_page("research/data_audit.py")
        for name, value in asked.items():
            app.query_params[name] = value
        return app.run()

    return visit


def words(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.text, *app.info, *app.success, *app.warning, *app.error, *app.code]
    return "\n".join(str(part.value) for part in parts)


def look_at(app: AppTest, view: str) -> AppTest:
    app.segmented_control(key="audit_view").set_value(view).run()
    assert not app.exception
    return app


def record(split: str, value: float) -> dict:
    score = {"value": value, "low": value - 0.04, "high": value + 0.02, "n": 100}
    return {
        "id": f"run-{split}",
        "schema": 2,
        "date": "2026-11-01",
        "recipe": {"key": "multiregion2024", "paper": "multiregion2024", "split": split},
        "model": "custom_cnn",
        "data": {"name": "multiregion"},
        "split": {"kind": split, "counts": {"test": {"films": 100, "fractured": 40}}},
        "metrics": {"auc": score},
        "argmax": {"accuracy": score},
    }


def drawn(app: AppTest) -> dict:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


# The first picture -------------------------------------------------------------------------------------


def test_the_empty_page_says_what_to_do(page):
    app = page()
    assert not app.exception
    assert "No model has been run" in words(app)
    assert app.button(key="audit-begin")


def test_two_bars_and_what_lies_between(page, tmp_path):
    for split, value in (("published", 0.95), ("clean", 0.7)):
        write_record(record(split, value), folder=tmp_path / "FRACTURE_RUNS")
    app = page()
    assert not app.exception
    bars = {trace["name"]: trace for trace in drawn(app)["data"] if trace["type"] == "bar"}
    assert set(bars) == {"As published", "Clean", "Paper's claim"}
    assert len(bars["Paper's claim"]["x"]) == 1  # the paper prints no AUC
    assert len(bars["Clean"]["x"]) == 2
    said = words(app)
    assert "As published: accuracy 0.950 [0.910–0.970]" in said
    assert "The leak is worth **+0.250 [" in said
    assert "independent" in said
    assert not app.code


def test_one_model_on_two_data_sets_can_be_looked_at_on_each(page, tmp_path):
    for data in ("multiregion", "made"):
        for split, value in (("published", 0.95), ("clean", 0.7)):
            run = record(split, value) | {"id": f"run-{data}-{split}", "data": {"name": data}}
            write_record(run, folder=tmp_path / "FRACTURE_RUNS")
    chosen = page().selectbox(key="leak_of")
    assert len(set(chosen.options)) == 2


def test_half_a_pair_shows_the_gap_and_the_command(page, tmp_path, folder):
    write_record(record("published", 0.95), folder=tmp_path / "FRACTURE_RUNS")
    app = page()
    assert "on a split that no copy of a film crosses yet" in words(app)
    assert app.code[0].value == "python train.py multiregion2024 --model custom_cnn --data DIR --split clean"
    notes = [note["text"] for note in drawn(app)["layout"]["annotations"]]
    assert notes.count("not run<br>yet") == 2


# Known audits ------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(folder: Path, tmp_path: Path) -> Path:
    return record_audit(audit(open_data(folder)), tmp_path / "FRACTURE_AUDITS")


def test_a_known_audit_is_shown_view_by_view(page, recorded):
    app = page()
    assert not app.exception
    metrics = {metric.label: metric.value for metric in app.metric}
    assert (metrics["Films"], metrics["Different files"]) == ("12", "9")
    assert "test in train" in json.dumps(drawn(app))
    assert "3 duplicate pairs" in words(look_at(app, "Duplicates"))
    assert "names are listed" in words(app)
    assert len(app.dataframe[0].value) == 3
    assert "1 contradiction**" in words(look_at(app, "Label conflicts"))
    assert "1 damaged film**" in words(look_at(app, "Damaged files"))
    assert "width" in json.dumps(json.loads(look_at(app, "Shortcuts").get("plotly_chart")[0].proto.spec))
    assert "not stated" in words(look_at(app, "Notes"))


def test_a_damaged_record_is_named_and_the_rest_goes_on(page, recorded):
    (recorded.parent / "broken.json").write_text("{")
    app = page()
    assert not app.exception
    assert "broken.json" in app.warning[0].value
    assert app.metric


# A folder ----------------------------------------------------------------------------------------------


def _until_over(app: AppTest) -> AppTest:
    app.session_state["audit_job"].join(60)
    return app.run()


def test_a_folder_is_audited_and_kept(page, folder):
    app = page()
    app.text_input(key="audit_folder").set_value(str(folder)).run()
    app.button(key="audit-begin").click().run()
    _until_over(app)
    assert not app.exception
    assert not app.error
    assert app.metric[0].value == "12"
    assert {button.key for button in app.get("download_button")} >= {"audit-report", "audit-groups"}
    look_at(app, "Label conflicts")
    assert len(app.image) == 1  # the films are at hand
    assert "▲ fractured" in app.text[0].value
    look_at(app, "Damaged files")
    assert "% of the rows are left" in words(app)
    app.switch_page("research/about.py").run()
    app.switch_page("research/data_audit.py").run()
    assert app.metric[0].value == "12"


@pytest.mark.parametrize(
    ("named", "sentence"),
    [("", "No folder is named"), ("/no/such/place", "is no folder"), ("~nobody-here/x", "cannot be read")],
)
def test_a_wrong_folder_gets_a_sentence(page, named, sentence):
    app = page()
    app.text_input(key="audit_folder").set_value(named).run()
    app.button(key="audit-begin").click().run()
    _until_over(app)
    assert not app.exception
    assert sentence in app.error[0].value


def test_a_folder_that_is_no_data_set_names_the_layouts(page, tmp_path):
    (tmp_path / "other" / "holiday").mkdir(parents=True)
    (tmp_path / "other" / "work").mkdir()
    app = page(audit_folder=str(tmp_path / "other"))
    app.button(key="audit-begin").click().run()
    _until_over(app)
    assert "Understood are: FracAtlas" in app.error[0].value


def test_a_folder_that_may_not_be_read_is_said_plainly(monkeypatch):
    def refuses(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(running, "open_data", refuses)
    with pytest.raises(DataSetError, match=r"Permission denied.*right to read"):
        opened("/root/secret")


def test_an_audit_is_stopped_and_the_next_one_runs(page, folder, monkeypatch):
    gate = threading.Event()
    real = running.audit

    def slow(data, *, progress):
        progress(1, 12)
        gate.wait(30)
        return real(data, progress=progress)

    monkeypatch.setattr(running, "audit", slow)
    app = page(audit_folder=str(folder))
    app.button(key="audit-begin").click().run()
    job = app.session_state["audit_job"]
    while job.state != running.READING or not job.done:
        time.sleep(0.01)
    app.run()
    assert "1 of 12 files" in str(app.get("progress")[0].proto)
    app.button(key="audit-stop").click().run()
    assert "was stopped after 1 of 12 files" in words(app)
    second = Job(str(folder))  # waits for its turn
    time.sleep(0.3)
    assert second.state == running.WAITING
    gate.set()
    job.join(30)
    second.join(60)
    assert (job.state, job.result, second.state) == (running.STOPPED, None, running.DONE)


def test_a_fault_of_ours_is_owned_up_to(folder, monkeypatch):
    def fails(data, *, progress):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(running, "audit", fails)
    job = Job(str(folder))
    job.join(30)
    assert job.state == running.FAILED
    assert "the fault is ours" in job.error
    assert "secret" not in job.error


@pytest.mark.parametrize(
    ("done", "seconds", "said"),
    [
        (0, 0.0, "0 of 1,000 files"),
        (100, 10.0, "100 of 1,000 files, about 90 s left"),
        (100, 30.0, "100 of 1,000 files, about 4 min left"),
        (999, 50.0, "999 of 1,000 files, about 1 s left"),
    ],
)
def test_progress_says_what_is_left(done, seconds, said):
    assert progress_words(done, 1000, seconds) == said


# A file ------------------------------------------------------------------------------------------------


def test_an_uploaded_audit_is_shown_and_a_broken_one_refused(page, recorded):
    content = recorded.read_bytes()
    recorded.unlink()
    app = page(audit_of="An audit file")
    app.file_uploader(key="audit-file").set_value(("mine.json", content, "application/json")).run()
    assert not app.exception
    assert app.metric[0].value == "12"
    assert "From `mine.json`" in words(app)
    app.file_uploader(key="audit-file").set_value(("bad.json", b'{"format": 1}', "application/json")).run()
    assert not app.exception
    assert "The audit 'bad.json' is damaged" in app.error[0].value
    assert not app.metric


# Imports -----------------------------------------------------------------------------------------------


def test_the_page_needs_no_torch():
    code = (
        "import sys; import ui.data_audit.findings, ui.data_audit.opening, ui.data_audit.choosing; "
        "print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
