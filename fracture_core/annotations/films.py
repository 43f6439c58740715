"""Films and readers in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fracture_core.annotations import trail
from fracture_core.annotations.readings import FilmEntry, StoreError, check_words
from fracture_core.annotations.schema import film_contents, films, readers
from fracture_core.errors import FractureError, UnknownName

CHUNK = 5000
"""Values in one IN (...): SQLite takes 32,766 at most (its limits, SQLITE_MAX_VARIABLE_NUMBER)."""

FILM_COLUMNS = tuple(
    films.c[name] for name in ("sha256", "name", "width", "height", "spacing_row", "spacing_column", "source")
)


def entry_of(row: Sequence[Any]) -> FilmEntry:
    """The film of a row that begins with ``FILM_COLUMNS``."""
    sha256, name, width, height, row_mm, column_mm, source = row[: len(FILM_COLUMNS)]
    return FilmEntry(sha256, name, width, height, None if row_mm is None else (row_mm, column_mm), source)


def add(connection: Connection, entries: Iterable[FilmEntry], at: datetime) -> None:
    """Add films. One that is there keeps its name; a spacing or source that was not known is filled in.

    Raises:
        StoreError: a film is there with another size.
    """
    wanted = {entry.sha256: entry for entry in entries}
    known = {entry.sha256: entry for entry in find(connection, wanted)}
    fresh = [_row(entry) | {"added": at} for sha256, entry in wanted.items() if sha256 not in known]
    _insert_missing(connection, films, fresh)
    for sha256, before in known.items():
        entry = wanted[sha256]
        if (entry.width, entry.height) != (before.width, before.height):
            raise StoreError(
                f"{entry.name} is stored with {before.width} × {before.height} pixels, now it has {entry.width} × "
                f"{entry.height}: its marks would not fit. Save the film as a new file and read that one."
            )
        if (entry.spacing and not before.spacing) or (entry.source and not before.source):
            row = _row(
                FilmEntry(
                    sha256,
                    before.name,
                    before.width,
                    before.height,
                    before.spacing or entry.spacing,
                    before.source or entry.source,
                )
            )
            connection.execute(update(films).where(films.c.sha256 == sha256).values(row))


def _row(entry: FilmEntry) -> dict[str, Any]:
    row_mm, column_mm = entry.spacing or (None, None)
    values = (entry.sha256, entry.name, entry.width, entry.height, row_mm, column_mm, entry.source)
    return {column.name: value for column, value in zip(FILM_COLUMNS, values, strict=True)}


def _insert_missing(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert those rows whose key is not there, though another window may be inserting them too; how many."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows).rowcount if rows else 0


def find(connection: Connection, wanted: Iterable[str]) -> list[FilmEntry]:
    """Those of the films, by SHA-256, that are there."""
    hashes = list(wanted)
    found: list[FilmEntry] = []
    for start in range(0, len(hashes), CHUNK):
        query = select(*FILM_COLUMNS).where(films.c.sha256.in_(hashes[start : start + CHUNK]))
        found += map(entry_of, connection.execute(query))
    return found


def require(connection: Connection, *, wanted: Iterable[str] = (), names: Iterable[str] = ()) -> None:
    """That films and readers are there.

    Raises:
        FractureError: a film is not.
        UnknownName: a reader is not.
    """
    hashes = set(wanted)
    missing = hashes - {entry.sha256 for entry in find(connection, hashes)}
    if missing:
        raise FractureError(
            f"The store does not know {len(missing)} of the films, such as {min(missing)[:12]}…: add them first."
        )
    known = set(all_readers(connection))
    for name in names:
        if name not in known:
            raise UnknownName("reader", name, known)


def add_reader(connection: Connection, name: str, at: datetime) -> str:
    """Add a reader, if not there, by the name without spaces around it."""
    name = name.strip()
    check_words(name)
    if not name:
        raise FractureError("A reader needs a name: type one.")
    _insert_missing(connection, readers, [{"name": name, "added": at}])
    return name


def all_readers(connection: Connection) -> list[str]:
    return list(connection.execute(select(readers.c.name).order_by(readers.c.name)).scalars())


def keep(connection: Connection, sha256: str, content: bytes, *, reader: str | None, at: datetime) -> None:
    """Keep a film's bytes.

    Raises:
        FractureError: they are not that film's.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise FractureError("These bytes are another film's: open the film again, then keep it.")
    require(connection, wanted=[sha256], names=[reader] if reader is not None else [])
    if _insert_missing(connection, film_contents, [{"film": sha256, "content": content}]):
        trail.record(connection, "film kept", at=at, film=sha256, reader=reader, detail={"bytes": len(content)})


def content(connection: Connection, sha256: str) -> bytes | None:
    held = connection.execute(select(film_contents.c.content).where(film_contents.c.film == sha256)).scalar()
    return None if held is None else bytes(held)


def forget(connection: Connection, sha256: str, *, reader: str | None, at: datetime) -> None:
    """Drop a film's bytes; the film and its readings stay."""
    require(connection, names=[reader] if reader is not None else [])
    if connection.execute(delete(film_contents).where(film_contents.c.film == sha256)).rowcount:
        trail.record(connection, "film forgotten", at=at, film=sha256, reader=reader)
