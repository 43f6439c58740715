"""The store keeps what it is given, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from annotation_writers import BOX, FILM, OTHER, OUTLINE, READERS, film_of
from sqlalchemy import event

from fracture_core.annotations import (
    FINDINGS,
    FilmEntry,
    Progress,
    Reading,
    StaleEdit,
    StoreError,
    blind_order,
    next_item,
    previous_item,
)
from fracture_core.annotations.store import Store
from fracture_core.errors import FractureError, UnknownName
from fracture_core.interchange import export_readings, import_readings, readable
from fracture_core.marks import Mark

pytest_plugins = ("annotation_stores",)
A, B = FILM.sha256, OTHER.sha256
NOON = datetime(2025, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def imported(film=A, reader="Anna", *, at=NOON, **changed):
    said = Reading("", film, reader, "fracture", 60, (BOX,), "", "nothing", at, at, 12.5, None, "a file")
    return replace(said, **changed)


def read(store, film, reader="Anna", *, shown="nothing", **said):
    return store.commit(replace(store.draft(film, reader, shown), **{"finding": "none", **said}))


def told(event_):
    return event_.kind, event_.reader


# Films and readers


def test_films_come_back_as_they_went_in(store):
    assert store.films() == [OTHER, FILM]  # by name
    assert store.film(A) == FILM
    with pytest.raises(FractureError, match="add them first"):
        store.film("c" * 64)


def test_a_film_added_again_learns_only_what_was_not_known(store):
    store.add_film(replace(OTHER, name="renamed.png", spacing=(0.2, 0.3), source="x/ankle.png"))
    assert store.film(B) == replace(OTHER, spacing=(0.2, 0.3), source="x/ankle.png")
    store.add_film(replace(FILM, spacing=None, source=""))
    assert store.film(A) == FILM
    with pytest.raises(StoreError, match="640 × 480 pixels, now it has 641 × 480"):
        store.add_film(replace(FILM, width=641))


def test_a_films_bytes_are_kept_only_when_asked(store):
    import hashlib

    content = bytes(range(256)) * 10
    film = FilmEntry(hashlib.sha256(content).hexdigest(), "own.png", 10, 10)
    store.add_film(film)
    assert store.film_content(film.sha256) is None
    store.keep_film(film.sha256, content, reader="Anna")
    store.keep_film(film.sha256, content, reader="Anna")
    assert store.film_content(film.sha256) == content
    with pytest.raises(FractureError, match="another film's"):
        store.keep_film(A, content)
    store.forget_film_content(film.sha256, reader="Boris")
    assert store.film_content(film.sha256) is None and store.film(film.sha256) == film
    assert list(map(told, store.history(film.sha256))) == [("film kept", "Anna"), ("film forgotten", "Boris")]


def test_readers_are_known_by_name(store):
    assert store.add_reader("  Zoë ") == "Zoë"
    store.add_reader("Zoë")
    assert store.readers() == ["Anna", "Boris", "Zoë"]
    with pytest.raises(FractureError, match="needs a name"):
        store.add_reader("  ")


# Drafts


def test_a_new_draft_is_empty_and_not_stored(store):
    draft = store.draft(A, "Anna", "nothing")
    assert (draft.finding, draft.marks, draft.seconds, draft.version, draft.updated) == (None, (), 0.0, 0, None)
    assert store.history(A) == []
    for film, reader, shown in ((A, "Nobody", "nothing"), ("c" * 64, "Anna", "nothing"), (A, "Anna", "all")):
        with pytest.raises(FractureError):
            store.draft(film, reader, shown)


def test_a_draft_comes_back_as_it_was_saved(store, opened):
    said = {"finding": "uncertain", "confidence": 0, "marks": (BOX, OUTLINE), "note": "Zoë: ≤ 2 mm", "seconds": 1 / 3}
    saved = store.save_draft(replace(store.draft(A, "Anna", "nothing"), **said))
    assert (saved.version, saved.updated.tzinfo) == (1, UTC)
    assert opened().draft(A, "Anna", "nothing") == saved
    again = store.save_draft(replace(saved, confidence=None, finding=None, marks=()))
    assert again.version == 2 and opened().draft(A, "Anna", "nothing") == again


def test_drafts_of_readers_films_and_conditions_are_apart(store):
    for film, reader, shown in (
        (A, "Anna", "nothing"),
        (A, "Anna", "heatmap"),
        (A, "Boris", "nothing"),
        (B, "Anna", "nothing"),
    ):
        store.save_draft(replace(store.draft(film, reader, shown), note=f"{film[0]} {reader} {shown}"))
    assert store.draft(A, "Anna", "nothing").note == "a Anna nothing"
    assert store.draft(A, "Anna", "prediction").note == "a Anna heatmap"
    assert store.draft(A, "Boris", "nothing").note == "a Boris nothing"
    assert store.draft(B, "Anna", "nothing").note == "b Anna nothing"


def test_what_was_shown_stays_shown(store):
    store.save_draft(store.draft(A, "Anna", "heatmap"))
    assert store.draft(A, "Anna", "prediction").shown == "heatmap"
    assert read(store, A, shown="prediction").shown == "heatmap"
    assert store.draft(A, "Anna", "prediction").shown == "heatmap"


def test_a_stale_save_is_refused_in_words_and_overwrites_nothing(store, opened):
    here = store.draft(A, "Anna", "nothing")
    there = opened()
    saved = there.save_draft(replace(there.draft(A, "Anna", "nothing"), marks=(BOX,)))
    words = rf"marked in another window at {saved.updated.astimezone():%H:%M}; open it again to see those marks"
    for late in (store.save_draft, store.commit):
        with pytest.raises(StaleEdit, match=words) as caught:
            late(replace(here, finding="none"))
        assert caught.value.when == saved.updated
    assert store.draft(A, "Anna", "nothing") == saved and store.readings() == []


def test_a_discarded_draft_is_gone_and_its_window_is_told(store):
    saved = store.save_draft(replace(store.draft(A, "Anna", "nothing"), marks=(BOX,)))
    store.discard(saved)
    assert store.draft(A, "Anna", "nothing").marks == ()
    with pytest.raises(StaleEdit, match="discarded in another window at"):
        store.save_draft(saved)
    store.discard(store.draft(A, "Anna", "nothing"))  # never saved: nothing to do
    fresh = store.save_draft(store.draft(A, "Anna", "nothing"))
    with pytest.raises(StaleEdit, match="marked in another window"):
        store.save_draft(saved)  # the version of a new draft is never that of an old one
    assert fresh.version > saved.version
    assert [entry.kind for entry in store.history(A)] == ["draft saved", "draft discarded", "draft saved"]


def test_days_later_the_refusal_names_the_day(opened):
    store = opened()
    store.add_film(FILM)
    store.add_reader("Anna")
    long_ago = Store(store._engine, clock=lambda: datetime(2020, 2, 3, 12, tzinfo=UTC))
    draft = store.draft(A, "Anna", "nothing")
    long_ago.save_draft(draft)
    with pytest.raises(StaleEdit, match=r"on 3 February at \d\d:00"):
        store.save_draft(draft)


# Readings


def test_a_commit_is_kept_as_it_was_said(store, opened):
    draft = store.save_draft(replace(store.draft(A, "Anna", "nothing"), marks=(BOX, OUTLINE), note="note"))
    reading = store.commit(replace(draft, finding="fracture", confidence=100, seconds=61.25))
    assert opened().readings() == [reading]
    assert (reading.marks, reading.note, reading.seconds) == ((BOX, OUTLINE), "note", 61.25)
    assert (reading.supersedes, reading.origin, reading.aided, reading.started) == (None, "", False, draft.started)
    assert reading.committed.tzinfo == UTC
    assert list(map(told, store.history(A))) == [("draft saved", "Anna"), ("committed", "Anna")]
    assert store.history(A)[1].detail["reading"] == reading.id
    assert store.history(A, "Boris") == [] and len(store.history(A, "Anna")) == 2


def test_a_second_commit_of_the_same_draft_is_refused_in_words(store, opened):
    draft = store.save_draft(replace(store.draft(A, "Anna", "nothing"), finding="fracture"))
    reading = store.commit(draft)
    words = re.escape(
        f"This film was committed in another window at {reading.committed.astimezone():%H:%M}; "
        "open it again to correct it."
    )
    for late in (opened().commit, store.commit, store.save_draft, store.discard):
        with pytest.raises(StaleEdit, match=words):
            late(draft)
    assert store.readings(superseded=True) == [reading]


def test_a_window_opened_before_the_first_save_is_stale_after_the_commit(store):
    early = store.draft(A, "Anna", "nothing")
    store.commit(replace(store.save_draft(early), finding="none"))
    with pytest.raises(StaleEdit, match="committed in another window"):
        store.save_draft(early)


def test_a_commit_needs_a_finding(store):
    draft = store.save_draft(store.draft(A, "Anna", "nothing"))
    with pytest.raises(FractureError, match="Choose a finding"):
        store.commit(draft)
    assert store.draft(A, "Anna", "nothing") == draft


def test_a_correction_starts_from_the_reading_and_supersedes_it(store):
    first = read(store, A, finding="fracture", confidence=70, marks=(BOX,), note="sure")
    draft = store.draft(A, "Anna", "nothing")
    assert (draft.finding, draft.confidence, draft.marks, draft.note) == ("fracture", 70, (BOX,), "sure")
    assert (draft.seconds, draft.updated) == (0.0, None)
    second = store.commit(replace(draft, finding="uncertain"))
    third = read(store, A, finding="none", marks=())
    assert (second.supersedes, third.supersedes) == (first.id, second.id)
    assert store.readings() == [third]
    assert store.readings(superseded=True) == [first, second, third]
    assert len(store.table()) == 1 and store.table().reading == [third.id]


def test_an_aided_reading_stands_beside_the_unaided_one_and_starts_from_it(store):
    unaided = read(store, A, finding="uncertain", marks=(BOX,))
    draft = store.draft(A, "Anna", "prediction")
    assert (draft.finding, draft.marks, draft.shown) == ("uncertain", (BOX,), "prediction")
    aided = store.commit(replace(draft, finding="fracture"))
    assert (aided.supersedes, aided.aided) == (None, True)
    assert store.readings() == [unaided, aided]
    assert store.draft(A, "Anna", "nothing").finding == "uncertain"


def test_two_corrections_at_once_one_stands(store, opened):
    read(store, A)
    there = opened()
    mine, theirs = store.draft(A, "Anna", "nothing"), there.draft(A, "Anna", "nothing")
    kept = there.commit(replace(theirs, finding="fracture"))
    with pytest.raises(StaleEdit, match="committed in another window"):
        store.commit(replace(mine, finding="uncertain"))
    assert store.readings() == [kept] and len(store.readings(superseded=True)) == 2


def test_readings_are_found_by_film_reader_and_list(store):
    made = [read(store, film, reader) for film in (A, B) for reader in READERS]
    store.create_worklist("one", [B], ["Anna"], seed=0)
    assert store.readings() == made
    assert store.readings(film=A) == made[:2]
    assert store.readings(reader="Boris") == made[1::2]
    assert store.readings(worklist="one") == made[2:]  # by whomever
    assert store.readings(film=A, reader="Anna") == made[:1]
    assert store.readings(film=A, worklist="one") == []
    for ask in (store.readings, store.table):
        with pytest.raises(UnknownName, match=r"Unknown work list 'two'\. Choose from: one"):
            ask(worklist="two")


# Import


def test_what_is_imported_comes_back_as_it_was(store, opened):
    east = timezone(timedelta(hours=5, minutes=30))
    (taken,) = store.import_readings([imported(at=NOON.astimezone(east), marks=(OUTLINE, BOX))])
    assert taken.id and opened().readings() == [taken]
    assert opened().readings()[0].committed == NOON
    assert [(told(entry), entry.detail["origin"]) for entry in store.history(A)] == [(("imported", "Anna"), "a file")]


def test_importing_the_same_again_changes_nothing(store):
    rows = [imported(), imported(B), imported(A, "Boris", finding="none", marks=())]
    assert len(store.import_readings(rows)) == 3
    assert store.import_readings(rows) == []
    assert store.import_readings(store.readings()) == []
    assert store.import_readings([]) == []
    assert len(store.readings(superseded=True)) == 3


@pytest.mark.parametrize("name", readable())
def test_an_export_comes_back_as_nothing_new_and_edited_as_a_correction(store, name):
    point = Mark("point", ((7.0, 8.0),), "fracture", "", "p")
    store.import_readings([imported(marks=(OUTLINE, point)), imported(B), imported(A, "Boris", marks=())])
    stands = {reading.id: reading for reading in store.readings()}

    def written(readings):
        films = {film: [reading for reading in readings if reading.film == film] for film in (A, B)}
        return import_readings(
            name,
            export_readings(name, [(store.film(film), read) for film, read in films.items()]).files,
            [store.film(A), store.film(B)],
        ).readings

    assert store.import_readings(written(stands.values())) == []
    (chosen,) = (reading for reading in stands.values() if reading.film == B)
    (edited,) = (reading for reading in written([replace(chosen, marks=(OUTLINE,))]) if reading.film == B)
    assert edited.id == chosen.id
    (taken,) = store.import_readings([edited])
    assert (taken.supersedes, [mark.kind for mark in taken.marks]) == (chosen.id, [OUTLINE.kind])
    assert taken.id != chosen.id
    assert store.import_readings([edited]) == [], "once is enough"
    assert store.import_readings(written(stands.values())) == [], "an old file takes nothing back"


def test_ids_that_a_table_gives_film_by_film_lose_no_film(store):
    taken = store.import_readings([imported(id="1"), imported(B, id="1"), imported(A, "Boris", id="1")])
    assert sorted((reading.film, reading.reader) for reading in store.readings()) == sorted(
        [(A, "Anna"), (B, "Anna"), (A, "Boris")]
    )
    assert len({reading.id for reading in taken}) == 3


def test_imports_are_chained_by_time_whatever_their_order(store, opened):
    later = imported(id="second", finding="none", at=NOON + timedelta(days=1), supersedes="elsewhere")
    taken = store.import_readings([later, imported(id="first")])
    assert [(reading.id, reading.supersedes) for reading in taken] == [("first", None), ("second", "first")]
    assert [reading.id for reading in opened().readings()] == ["second"]
    correction = read(store, A)
    assert correction.supersedes == "second"
    with pytest.raises(FractureError, match=r"import under another reader's name\. Nothing was imported"):
        store.import_readings([imported(B), imported(note="older than what stands")])
    assert store.readings(film=B) == []


def test_an_import_needs_its_films_and_readers(store):
    with pytest.raises(FractureError, match="does not know 1 of the films"):
        store.import_readings([imported(), imported("c" * 64)])
    with pytest.raises(UnknownName, match=r"Unknown reader 'Nobody'\. Choose from: Anna, Boris"):
        store.import_readings([imported(), imported(reader="Nobody")])
    assert store.readings() == []


# Work lists


@pytest.fixture
def listed(store):
    films = [film_of(number) for number in range(30)]
    store.add_films(films)
    store.create_worklist("thirty", [film.sha256 for film in films], READERS, seed=7)
    return [film.sha256 for film in films]


def test_the_blind_order_is_the_same_for_ever():
    """Written down once: another NumPy, Python or machine must draw the same."""
    assert blind_order(8, seed=7, reader="Anna").tolist() == GOLDEN
    assert sorted(blind_order(1000, seed=1, reader="Zoë")) == list(range(1000))
    assert blind_order(8, seed=8, reader="Anna").tolist() != GOLDEN
    assert blind_order(8, seed=7, reader="Boris").tolist() != GOLDEN


GOLDEN = [2, 1, 5, 4, 0, 6, 7, 3]


def test_each_reader_has_an_order_of_their_own_that_stays(store, listed, opened):
    orders = [[item.film.sha256 for item in store.items("thirty", reader)] for reader in READERS]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(listed)
    assert orders[0] != orders[1] and listed not in orders
    assert [item.film.sha256 for item in opened().items("thirty", "Anna")] == orders[0]
    assert orders[0] == [listed[place] for place in blind_order(30, seed=7, reader="Anna")]


def test_a_list_shows_how_far_each_reader_is(store, listed):
    read(store, listed[0])
    read(store, listed[1], shown="prediction")
    store.save_draft(store.draft(listed[2], "Anna", "nothing"))
    store.save_draft(store.draft(listed[0], "Anna", "nothing"))  # a correction under way: still committed
    store.discard(store.save_draft(store.draft(listed[3], "Anna", "nothing")))
    read(store, listed[0], "Boris")
    read(store, A)  # not on the list
    status = {item.film.sha256: item.status for item in store.items("thirty", "Anna")}
    assert [status[film] for film in listed[:4]] == ["committed", "committed", "draft", "open"]
    assert store.progress("thirty", "Anna") == Progress(total=30, committed=2, drafts=1)
    assert store.progress("thirty", "Anna", aided=True) == Progress(30, 1, 0)
    assert store.progress("thirty", "Anna", aided=False) == Progress(30, 1, 1)
    assert store.progress("thirty", "Boris") == Progress(30, 1, 0)
    aided = [item.film.sha256 for item in store.items("thirty", "Anna", aided=True) if item.status != "open"]
    assert aided == [listed[1]]


def test_assignments_are_on_the_films_trail(store, listed):
    assert list(map(told, store.history(listed[5]))) == [("assigned", "Anna"), ("assigned", "Boris")]
    assert list(map(told, store.history(listed[5], "Boris"))) == [("assigned", "Boris")]
    assert store.history(A) == []
    store.add_reader("Chen")
    store.assign("thirty", ["Chen", "Anna"])
    assert [entry.reader for entry in store.history(listed[5])] == ["Anna", "Boris", "Chen"]
    (only,) = store.worklists()
    assert (only.name, only.seed, only.films, only.readers) == ("thirty", 7, 30, ("Anna", "Boris", "Chen"))


def test_a_list_that_cannot_be_is_refused_in_words(store, listed):
    for name, films, readers, words in (
        ("thirty", [A], ["Anna"], "There is a work list 'thirty' already"),
        ("x", [], ["Anna"], "at least one film"),
        ("x", [A], [], "at least one reader"),
        ("x", [A, "c" * 64], ["Anna"], "does not know 1 of the films"),
        ("x", [A], ["Nobody"], "Unknown reader 'Nobody'"),
    ):
        with pytest.raises(FractureError, match=words):
            store.create_worklist(name, films, readers, seed=0)
    assert [made.name for made in store.worklists()] == ["thirty"]
    store.create_worklist("twice", [A, A, B], ["Boris"], seed=0)
    assert len(store.items("twice", "Boris")) == 2
    for ask in (store.items, store.progress):
        with pytest.raises(FractureError, match="not given to Anna: assign it first"):
            ask("twice", "Anna")
        with pytest.raises(UnknownName, match="Choose from: thirty, twice"):
            ask("none", "Anna")


def test_next_and_previous_by_hand(store, listed):
    order = [item.film.sha256 for item in store.items("thirty", "Anna")]
    for film in (order[0], order[2], order[29]):
        read(store, film)
    items = store.items("thirty", "Anna")
    assert next_item(items) == items[0] and previous_item(items) == items[29]
    assert next_item(items, order[0]) == items[1] and previous_item(items, order[1]) == items[0]
    assert next_item(items, order[29]) is None and previous_item(items, order[0]) is None
    assert next_item(items, pending=True) == items[1]
    assert next_item(items, order[1], pending=True) == items[3]
    assert next_item(items, order[28], pending=True) == items[1]  # round the end
    assert previous_item(items, order[1], pending=True) == items[28]
    done = [item._replace(status="committed") for item in items]
    assert next_item(done, order[3], pending=True) is None
    with pytest.raises(FractureError, match="not in this work list"):
        next_item(items, A)


# The table, and its cost


def test_the_table_holds_what_was_read(store):
    read(store, A, finding="fracture", confidence=40, marks=(BOX, OUTLINE), seconds=2.5)
    read(store, A, shown="heatmap", finding="uncertain", confidence=None, marks=(BOX,))
    read(store, B, "Boris")
    store.create_worklist("one", [A], ["Boris"], seed=0)
    table = store.table()
    assert table.name == ["ankle.png", "wrist.png", "wrist.png"]  # by name, reader, condition
    assert (table.film, table.reader) == ([B, A, A], ["Boris", "Anna", "Anna"])
    assert [FINDINGS[code] for code in table.finding] == ["none", "fracture", "uncertain"]
    np.testing.assert_array_equal(table.confidence, np.array([np.nan, 40, np.nan], np.float32))
    assert table.marks.tolist() == [0, 2, 1] and table.aided.tolist() == [False, False, True]
    assert table.seconds.tolist()[1] == 2.5
    assert store.table("one").film == [A, A]


def test_an_empty_table_has_its_columns(store):
    store.create_worklist("unread", [A], ["Anna"], seed=0)
    for table in (store.table(), store.table("unread")):
        assert len(table) == 0 and table.film == []
        assert (table.finding.dtype, table.confidence.dtype, table.aided.dtype) == (np.int8, np.float32, np.bool_)


def queries(store, ask):
    """What an answer asks of the database, transactions' begin and end aside."""
    seen = []

    def note(connection, cursor, statement, *_):
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        return ask(), len(seen)
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


