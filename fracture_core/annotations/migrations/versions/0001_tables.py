"""Films, readers, readings with their marks, drafts, work lists and the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    moment, film, reading = sa.DateTime(timezone=True), sa.String(64), sa.Text
    serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "films",
        sa.Column("sha256", film, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("spacing_row", sa.Float(53)),
        sa.Column("spacing_column", sa.Float(53)),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("added", moment, nullable=False),
    )
    op.create_table(
        "film_contents",
        sa.Column("film", film, sa.ForeignKey("films.sha256"), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "readers", sa.Column("name", sa.Text, primary_key=True), sa.Column("added", moment, nullable=False)
    )
    op.create_table(
        "readings",
        sa.Column("id", reading, primary_key=True),
        sa.Column("film", film, sa.ForeignKey("films.sha256"), nullable=False),
        sa.Column("reader", sa.Text, sa.ForeignKey("readers.name"), nullable=False),
        sa.Column("aided", sa.Boolean, nullable=False),
        sa.Column("finding", sa.String(16), nullable=False),
        sa.Column("confidence", sa.Integer),
        sa.Column("n_marks", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("shown", sa.String(16), nullable=False),
        sa.Column("started", moment, nullable=False),
        sa.Column("committed", moment, nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("supersedes", reading),
        sa.Column("origin", sa.Text, nullable=False),
        sa.CheckConstraint("finding IN ('fracture', 'none', 'uncertain')", name="readings_finding"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 100", name="readings_confidence"),
        sa.CheckConstraint("aided = (shown <> 'nothing')", name="readings_aided"),
        sa.UniqueConstraint("supersedes", name="readings_superseded_once"),
        sa.UniqueConstraint("film", "reader", "aided", "id", name="readings_slot"),
        sa.ForeignKeyConstraint(
            ["supersedes", "film", "reader", "aided"],
            ["readings.id", "readings.film", "readings.reader", "readings.aided"],
            name="readings_supersede_their_own",
        ),
    )
    first = sa.text("supersedes IS NULL")
    op.create_index(
        "readings_first",
        "readings",
        ["film", "reader", "aided"],
        unique=True,
        sqlite_where=first,
        postgresql_where=first,
    )
    op.create_index("readings_reader", "readings", ["reader"])
    op.create_table(
        "marks",
        sa.Column("reading", reading, sa.ForeignKey("readings.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("film", film, sa.ForeignKey("films.sha256"), primary_key=True),
        sa.Column("reader", sa.Text, sa.ForeignKey("readers.name"), primary_key=True),
        sa.Column("aided", sa.Boolean, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("updated", moment, nullable=False),
        sa.Column("finding", sa.String(16)),
        sa.Column("confidence", sa.Integer),
        sa.Column("marks", sa.JSON),
        sa.Column("note", sa.Text),
        sa.Column("shown", sa.String(16)),
        sa.Column("started", moment),
        sa.Column("seconds", sa.Float(53)),
        sa.CheckConstraint("state IN ('open', 'committed', 'discarded')", name="drafts_state"),
    )
    op.create_table(
        "worklists",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("created", moment, nullable=False),
        sa.UniqueConstraint("name", name="worklists_name"),
    )
    op.create_table(
        "worklist_films",
        sa.Column("worklist", sa.Integer, sa.ForeignKey("worklists.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("film", film, sa.ForeignKey("films.sha256"), nullable=False),
        sa.UniqueConstraint("film", "worklist", name="worklist_films_once"),
    )
    op.create_table(
        "worklist_readers",
        sa.Column("worklist", sa.Integer, sa.ForeignKey("worklists.id"), primary_key=True),
        sa.Column("reader", sa.Text, sa.ForeignKey("readers.name"), primary_key=True),
    )
    op.create_table(
        "events",
        sa.Column("id", serial, primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("film", film, sa.ForeignKey("films.sha256")),
        sa.Column("reader", sa.Text, sa.ForeignKey("readers.name")),
        sa.Column("worklist", sa.Integer, sa.ForeignKey("worklists.id")),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    op.create_index("events_film", "events", ["film", "reader"])
    op.create_index("events_worklist", "events", ["worklist"])
