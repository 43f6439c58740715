"""Readings and drafts are checked when made; stores are found, opened, migrated, or refused in words."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from annotation_writers import BOX, FILM, READERS
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from fracture_core.annotations import Draft, FilmEntry, Reading, StoreError, data_folder, open_store
from fracture_core.annotations.engine import engine_for, reading, upgrade, writing
from fracture_core.annotations.migrations import HEAD, VERSION_TABLE
from fracture_core.annotations.schema import APPEND_ONLY, metadata
from fracture_core.errors import FractureError
from fracture_core.marks import Mark

pytest_plugins = ("annotation_stores",)
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent


def made_draft(**changed):
    said = {"finding": None, "confidence": None, "marks": (), "note": "", "shown": "nothing", "seconds": 0.0}
    return Draft(film=FILM.sha256, reader="Anna", started=NOON, version=0, **{**said, **changed})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"finding": "broken"}, "Unknown finding 'broken'. Choose from: fracture, none, uncertain."),
        ({"confidence": 101}, "0 to 100"),
        ({"confidence": -1}, "0 to 100"),
        ({"confidence": 50.5}, "whole number"),
        ({"shown": "everything"}, "Choose from: heatmap, nothing, prediction."),
        ({"seconds": -1.0}, "0 seconds or more"),
        ({"seconds": float("nan")}, "0 seconds or more"),
        ({"note": "a\0b"}, "cannot be stored"),
        ({"note": "half a pair \ud83d"}, "cannot be stored"),
        ({"marks": (Mark("point", ((1.0, 1.0),), note="\0"),)}, "cannot be stored"),
    ],
)
def test_a_draft_says_what_does_not_fit(changed, words):
    with pytest.raises(FractureError, match=re.escape(words)):
        made_draft(**changed)


def test_times_without_a_zone_are_a_mistake_of_the_caller():
    with pytest.raises(AssertionError):
        Reading("", FILM.sha256, "Anna", "none", None, (), "", "nothing", datetime(2025, 3, 1), NOON, 1.0)


@pytest.mark.parametrize("shown", ["prediction", "heatmap"])
def test_a_reading_is_aided_once_anything_was_shown(shown):
    assert made_draft(shown=shown).aided
    assert not made_draft().aided


@pytest.mark.parametrize(
    "changed",
    [{"sha256": "A" * 64}, {"sha256": "a" * 63}, {"width": 0}, {"spacing": (0.1, 0.0)}, {"name": "a\0"}],
)
def test_a_film_that_is_none_is_refused(changed):
    with pytest.raises(FractureError):
        FilmEntry(**{"sha256": "a" * 64, "name": "x", "width": 1, "height": 1, **changed})


def test_importing_is_light():
    code = (
        "import sys, fracture_core.annotations as annotations; annotations.open_store\n"
        "print(sorted({'sqlalchemy', 'alembic', 'pg8000', 'torch', 'streamlit'} & set(sys.modules)))\n"
        "annotations.Store; print('sqlalchemy' in sys.modules, 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.split("\n")[:2] == ["[]", "True False"]


def test_the_default_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("FRACTURE_HOME", raising=False)
    monkeypatch.delenv("FRACTURE_DB_URL", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert data_folder() == tmp_path / "data" / "fracture-reading-room"
    monkeypatch.setenv("FRACTURE_HOME", str(tmp_path / "named"))
    with open_store() as store:
        store.add_reader("Anna")
    assert (tmp_path / "named" / "annotations.db").is_file()
    monkeypatch.setenv("FRACTURE_DB_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with open_store() as store:
        assert store.readers() == []
    assert (tmp_path / "elsewhere.db").is_file()


@pytest.mark.parametrize(("platform", "part"), [("darwin", "Application Support"), ("win32", "AppData")])
def test_every_platform_has_its_place(monkeypatch, platform, part):
    monkeypatch.delenv("FRACTURE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert part in data_folder().parts and data_folder().name == "fracture-reading-room"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+pg8000"])
def test_every_postgresql_address_goes_to_pg8000(scheme):
    engine = engine_for(f"{scheme}://anna:secret@example/films?sslmode=require")
    assert engine.dialect.driver == "pg8000"
    assert engine.url.query == {}
    assert "secret" not in str(engine.url)


def test_sqlite_is_set_up_to_lose_nothing(tmp_path):
    open_store(str(tmp_path / "a.db")).close()
    with reading(engine_for(str(tmp_path / "a.db"))) as connection:
        told = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert told == PRAGMAS


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 20_000}


def refused(place):
    with pytest.raises(StoreError) as caught:
        open_store(place)
    return str(caught.value)


def test_a_place_that_is_no_place_is_refused_in_words(tmp_path):
    (tmp_path / "file").write_text("a file, not a folder")
    assert "check that its folder may be read and written" in refused(str(tmp_path / "file" / "annotations.db"))
    assert "cannot be opened" in refused(str(tmp_path))
    assert "write sqlite:///folder/annotations.db" in refused("sqlite://")
    assert "not in 'mysql'" in refused("mysql://host/films")
    assert "postgresql://host/name" in refused("://")


def test_a_damaged_file_is_refused_in_words_and_left_alone(tmp_path):
    path = tmp_path / "annotations.db"
    path.write_bytes(b"no database at all" * 500)
    assert "is damaged: put a copy of it in its place, or move it away" in refused(str(path))
    assert path.read_bytes() == b"no database at all" * 500


def test_a_file_that_cannot_be_written_is_read_but_not_written(tmp_path):
    open_store(str(tmp_path / "a.db")).close()
    with (
        open_store(f"sqlite:///file:{tmp_path / 'a.db'}?mode=ro&uri=true") as store,
        pytest.raises(StoreError, match="allow writing to the file and its folder"),
    ):
        assert store.readers() == []
        store.add_reader("Anna")


def test_another_programs_file_is_refused_and_left_alone(tmp_path):
    with create_engine(f"sqlite:///{tmp_path / 'a.db'}").begin() as connection:
        connection.execute(text("CREATE TABLE patients (name TEXT)"))
    assert "another program's tables (patients)" in refused(str(tmp_path / "a.db"))


def test_a_server_that_is_down_is_named(postgresql):
    words = refused(f"postgresql://tester@127.0.0.1:{1}/films")
    assert words.startswith("The annotation store (PostgreSQL database 'films' on 127.0.0.1) does not answer: start")
    words = refused(f"postgresql://tester:secret@127.0.0.1:{postgresql.port}/nowhere")
    assert "does not exist: create it" in words and "secret" not in words
    words = refused(f"postgresql://nobody@127.0.0.1:{postgresql.port}/postgres")
    assert "refuses this user or password" in words


def test_a_newer_store_is_refused(store_url):
    open_store(store_url).close()
    with writing(engine_for(store_url)) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    assert "newer version of this program (its tables are at step 9999" in refused(store_url)


def test_the_newest_migration_is_the_one_named_and_the_steps_are_one_line():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(ROOT / "fracture_core" / "annotations" / "migrations"))
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [step.revision for step in steps] == [f"{number:04}" for number in range(len(steps), 0, -1)]
    assert steps[0].revision == HEAD


def test_the_migrations_make_the_tables_of_the_schema(store_url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    open_store(store_url).close()
    with reading(engine_for(store_url)) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_a_first_store_is_brought_up_to_date_with_its_data(store_url):
    engine = engine_for(store_url)
    upgrade(engine, "0001")
    values = {"film": FILM.sha256, "mark": '{"kind": "point", "points": [[1.5, 2.5]]}', "at": "2025-03-01 12:00:00"}
    with writing(engine) as connection:
        for statement in (
            "INSERT INTO films VALUES (:film, 'wrist.png', 640, 480, 0.1, 0.2, '', '2025-03-01 12:00:00')",
            "INSERT INTO readers VALUES ('Anna', '2025-03-01 12:00:00')",
            "INSERT INTO readings VALUES ('r1', :film, 'Anna', false, 'fracture', 70, 1, '', 'nothing',"
            " '2025-03-01 11:59:00', '2025-03-01 12:00:00', 42.5, NULL, '')",
            "INSERT INTO marks VALUES ('r1', 0, :mark)",
        ):
            bound = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), bound)
    engine.dispose()
    with open_store(store_url) as store:
        assert store.film(FILM.sha256).spacing == (0.1, 0.2)
        (kept,) = store.readings()
        assert (kept.id, kept.finding, kept.confidence, kept.seconds) == ("r1", "fracture", 70, 42.5)
        assert kept.marks == (Mark("point", ((1.5, 2.5),)),)
        assert kept.committed.utcoffset().total_seconds() == 0
        assert store.commit(store.draft(FILM.sha256, "Anna", "nothing")).supersedes == "r1"


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_rewrite_the_past(store, store_url, table, change):
    draft = store.draft(FILM.sha256, "Anna", "nothing")
    store.commit(Draft(**{**vars(draft), "finding": "fracture", "marks": (BOX,)}))
    before = store.readings(), store.history(FILM.sha256)
    column = metadata.tables[table].columns.values()[0].name
    engine = create_engine(engine_for(store_url).url)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change.format(table, column, column)))
    engine.dispose()
    assert (store.readings(), store.history(FILM.sha256)) == before


def test_a_fresh_store_knows_its_readers(store):
    assert store.readers() == sorted(READERS)
