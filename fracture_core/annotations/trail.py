"""The audit trail: who did what, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, or_, select

from fracture_core.annotations.readings import Event
from fracture_core.annotations.schema import events, worklist_films


def record(
    connection: Connection,
    kind: str,
    *,
    at: datetime,
    film: str | None = None,
    reader: str | None = None,
    worklist: int | None = None,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write one event, in the transaction of what it tells of."""
    row = {"at": at, "kind": kind, "film": film, "reader": reader, "worklist": worklist, "detail": dict(detail or {})}
    connection.execute(insert(events), row)


def record_all(connection: Connection, entries: Iterable[Event]) -> None:
    """Write many events, as ``record`` does one."""
    rows = [
        {"at": entry.at, "kind": entry.kind, "film": entry.film, "reader": entry.reader, "detail": entry.detail}
        for entry in entries
    ]
    if rows:
        connection.execute(insert(events), rows)


def history(connection: Connection, film: str, reader: str | None) -> list[Event]:
    """What happened to a film, oldest first; assignments of lists that hold it count."""
    lists = select(worklist_films.c.worklist).where(worklist_films.c.film == film)
    wanted = select(events).where(or_(events.c.film == film, events.c.worklist.in_(lists))).order_by(events.c.id)
    if reader is not None:
        wanted = wanted.where(events.c.reader == reader)
    return [Event(row.at, row.kind, row.film, row.reader, row.detail) for row in connection.execute(wanted)]
