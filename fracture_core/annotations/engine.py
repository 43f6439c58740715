"""How a store is reached, and how its tables are brought up to date."""

from __future__ import annotations

import logging
import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text

from fracture_core.annotations.migrations import HEAD, VERSION_TABLE
from fracture_core.annotations.readings import StaleEdit, StoreError
from fracture_core.annotations.schema import metadata
from fracture_core.annotations.trouble import in_words

BUSY_SECONDS = 20
"""How long to wait for another writer before saying that the store is busy."""

SILENCE_SECONDS = BUSY_SECONDS + 10
"""How long to wait for a word from a PostgreSQL server before taking it for gone."""

DRIVER = "postgresql+pg8000"
ENCRYPTED = ("require", "verify-ca", "verify-full")
_UPGRADING = 0x6672_6163  # any number will do: the same for all who bring one database up to date

log = logging.getLogger(__name__)


def engine_for(place: str) -> Engine:
    """An engine for a URL, or for the path of an SQLite file; nothing is opened yet.

    Raises:
        StoreError: it is no URL of SQLite or PostgreSQL, or its folder cannot be made.
    """
    if "://" not in place:
        return _sqlite(URL.create("sqlite", database=str(Path(place).expanduser())))
    try:
        url = make_url(place)
    except exc.ArgumentError as error:
        raise StoreError("FRACTURE_DB_URL is no address of a database: write postgresql://host/name.") from error
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return _postgresql(url)
    if backend != "sqlite":
        raise StoreError(
            f"Annotations are kept in SQLite or PostgreSQL, not in '{backend}': correct FRACTURE_DB_URL."
        )
    return _sqlite(url)


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise StoreError("Annotations are kept in a file: write sqlite:///folder/annotations.db.")
    try:
        if not str(url.database).startswith("file:"):  # SQLite's own addresses, such as file:/x.db?mode=ro
            Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(in_words(sqlite3.OperationalError("unable to open"), url)) from error
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _settle)
    # A transaction that reads and then writes would fail where another wrote in between: writers begin as writers.
    event.listen(engine, "begin", lambda on: on.exec_driver_sql("BEGIN IMMEDIATE" if _writes(on) else "BEGIN"))
    return engine


def _settle(connection: sqlite3.Connection, _: object) -> None:
    """Nothing acknowledged is lost, whatever happens to the program or its power; readers never wait."""
    connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where sqlite3 guesses
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: past the disk's own cache too
    until = time.monotonic() + BUSY_SECONDS
    while True:  # the very first change to WAL does not heed busy_timeout
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _postgresql(url: URL) -> Engine:
    """By pg8000, whatever driver the URL names; libpq's ``sslmode`` becomes what pg8000 takes."""
    query = dict(url.query)
    mode = query.pop("sslmode", "")
    options: dict[str, Any] = {"timeout": SILENCE_SECONDS}
    if mode in ENCRYPTED:
        context = ssl.create_default_context()
        context.check_hostname = mode == "verify-full"
        if mode == "require":  # encrypted, as in libpq, without asking who answers
            context.verify_mode = ssl.CERT_NONE
        options["ssl_context"] = context
    engine = create_engine(
        url.set(drivername=DRIVER, query=query), connect_args=options, pool_pre_ping=True, hide_parameters=True
    )
    event.listen(engine, "begin", _limit_waiting)
    return engine


def _limit_waiting(connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes"))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the store.

    Raises:
        StoreError: the database failed, in words.
    """
    with _in_words(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is kept whole, and safely on disk when this returns, or not at all.

    Raises:
        StaleEdit: another transaction wrote the same at the same time, and came first.
        StoreError: the database failed, in words.
    """
    with _in_words(engine), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def _in_words(engine: Engine) -> Iterator[None]:
    try:
        yield
    except exc.IntegrityError as error:
        raise StaleEdit("This was changed in another window at the same moment; open it again.") from error
    except (exc.DBAPIError, exc.TimeoutError, OSError) as error:
        log.warning("annotation store: %s", type(error).__name__)
        raise StoreError(in_words(error, engine.url)) from error


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Make the tables, or bring them up to ``revision``, wholly or not at all; any number may try at once.

    Raises:
        StoreError: the tables come from a newer program, or are another program's.
    """
    with reading(engine) as connection:
        if stored_revision(connection) == revision:
            return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADING})
        if stored_revision(connection) != revision:
            _check_ours(connection)
            _migrate(connection, revision)


def stored_revision(connection: Connection) -> str | None:
    """The newest migration that the database has had; None before the first.

    Raises:
        StoreError: one that this program does not know.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    stored = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    if stored is not None and stored > HEAD:
        raise StoreError(
            f"The annotation store was written by a newer version of this program (its tables are at step {stored}, "
            f"this one knows {HEAD}): update the program, or use another store."
        )
    return stored


def _check_ours(connection: Connection) -> None:
    """A PostgreSQL database may serve others beside us; an SQLite file is ours alone."""
    tables = set(inspect(connection).get_table_names())
    foreign = tables if connection.dialect.name == "sqlite" else tables & set(metadata.tables)
    if foreign and VERSION_TABLE not in tables:
        raise StoreError(
            f"The database holds another program's tables ({', '.join(sorted(foreign)[:3])}): give the annotations "
            "one of their own in FRACTURE_DB_URL."
        )


def _migrate(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
