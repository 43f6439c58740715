"""Committed readings in the store: how they are written, imported, found and tabled."""

from __future__ import annotations

import gc
import math
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, exists, func, insert, select

from fracture_core.annotations import films as film_rows
from fracture_core.annotations import trail
from fracture_core.annotations.readings import FINDINGS, Event, Reading, ReadingTable
from fracture_core.annotations.schema import films, marks, readings, worklist_films, worklists
from fracture_core.errors import FractureError
from fracture_core.marks import Mark

_later = readings.alias("later")
CURRENT = ~exists().where(_later.c.supersedes == readings.c.id)
"""Whether a reading is superseded by none."""

_TABLE = (
    readings.c.id,
    readings.c.film,
    films.c.name,
    readings.c.reader,
    readings.c.finding,
    readings.c.confidence,
    readings.c.n_marks,
    readings.c.aided,
    readings.c.seconds,
)


ROUNDED = 0.05
"""Pixels by which a file may have moved a mark that nobody moved: some formats round."""


def new_id() -> str:
    return uuid.uuid4().hex


def append(connection: Connection, fresh: Iterable[Reading]) -> None:
    """Write readings with their marks."""
    fresh = list(fresh)
    marked = [
        {"reading": reading.id, "position": position, "data": mark.to_dict()}
        for reading in fresh
        for position, mark in enumerate(reading.marks)
    ]
    if fresh:
        connection.execute(insert(readings), [_row(reading) for reading in fresh])
    if marked:
        connection.execute(insert(marks), marked)


def _row(reading: Reading) -> dict[str, Any]:
    return {
        "id": reading.id,
        "film": reading.film,
        "reader": reading.reader,
        "aided": reading.aided,
        "finding": reading.finding,
        "confidence": reading.confidence,
        "n_marks": len(reading.marks),
        "note": reading.note,
        "shown": reading.shown,
        "started": reading.started,
        "committed": reading.committed,
        "seconds": reading.seconds,
        "supersedes": reading.supersedes,
        "origin": reading.origin,
    }


def load(connection: Connection, *conditions: ColumnElement[bool]) -> list[Reading]:
    """The readings that meet all conditions on ``schema.readings``, oldest first: one query, one for their marks."""
    drawn: dict[str, list[Mark]] = {}
    query = select(marks.c.reading, marks.c.data).join(readings, readings.c.id == marks.c.reading)
    query = query.where(*conditions).order_by(marks.c.reading, marks.c.position)
    for reading, data in connection.execute(query).all():
        drawn.setdefault(reading, []).append(Mark.from_dict(data))
    rows = connection.execute(select(readings).where(*conditions).order_by(readings.c.committed, readings.c.id)).all()
    return [
        Reading(
            id=row.id,
            film=row.film,
            reader=row.reader,
            finding=row.finding,
            confidence=row.confidence,
            marks=tuple(drawn.get(row.id, ())),
            note=row.note,
            shown=row.shown,
            started=row.started,
            committed=row.committed,
            seconds=row.seconds,
            supersedes=row.supersedes,
            origin=row.origin,
        )
        for row in rows
    ]


def current(connection: Connection, film: str, reader: str, *, aided: bool) -> Reading | None:
    """The reading that stands for a film, reader and condition."""
    slot = (readings.c.film == film, readings.c.reader == reader, readings.c.aided == aided)
    return next(iter(load(connection, *slot, CURRENT)), None)


def in_worklist(name: str) -> ColumnElement[bool]:
    """The readings of a list's films, by whomever."""
    listed = select(worklist_films.c.film).join(worklists, worklists.c.id == worklist_films.c.worklist)
    return readings.c.film.in_(listed.where(worklists.c.name == name))


def table(connection: Connection, *conditions: ColumnElement[bool]) -> ReadingTable:
    """The current readings that meet all conditions, as columns; one query."""
    query = select(*_TABLE).join(films, films.c.sha256 == readings.c.film).where(CURRENT, *conditions)
    order = (films.c.name, readings.c.film, readings.c.reader, readings.c.aided)
    with _no_collection():
        rows = connection.execute(query.order_by(*order)).all()
        columns = list(zip(*rows, strict=True)) or [()] * len(_TABLE)
    reading, film, name, reader, finding, confidence, n_marks, aided, seconds = columns
    codes = {name: code for code, name in enumerate(FINDINGS)}
    return ReadingTable(
        reading=list(reading),
        film=list(film),
        name=list(name),
        reader=list(reader),
        finding=np.array([codes[word] for word in finding], np.int8),
        confidence=np.array(confidence, np.float32),  # None becomes NaN
        marks=np.array(n_marks, np.int32),
        aided=np.array(aided, bool),
        seconds=np.array(seconds, np.float64),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without Python's search for cycles: tens of thousands of rows set it off again and again, and hold none.

    It is a quarter of the time of a large table.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def count(connection: Connection) -> int:
    """How many readings there are, superseded ones too."""
    return int(connection.execute(select(func.count()).select_from(readings)).scalar_one())


def take_in(connection: Connection, incoming: Iterable[Reading], at: datetime) -> list[Reading]:
    """Append readings made elsewhere, in the order of their commitment; see ``Store.import_readings``."""
    incoming = sorted(incoming, key=lambda reading: reading.committed)
    names = {reading.reader for reading in incoming}
    film_rows.require(connection, wanted={reading.film for reading in incoming}, names=names)
    standing = {_slot(reading): reading for reading in load(connection, readings.c.reader.in_(names), CURRENT)}
    known = {
        reading.id: reading for reading in _by_id(connection, [reading.id for reading in incoming if reading.id])
    }
    fresh: list[Reading] = []
    for reading in incoming:
        before = standing.get(_slot(reading))
        if any(_same(there, reading) for there in (known.get(reading.id), before) if there):
            continue
        if before is not None and reading.committed < before.committed:
            raise FractureError(
                f"{reading.reader} has read film {reading.film[:12]}… later than the reading to import, which cannot "
                "correct it: import under another reader's name. Nothing was imported."
            )
        # a file edited elsewhere keeps its ids, and a table may number its readings film by film
        new = not reading.id or reading.id in known
        taken = replace(reading, id=new_id() if new else reading.id, supersedes=before.id if before else None)
        fresh.append(taken)
        known[taken.id] = taken
        standing[_slot(taken)] = taken
    append(connection, fresh)
    trail.record_all(
        connection,
        (
            Event(at, "imported", taken.film, taken.reader, {"reading": taken.id, "origin": taken.origin})
            for taken in fresh
        ),
    )
    return fresh


def _slot(reading: Reading) -> tuple[str, str, bool]:
    return reading.film, reading.reader, reading.aided


def _same(one: Reading, other: Reading) -> bool:
    """Whether two readings are of one film and say the same, whenever and by whichever file they came."""
    if _said(one) != _said(other):
        return False
    ours, theirs = ([place for mark in reading.marks for place in mark.outline] for reading in (one, other))
    return all(math.dist(here, there) <= ROUNDED for here, there in zip(ours, theirs, strict=True))


def _said(reading: Reading) -> tuple[object, ...]:
    """All that a reading says but where its marks lie."""
    drawn = [(mark.kind, mark.label, mark.note, len(mark.points)) for mark in reading.marks]
    return *_slot(reading), reading.finding, reading.confidence, drawn, reading.note, reading.shown


def _by_id(connection: Connection, ids: list[str]) -> Iterator[Reading]:
    for start in range(0, len(ids), film_rows.CHUNK):
        yield from load(connection, readings.c.id.in_(ids[start : start + film_rows.CHUNK]))
