"""The tables. ``migrations`` makes them; a test holds both against each other.

Readings, their marks and the audit trail only ever grow: triggers refuse any change (migration 0002).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class Moment(TypeDecorator[datetime]):
    """An aware time, kept in UTC; SQLite, which knows no zones, holds it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()
_film = String(64)
_id = Text
_serial = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself only in an INTEGER key

films = Table(
    "films",
    metadata,
    Column("sha256", _film, primary_key=True),
    Column("name", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("spacing_row", Float(53)),
    Column("spacing_column", Float(53)),
    Column("source", Text, nullable=False),
    Column("added", Moment, nullable=False),
)

film_contents = Table(
    "film_contents",
    metadata,
    Column("film", _film, ForeignKey("films.sha256"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

readers = Table(
    "readers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("added", Moment, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    Column("id", _id, primary_key=True),
    Column("film", _film, ForeignKey("films.sha256"), nullable=False),
    Column("reader", Text, ForeignKey("readers.name"), nullable=False),
    Column("aided", Boolean, nullable=False),
    Column("finding", String(16), nullable=False),
    Column("confidence", Integer),
    Column("n_marks", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("shown", String(16), nullable=False),
    Column("started", Moment, nullable=False),
    Column("committed", Moment, nullable=False),
    Column("seconds", Float(53), nullable=False),
    Column("supersedes", _id),
    Column("origin", Text, nullable=False),
    CheckConstraint("finding IN ('fracture', 'none', 'uncertain')", name="readings_finding"),
    CheckConstraint("confidence BETWEEN 0 AND 100", name="readings_confidence"),
    CheckConstraint("aided = (shown <> 'nothing')", name="readings_aided"),
    # One first reading, and one correction of each: of two at once, the database lets one through.
    Index(
        "readings_first",
        "film",
        "reader",
        "aided",
        unique=True,
        sqlite_where=text("supersedes IS NULL"),
        postgresql_where=text("supersedes IS NULL"),
    ),
    UniqueConstraint("supersedes", name="readings_superseded_once"),
    # A correction stays with its film, reader and condition.
    UniqueConstraint("film", "reader", "aided", "id", name="readings_slot"),
    ForeignKeyConstraint(
        ["supersedes", "film", "reader", "aided"],
        ["readings.id", "readings.film", "readings.reader", "readings.aided"],
        name="readings_supersede_their_own",
    ),
    Index("readings_reader", "reader"),
)

marks = Table(
    "marks",
    metadata,
    Column("reading", _id, ForeignKey("readings.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("data", JSON, nullable=False),
)

drafts = Table(
    "drafts",
    metadata,
    Column("film", _film, ForeignKey("films.sha256"), primary_key=True),
    Column("reader", Text, ForeignKey("readers.name"), primary_key=True),
    Column("aided", Boolean, primary_key=True),
    # A closed draft leaves its version behind, empty, so that a window still open on it is told from a new one.
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("updated", Moment, nullable=False),
    Column("finding", String(16)),
    Column("confidence", Integer),
    Column("marks", JSON(none_as_null=True)),
    Column("note", Text),
    Column("shown", String(16)),
    Column("started", Moment),
    Column("seconds", Float(53)),
    CheckConstraint("state IN ('open', 'committed', 'discarded')", name="drafts_state"),
)

worklists = Table(
    "worklists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("created", Moment, nullable=False),
    UniqueConstraint("name", name="worklists_name"),
)

worklist_films = Table(
    "worklist_films",
    metadata,
    Column("worklist", Integer, ForeignKey("worklists.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("film", _film, ForeignKey("films.sha256"), nullable=False),
    UniqueConstraint("film", "worklist", name="worklist_films_once"),
)

worklist_readers = Table(
    "worklist_readers",
    metadata,
    Column("worklist", Integer, ForeignKey("worklists.id"), primary_key=True),
    Column("reader", Text, ForeignKey("readers.name"), primary_key=True),
)

events = Table(
    "events",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("film", _film, ForeignKey("films.sha256")),
    Column("reader", Text, ForeignKey("readers.name")),
    Column("worklist", Integer, ForeignKey("worklists.id")),
    Column("detail", JSON, nullable=False),
    Index("events_film", "film", "reader"),
    Index("events_worklist", "worklist"),
)

APPEND_ONLY = ("readings", "marks", "events")
