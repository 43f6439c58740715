"""Work lists: films given to readers, each in an order of their own that nobody chose."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import cast

import numpy as np
from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, insert, literal, select

from fracture_core.annotations import films as film_rows
from fracture_core.annotations import trail
from fracture_core.annotations.readings import Progress, WorkItem, Worklist, check_words
from fracture_core.annotations.schema import (
    drafts,
    films,
    readings,
    worklist_films,
    worklist_readers,
    worklists,
)
from fracture_core.errors import FractureError, UnknownName


def blind_order(count: int, *, seed: int, reader: str) -> np.ndarray:
    """The order in which a reader meets the films of a list: int (count,), a permutation of 0 … count - 1.

    It depends on the list's seed and the reader's name alone. Sorted raw output of the bit generator, because
    NumPy promises that stream for good and ``Generator.permutation`` only within a version (NEP 19).
    """
    digest = hashlib.sha256(f"{seed}\n{reader}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest, "big"))
    return np.argsort(generator.bit_generator.random_raw(count), kind="stable")


def create(
    connection: Connection, name: str, wanted: Sequence[str], names: Sequence[str], *, seed: int, at: datetime
) -> None:
    """Give films (by SHA-256) to readers; see ``Store.create_worklist``."""
    name, wanted = name.strip(), list(dict.fromkeys(wanted))
    check_words(name)
    if not (name and wanted and names):
        raise FractureError("A work list needs a name, at least one film and at least one reader.")
    if connection.execute(select(worklists.c.id).where(worklists.c.name == name)).first():
        raise FractureError(f"There is a work list '{name}' already: choose another name.")
    film_rows.require(connection, wanted=wanted)
    made = connection.execute(insert(worklists).values(name=name, seed=seed, created=at))
    (key,) = cast("tuple[int]", made.inserted_primary_key)
    rows = [{"worklist": key, "position": position, "film": film} for position, film in enumerate(wanted)]
    connection.execute(insert(worklist_films), rows)
    assign(connection, name, names, at)


def assign(connection: Connection, name: str, names: Sequence[str], at: datetime) -> None:
    """Give a list to more readers; those who have it keep it."""
    key = connection.execute(select(worklists.c.id).where(worklists.c.name == name)).scalar()
    if key is None:
        raise UnknownName("work list", name, _names(connection))
    film_rows.require(connection, names=names)
    having = select(worklist_readers.c.reader).where(worklist_readers.c.worklist == key)
    have = set(connection.execute(having).scalars())
    for reader in dict.fromkeys(names):
        if reader not in have:
            connection.execute(insert(worklist_readers), {"worklist": key, "reader": reader})
            trail.record(connection, "assigned", at=at, reader=reader, worklist=key, detail={"list": name})


def every(connection: Connection) -> list[Worklist]:
    """All lists, oldest first."""
    assigned: dict[int, list[str]] = {}
    for key, reader in connection.execute(select(worklist_readers).order_by(worklist_readers.c.reader)):
        assigned.setdefault(key, []).append(reader)
    count = select(func.count()).where(worklist_films.c.worklist == worklists.c.id).scalar_subquery()
    rows = connection.execute(select(worklists, count.label("films")).order_by(worklists.c.id))
    return [Worklist(row.name, row.seed, row.created, row.films, tuple(assigned.get(row.id, ()))) for row in rows]


def items(connection: Connection, name: str, reader: str, *, aided: bool | None) -> list[WorkItem]:
    """A reader's list in their own order; one query."""
    committed, draft = _progress_of(reader, aided)
    query = (
        select(*film_rows.FILM_COLUMNS, committed, draft, worklists.c.seed)
        .join(worklist_films, worklist_films.c.film == films.c.sha256)
        .join(worklists, worklists.c.id == worklist_films.c.worklist)
        .where(_given(name, reader))
        .order_by(worklist_films.c.position)
    )
    rows = connection.execute(query).all()
    if not rows:
        raise _not_given(connection, name, reader)
    listed = [
        WorkItem(film_rows.entry_of(row), "committed" if row[-3] else "draft" if row[-2] else "open") for row in rows
    ]
    return [listed[place] for place in blind_order(len(rows), seed=rows[0].seed, reader=reader)]


def progress(connection: Connection, name: str, reader: str, *, aided: bool | None) -> Progress:
    """How far a reader is with a list; one query."""
    committed, draft = _progress_of(reader, aided)
    each = (
        select(committed.label("committed"), draft.label("draft"))
        .select_from(worklist_films)
        .join(worklists, worklists.c.id == worklist_films.c.worklist)
        .join(films, films.c.sha256 == worklist_films.c.film)
        .where(_given(name, reader))
        .subquery()
    )
    done = func.sum(case((each.c.committed, 1), else_=0))
    begun = func.sum(case((and_(each.c.draft, ~each.c.committed), 1), else_=0))
    total, committed_count, draft_count = connection.execute(
        select(func.count(), done, begun).select_from(each)
    ).one()
    if not total:
        raise _not_given(connection, name, reader)
    return Progress(total, int(committed_count), int(draft_count))


def next_item(items: Sequence[WorkItem], film: str | None = None, *, pending: bool = False) -> WorkItem | None:
    """The item after a film, from the top when none is given.

    Args:
        items: a reader's list, in its order.
        film: SHA-256 of the film to go on from.
        pending: go on to what is not committed yet, past the end from the top again, but not to ``film`` itself.

    Returns:
        None when there is no such item.
    """
    return _neighbour(items, film, pending=pending)


def previous_item(items: Sequence[WorkItem], film: str | None = None, *, pending: bool = False) -> WorkItem | None:
    """The item before a film, from the bottom when none is given; as ``next_item`` otherwise."""
    return _neighbour(items[::-1], film, pending=pending)


def _neighbour(items: Sequence[WorkItem], film: str | None, *, pending: bool) -> WorkItem | None:
    place = next((place for place, item in enumerate(items) if item.film.sha256 == film), None)
    if film is not None and place is None:
        raise FractureError("The film is not in this work list: choose one that is.")
    after, before = (items, ()) if place is None else (items[place + 1 :], items[:place])
    if not pending:
        return next(iter(after), None)
    return next((item for item in (*after, *before) if item.status != "committed"), None)


def _progress_of(reader: str, aided: bool | None) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether the reader has committed a film, and whether a draft is under way; in one condition or any."""
    conditions = (literal(True),) if aided is None else (readings.c.aided == aided,)
    drafted = (literal(True),) if aided is None else (drafts.c.aided == aided,)
    read = and_(readings.c.film == films.c.sha256, readings.c.reader == reader)
    begun = and_(drafts.c.film == films.c.sha256, drafts.c.reader == reader, drafts.c.state == "open")
    return exists().where(read, *conditions), exists().where(begun, *drafted)


def _given(name: str, reader: str) -> ColumnElement[bool]:
    given = exists().where(worklist_readers.c.worklist == worklists.c.id, worklist_readers.c.reader == reader)
    return and_(worklists.c.name == name, given)


def _not_given(connection: Connection, name: str, reader: str) -> FractureError:
    known = _names(connection)
    if name not in known:
        return UnknownName("work list", name, known)
    return FractureError(f"The work list '{name}' is not given to {reader}: assign it first.")


def _names(connection: Connection) -> list[str]:
    return list(connection.execute(select(worklists.c.name)).scalars())


def require(connection: Connection, name: str) -> None:
    """That a list is there.

    Raises:
        UnknownName: it is not.
    """
    if name not in (known := _names(connection)):
        raise UnknownName("work list", name, known)