@pytest.mark.slow
def test_ten_thousand_films_cost_one_query_each(opened):
    """Times are printed by ``scripts.bench_annotations``; what they rest on is held here."""
    from scripts.bench_annotations import LIST, fill

    store = opened()
    films = fill(store, 10_000)
    items, asked = queries(store, lambda: store.items(LIST, "Anna"))
    assert asked == 1 and {item.film.sha256 for item in items} == {film.sha256 for film in films}
    progress, asked = queries(store, lambda: store.progress(LIST, "Anna"))
    assert asked == 1 and progress == Progress(10_000, 10_000, 0)
    table, asked = queries(store, lambda: store.table(LIST))
    assert asked == 1 and len(table) == 30_000 and 30_000 < table.marks.sum() < 60_000
    assert store.count() == 30_000
    readings, asked = queries(store, store.readings)
    assert asked == 2 and len(readings) == 30_000


def test_no_answer_walks_all_readings(tmp_path):
    """SQLite's own plan: the lists and the table look readings up by index, never by walking them for each film."""
    from fracture_core.annotations import open_store
    from scripts.bench_annotations import LIST, fill

    with open_store(str(tmp_path / "a.db")) as store:
        fill(store, 20)
        plans = []

        def explain(connection, cursor, statement, parameters, *_):
            if statement.startswith("SELECT"):
                probe = cursor.connection.cursor()
                plans.append([row[3] for row in probe.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)])

        event.listen(store._engine, "before_cursor_execute", explain)
        store.items(LIST, "Anna")
        store.progress(LIST, "Anna", aided=False)
        store.table(LIST)
        store.draft(film_of(3).sha256, "Anna", "nothing")
    steps = [step for plan in plans for step in plan]
    assert len(plans) >= 4 and not [step for step in steps if re.match("SCAN (readings|films|drafts|marks)", step)]
    searches = [step for step in steps if step.startswith("SEARCH readings")]
    assert searches and all("film=?" in step or "(id=?)" in step for step in searches)
