"""From a film opened to a reading committed.

Each film, reader and condition has one line of versions. Every save, commit or discard is a step from the version
that the reader saw to the next; whoever comes from an older version is told so, and nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from fracture_core.annotations import films, records, trail
from fracture_core.annotations.readings import FINDINGS, Draft, Reading, StaleEdit, is_aided, most_shown
from fracture_core.annotations.schema import drafts
from fracture_core.errors import FractureError
from fracture_core.marks import Mark

_EMPTY = dict.fromkeys(("finding", "confidence", "marks", "note", "shown", "started", "seconds"))
_STALE = {
    "open": "This film was marked in another window {when}; open it again to see those marks.",
    "committed": "This film was committed in another window {when}; open it again to correct it.",
    "discarded": "This draft was discarded in another window {when}; open the film again to read it.",
}


def open_draft(connection: Connection, film: str, reader: str, shown: str, at: datetime) -> Draft:
    """The draft under way, else a new one; see ``Store.draft``."""
    aided = is_aided(shown)
    row = _row(connection, film, reader, aided)
    if row is not None and row.state == "open":
        return _draft(row, most_shown(row.shown, shown))
    films.require(connection, wanted=[film], names=[reader])
    fresh = Draft(film, reader, None, None, (), "", shown, at, 0.0, version=row.version if row else 0)
    before = records.current(connection, film, reader, aided=aided)
    if before is None and aided:
        before = records.current(connection, film, reader, aided=False)
    if before is None:
        return fresh
    return replace(
        fresh,
        finding=before.finding,
        confidence=before.confidence,
        marks=before.marks,
        note=before.note,
        shown=most_shown(before.shown, shown),
    )


def save(connection: Connection, draft: Draft, at: datetime) -> Draft:
    """Store what is under way; see ``Store.save_draft``."""
    values = {
        "finding": draft.finding,
        "confidence": draft.confidence,
        "marks": [mark.to_dict() for mark in draft.marks],
        "note": draft.note,
        "shown": draft.shown,
        "started": draft.started,
        "seconds": draft.seconds,
    }
    saved = replace(draft, version=_step(connection, draft, "open", values, at), updated=at)
    _record(connection, "draft saved", saved, at)
    return saved


def commit(connection: Connection, draft: Draft, at: datetime) -> Reading:
    """Turn a draft into a reading; see ``Store.commit``."""
    if draft.finding is None:
        raise FractureError(f"Choose a finding before committing: {', '.join(FINDINGS)}.")
    _step(connection, draft, "committed", _EMPTY, at)
    before = records.current(connection, draft.film, draft.reader, aided=draft.aided)
    reading = Reading(
        id=records.new_id(),
        film=draft.film,
        reader=draft.reader,
        finding=draft.finding,
        confidence=draft.confidence,
        marks=draft.marks,
        note=draft.note,
        shown=draft.shown,
        started=draft.started,
        committed=at,
        seconds=draft.seconds,
        supersedes=before.id if before else None,
    )
    records.append(connection, [reading])
    _record(connection, "committed", draft, at, reading=reading.id, supersedes=reading.supersedes)
    return reading


def discard(connection: Connection, draft: Draft, at: datetime) -> None:
    """Empty a draft; see ``Store.discard``."""
    if draft.updated is not None:
        _step(connection, draft, "discarded", _EMPTY, at)
        _record(connection, "draft discarded", draft, at)


def _step(connection: Connection, draft: Draft, state: str, values: Mapping[str, object], at: datetime) -> int:
    """From the draft's version to the next, which is returned."""
    following = draft.version + 1
    values = {**values, "version": following, "state": state, "updated": at}
    slot = _slot(draft.film, draft.reader, draft.aided)
    if connection.execute(update(drafts).where(*slot, drafts.c.version == draft.version).values(values)).rowcount:
        return following
    row = _row(connection, draft.film, draft.reader, draft.aided)
    if row is not None or draft.version:
        raise _stale(row)
    films.require(connection, wanted=[draft.film], names=[draft.reader])
    connection.execute(insert(drafts), {"film": draft.film, "reader": draft.reader, "aided": draft.aided, **values})
    return following


def _slot(film: str, reader: str, aided: bool) -> tuple[ColumnElement[bool], ...]:
    return drafts.c.film == film, drafts.c.reader == reader, drafts.c.aided == aided


def _row(connection: Connection, film: str, reader: str, aided: bool) -> Row[Any] | None:
    return connection.execute(select(drafts).where(*_slot(film, reader, aided))).first()


def _draft(row: Row[Any], shown: str) -> Draft:
    marks = tuple(map(Mark.from_dict, row.marks))
    about = (row.film, row.reader, row.finding, row.confidence, marks, row.note, shown)
    return Draft(*about, row.started, row.seconds, row.version, row.updated)


def _stale(row: Row[Any] | None) -> StaleEdit:
    if row is None:
        return StaleEdit("This draft is not in the store; open the film again.")
    return StaleEdit(_STALE[row.state].format(when=_clock(row.updated)), when=row.updated)


def _clock(moment: datetime) -> str:
    """As a clock on this machine's wall showed it."""
    local = moment.astimezone()
    today = datetime.now().astimezone().date()
    return f"at {local:%H:%M}" if local.date() == today else f"on {local.day} {local:%B} at {local:%H:%M}"


def _record(connection: Connection, kind: str, draft: Draft, at: datetime, **more: object) -> None:
    said = {"finding": draft.finding, "marks": len(draft.marks), "shown": draft.shown, "version": draft.version}
    trail.record(connection, kind, at=at, film=draft.film, reader=draft.reader, detail={**said, **more})
