"""The Annotate page: from a name to a committed reading, with nothing lost on the way."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.scriptrunner import RerunData, RerunException, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from fracture_core.annotations import FilmEntry, Reading, Store, StoreError, open_store
from fracture_core.datasets import read_fracatlas
from fracture_core.interchange.film_files import film_entry
from fracture_core.marks import Mark
from fracture_core.phantom import radiograph
from ui import reading_clock
from ui.cases import FRACATLAS, PRACTICE_FILMS, film_of

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90
BOX = Mark("box", ((100.0, 120.0), (180.0, 200.0)), id="a")


@pytest.fixture
def page(store) -> AppTest:
    app = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=PATIENCE).run()
    return app.switch_page("reading/annotate.py").run()


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.warning, *app.title]
    return " ".join(str(element.value) for element in shown)


def open_film(app: AppTest) -> str:
    named = app.query_params["case"]
    return named if isinstance(named, str) else named[0]


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def sit_down(app: AppTest, reader: str = "Anna") -> AppTest:
    with open_store() as opened:  # AppTest chooses among options and types no new one
        opened.add_reader(reader)
    app.run()
    app.selectbox(key="reader").set_value(reader).run()
    return button(app, f"{PRACTICE_FILMS} practice films").click().run()


def draw(app: AppTest, *marks: Mark, reader: str = "Anna", shown: str = "nothing") -> AppTest:
    """As the viewer hands back a gesture."""
    film = open_film(app)
    keys = f"{reader}-{film[:16]}-{shown}"
    app.session_state[f"reading-{keys}"] = gesture(film, *marks, revision=app.session_state[f"revision-{keys}"] + 1)
    return app.run()


def gesture(film: str, *marks: Mark, revision: int, version: int | None = None) -> dict:
    drawing = {"marks": [mark.to_dict() for mark in marks], "revision": revision, "seconds": 12.5, "film": film}
    return {"drawing": drawing | {"opening": 0, "version": version}}


def test_without_a_name_the_page_says_how_to_begin(page):
    assert not page.exception
    assert "Mark it like an expert" in words(page)
    assert "Give a name to begin" in words(page)
    assert len(page.selectbox(key="reader").placeholder) < 20, "the field of a wide page holds no more"


def test_a_reading_from_name_to_commit(page, store):
    sit_down(page)
    assert not page.exception
    (worklist,) = store.worklists()
    assert (worklist.readers, worklist.films) == (("Anna",), PRACTICE_FILMS)
    film = open_film(page)
    assert film == store.items(worklist.name, "Anna")[0].film.sha256
    assert button(page, "Commit").disabled
    assert "The machine says" not in html(page), "silent until the commit"

    button(page, "Fracture").click().run()
    draw(page, BOX)
    draft = store.draft(film, "Anna", "nothing")
    assert (draft.finding, draft.marks, draft.confidence) == ("fracture", (BOX,), 80)
    assert "1 mark." in words(page)

    page.slider(key=next(s.key for s in page.slider if s.label.startswith("Confidence"))).set_value(95).run()
    button(page, "Commit").click().run()
    (reading,) = store.readings()
    assert (reading.finding, reading.confidence, reading.marks, reading.shown) == ("fracture", 95, (BOX,), "nothing")
    assert reading.seconds >= 12.5
    assert "You said:" in words(page)
    assert "The machine says" in html(page)
    assert "area 1" in words(page)

    button(page, "Next film").click().run()
    assert open_film(page) != film
    assert "You said:" not in words(page)


def test_an_aided_reading_is_one_of_its_own(page, store):
    sit_down(page)
    button(page, "No fracture").click().run()
    button(page, "Commit").click().run()
    button(page, "Read again with the machine's answer").click().run()
    button(page, "Uncertain").click().run()
    button(page, "Commit").click().run()
    first, second = store.readings()
    assert (first.finding, first.aided) == ("none", False)
    assert (second.finding, second.aided) == ("uncertain", True)
    assert second.committed > first.committed


def test_two_readers_read_one_list_in_orders_of_their_own(page, store):
    sit_down(page, "Anna")
    sit_down(page, "Ben")
    (worklist,) = store.worklists()
    assert worklist.readers == ("Anna", "Ben")
    orders = [[item.film.sha256 for item in store.items(worklist.name, reader)] for reader in worklist.readers]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def broken_off_after(name: str, monkeypatch) -> list[str]:
    """Have the script end, once, where it first touches the session after a method of the store: a click came."""
    kept, done = getattr(Store, name), []

    def and_broken_off(self, draft):
        result = kept(self, draft)
        script = get_script_run_ctx()
        state = script.session_state
        go_on = state._yield_callback

        def break_off() -> None:
            object.__setattr__(state, "_yield_callback", go_on)
            raise RerunException(
                RerunData(query_string=script.query_string, page_script_hash=script.page_script_hash)
            )

        if not done:
            done.append(name)
            object.__setattr__(state, "_yield_callback", break_off)
        return result

    monkeypatch.setattr(Store, name, and_broken_off)
    return done


def test_a_click_while_a_draft_is_saved_is_no_other_window(page, store, monkeypatch):
    sit_down(page)
    broken_off = broken_off_after("save_draft", monkeypatch)
    button(page, "Fracture").click().run()
    assert broken_off
    assert not page.exception
    assert not page.warning
    assert store.draft(open_film(page), "Anna", "nothing").finding == "fracture"
    assert not button(page, "Commit").disabled


def test_a_click_while_a_reading_is_committed_is_no_other_window(page, store, monkeypatch):
    sit_down(page)
    button(page, "No fracture").click().run()
    button(page, "Commit").click().run()
    button(page, "Read again with the machine's answer").click().run()
    button(page, "Uncertain").click().run()
    broken_off = broken_off_after("commit", monkeypatch)
    button(page, "Commit").click().run()
    assert broken_off
    assert "You said:" in words(page)
    button(page, "Correct the aided reading").click().run()
    assert not page.exception
    assert not page.warning
    button(page, "Fracture").click().run()
    assert store.draft(open_film(page), "Anna", store.readings()[-1].shown).finding == "fracture"


def test_what_another_window_did_is_shown_and_not_overwritten(page, store):
    sit_down(page)
    button(page, "Fracture").click().run()
    film = open_film(page)
    other = store.draft(film, "Anna", "nothing")
    store.save_draft(replace(other, finding="none", marks=(BOX,)))
    button(page, "Uncertain").click().run()
    assert "changed in another window" in words(page)
    kept = store.draft(film, "Anna", "nothing")
    assert (kept.finding, kept.marks) == ("none", (BOX,))


@pytest.mark.parametrize("meanwhile", [False, True], ids=["alone", "another window"])
def test_what_a_browser_brings_into_a_new_session_is_kept_unless_the_draft_is_newer(page, store, meanwhile):
    sit_down(page)
    film = open_film(page)
    draft = store.save_draft(replace(store.draft(film, "Anna", "nothing"), finding="none"))
    old = gesture(film, BOX, revision=3, version=draft.version)
    theirs = replace(BOX, points=((5.0, 5.0), (9.0, 9.0)), id="b")
    if meanwhile:
        store.save_draft(replace(draft, finding="fracture", marks=(theirs,), note="seen"))
    again = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=PATIENCE).run()
    again.switch_page("reading/annotate.py").run()
    again.session_state[f"reading-Anna-{film[:16]}-nothing"] = old
    again.session_state[f"note-Anna-{film[:16]}-nothing-0"] = "of before"  # the browser sends its widgets too
    again.selectbox(key="reader").set_value("Anna").run()
    assert ("changed in another window" in words(again)) == meanwhile
    if not meanwhile:  # the browser finds that its marks are of this very version, and sends them anew
        draw(again, BOX)
    kept = store.draft(film, "Anna", "nothing")
    assert (kept.marks, kept.finding) == (((theirs,), "fracture") if meanwhile else ((BOX,), "none"))
    assert again.text_area[0].value == kept.note == ("seen" if meanwhile else "of before")


def test_a_note_that_was_on_its_way_outlives_the_server(page, store):
    sit_down(page)
    film = open_film(page)
    before = store.draft(film, "Anna", "nothing").version
    kept = store.save_draft(replace(store.draft(film, "Anna", "nothing"), finding="fracture", marks=(BOX,)))
    assert kept.version > before
    again = AppTest.from_file(ROOT / "pages" / "room.py", default_timeout=PATIENCE).run()
    again.switch_page("reading/annotate.py").run()
    again.session_state[f"reading-Anna-{film[:16]}-nothing"] = gesture(film, BOX, revision=3, version=before)
    again.session_state[f"note-Anna-{film[:16]}-nothing-0"] = "typed, and on its way"
    again.selectbox(key="reader").set_value("Anna").run()
    assert not again.warning
    assert again.text_area[0].value == store.draft(film, "Anna", "nothing").note == "typed, and on its way"


def test_what_another_window_drew_is_committed_as_it_is_shown(page, store):
    sit_down(page)
    button(page, "Fracture").click().run()
    draw(page, replace(BOX, points=((5.0, 5.0), (9.0, 9.0))))
    film = open_film(page)
    store.save_draft(replace(store.draft(film, "Anna", "nothing"), marks=(BOX,)))
    page.run()
    assert "changed in another window" in words(page)
    button(page, "Commit").click().run()
    (reading,) = store.readings()
    assert reading.marks == (BOX,)


def test_a_corrected_reading_that_changes_nothing_is_one_all_the_same(page, store):
    sit_down(page)
    button(page, "No fracture").click().run()
    button(page, "Commit").click().run()
    button(page, "Read again with the machine's answer").click().run()
    button(page, "Commit").click().run()
    button(page, "Correct the aided reading").click().run()
    button(page, "Commit").click().run()
    assert "You said:" in words(page)
    assert [one.aided for one in store.readings(superseded=True)] == [False, True, True]


def test_a_run_that_is_broken_off_loses_neither_confidence_nor_note(page, store):
    sit_down(page)
    film = open_film(page)
    store.save_draft(replace(store.draft(film, "Anna", "nothing"), finding="none", confidence=90, note="two views"))
    page.run()  # what another window did is shown
    for _ in range(2):
        (slider,), (note,) = page.slider, page.text_area
        # the browser begins with these, whichever run it hears of first
        assert (list(slider.proto.default), note.proto.default) == ([90], "two views")
        assert not slider.proto.set_value
        assert not note.proto.set_value
        page.run()
    button(page, "Next").click().run()
    (slider,) = page.slider
    assert list(slider.proto.default) == [80]
    button(page, "Fracture").click().run()
    assert store.draft(open_film(page), "Anna", "nothing").confidence == 80


def test_a_film_only_looked_at_leaves_no_draft(page, store):
    sit_down(page)
    button(page, "Next").click().run()
    (worklist,) = store.worklists()
    assert store.progress(worklist.name, "Anna") == (PRACTICE_FILMS, 0, 0)
    assert "Film 2 of 8" in " ".join(element.proto.text for element in page.get("progress"))


def test_the_time_on_another_film_is_none_on_this_one(page, store, monkeypatch):
    told = datetime(2024, 5, 6, tzinfo=UTC)
    monkeypatch.setattr(reading_clock, "now", lambda: told)
    sit_down(page)
    film = open_film(page)
    told += timedelta(seconds=10)
    button(page, "Fracture").click().run()
    assert store.draft(film, "Anna", "nothing").seconds == 10
    button(page, "Next").click().run()
    told += timedelta(minutes=9)
    button(page, "Previous").click().run()
    assert open_film(page) == film
    told += timedelta(seconds=2)
    button(page, "Commit").click().run()
    (reading,) = store.readings()
    assert reading.seconds == 12
    assert "in 12 s" in words(page)


def test_an_imported_reading_of_little_confidence_can_be_read_again(page, store):
    sit_down(page)
    film = open_film(page)
    at = datetime(2024, 5, 6, tzinfo=UTC)
    unsure = Reading("", film, "Anna", "fracture", 30, (BOX,), "", "nothing", at, at, 1.0)
    store.import_readings([unsure])
    page.run()
    button(page, "Read again with the machine's answer").click().run()
    assert not page.exception
    assert "fault is ours" not in words(page) + " ".join(str(error.value) for error in page.error)
    slider = page.slider(key=next(s.key for s in page.slider if s.label.startswith("Confidence")))
    assert (slider.value, slider.min) == (30, 0)
    slider.set_value(60).run()
    button(page, "Commit").click().run()
    assert [reading.confidence for reading in store.readings()] == [30, 60]


def test_what_a_click_could_not_do_is_told_on_the_page_and_nothing_is_lost(page, store, monkeypatch):
    sit_down(page)
    button(page, "No fracture").click().run()

    def busy(self, draft):
        raise StoreError("The readings' store is busy. Try again in a moment.")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Store, "commit", busy)
        button(page, "Commit").click().run()
    assert [error.value for error in page.error] == ["The readings' store is busy. Try again in a moment."]
    assert not page.exception
    button(page, "Commit").click().run()
    assert not page.error
    assert [reading.finding for reading in store.readings()] == ["none"]


def test_a_list_that_another_window_made_meanwhile_is_told(page, store, monkeypatch):
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Store, "worklists", lambda self: [])
        sit_down(page)
        button(page, f"{PRACTICE_FILMS} practice films").click().run()
    assert not page.exception
    assert any("Practice films" in error.value for error in page.error)


def test_a_film_that_is_not_at_hand_is_told(page, store):
    sit_down(page)
    store.add_film(FilmEntry("0" * 64, "lost.png", 10, 10))
    store.create_worklist("Lost", ["0" * 64], ["Anna"], seed=0)
    page.run()
    page.selectbox(key="list").set_value("Lost").run()
    assert not page.exception
    assert "'lost.png' was not kept" in words(page)


def test_films_left_out_of_a_new_list_are_told_on_the_page_once(page, store):
    sit_down(page)
    practised = film_of(store.film(open_film(page)), store).content
    brought = [("a.png", practised), ("b.png", practised), ("c.png", b"no film")]
    page.get("file_uploader")[0].set_value([(name, content, "image/png") for name, content in brought]).run()
    button(page, "Make the list").click().run()
    assert not page.exception
    assert "My films" in page.selectbox(key="list").options
    told = [each.value for each in page.main.warning]
    assert told[0] == "b.png: it is the same film as a.png, which is in the list once."
    assert told[1].startswith("c.png: ") and len(told) == 2
    page.run()
    assert not page.warning


@pytest.mark.parametrize("kind", ["cut", "stacked"])
def test_a_reader_is_told_that_a_film_is_truncated_or_one_frame_of_several(page, store, kind):
    picture = Image.fromarray(np.round(255 * radiograph(seed=3, region="leg").pixels).astype(np.uint8))
    stream = io.BytesIO()
    if kind == "cut":
        picture.save(stream, "JPEG", quality=95)
    else:
        picture.save(stream, "TIFF", save_all=True, append_images=[picture, picture])
    content = stream.getvalue()[: -4000 if kind == "cut" else None]
    entry = FilmEntry(hashlib.sha256(content).hexdigest(), "film", *picture.size)
    store.add_film(entry)
    store.keep_film(entry.sha256, content)
    store.add_reader("Anna")
    store.create_worklist("One", [entry.sha256], ["Anna"], seed=0)
    page.run()
    page.selectbox(key="reader").set_value("Anna").run()
    said = "Truncated: " if kind == "cut" else "Frame 0 of 3 (counted from 0)."
    assert said in words(page)
    assert "converted" not in words(page), "the steps of decoding are no concern of a reader's"
    button(page, "No fracture").click().run()
    button(page, "Commit").click().run()
    assert "You said:" in words(page)
    assert said in words(page)
    page.switch_page("reading/compare.py").run()
    assert not page.exception
    assert said in words(page)


def test_a_film_of_fracatlas_whose_file_was_replaced_is_told_and_not_shown(page, store, made_fracatlas, monkeypatch):
    root = made_fracatlas(4)
    monkeypatch.setenv("FRACTURE_DATA", str(root.parent))
    case = next(each for each in read_fracatlas(root).cases if each.label)
    content = case.path.read_bytes()
    entry = replace(film_entry(case.path), source=f"{FRACATLAS}:{case.id}")
    store.add_film(entry)
    store.add_reader("Anna")
    store.create_worklist("One", [entry.sha256], ["Anna"], seed=0)
    page.run()
    page.selectbox(key="reader").set_value("Anna").run()
    assert not page.warning
    assert film_of(entry, store).content == content
    case.path.write_bytes(content + b"another")
    page.run()
    assert [each.value for each in page.warning] == [
        f"The file '{entry.name}' of FracAtlas is not the film that this list was made with: put the publisher's "
        "file back into the folder that FRACTURE_DATA names. The readings of it are safe."
    ]
    store.keep_film(entry.sha256, content, reader="Anna")
    page.run()
    assert not page.warning, "what was kept is the film itself"
