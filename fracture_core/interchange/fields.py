"""A reading's particulars as plain data, as the formats carry them beside the marks, and back."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fracture_core.annotations.readings import FINDINGS, SHOWN, FilmEntry, Reading
from fracture_core.marks import LABEL, Mark

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:fracture-reading-room:imported")


def reading_fields(reading: Reading) -> dict[str, Any]:
    """All but the film and the marks, fit for JSON; times in ISO 8601. A reading without id gets one here too."""
    return {
        "id": reading_id(reading),
        "reader": reading.reader,
        "finding": reading.finding,
        "confidence": reading.confidence,
        "note": reading.note,
        "shown": reading.shown,
        "started": reading.started.isoformat(),
        "committed": reading.committed.isoformat(),
        "seconds": reading.seconds,
        "supersedes": reading.supersedes,
        "origin": reading.origin,
    }


def reading_of(
    film: FilmEntry, fields: Mapping[str, Any], marks: Sequence[Mark], *, title: str, reader: str, at: datetime
) -> Reading:
    """A reading from what a file tells of it; what it does not tell is filled in.

    Args:
        fields: any of ``reading_fields``. A finding that is none of ``FINDINGS`` becomes "fracture" where there
            are marks, else "none"; a reading without id gets one that follows from its content, so that the same
            file gives the same ids again.
        title: of the format, for the origin.
        reader: whose it is where the fields name nobody.
        at: the time of a reading without one.
    """
    whose, finding = words(fields.get("reader")).strip() or reader, words(fields.get("finding"))
    shown = words(fields.get("shown"))
    committed = _time(fields.get("committed")) or at
    origin, before = f"imported from {title}", words(fields.get("origin"))
    told = Reading(
        id=words(fields.get("id")),
        film=film.sha256,
        reader=whose,
        finding=finding if finding in FINDINGS else ("fracture" if marks else "none"),
        confidence=_confidence(fields.get("confidence")),
        marks=_told_apart(marks),
        note=words(fields.get("note")),
        shown=shown if shown in SHOWN else SHOWN[0],
        started=min(_time(fields.get("started")) or committed, committed),
        committed=committed,
        seconds=max(0.0, number(fields.get("seconds")) or 0.0),
        supersedes=words(fields.get("supersedes")) or None,
        origin=before if before.startswith(origin) else origin + (f" ({before})" if before else ""),
    )
    return replace(told, id=reading_id(told))


def _told_apart(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """The marks, but without an id where one before has the same: who edits one must not change the other.

    Tools that copy a region copy its id along, and a COCO annotation of several polygons has one for all of them.
    """
    seen: set[str] = set()
    apart = []
    for mark in marks:
        apart.append(replace(mark, id="") if mark.id in seen else mark)
        seen.add(mark.id)
    return tuple(apart)


def reading_id(reading: Reading) -> str:
    """The reading's id; where it has none, one that follows from its content."""
    if reading.id:
        return reading.id
    content = [reading.film, reading.reader, reading.finding, reading.shown, reading.note, reading.origin]
    content += [json.dumps(mark.to_dict(), sort_keys=True) for mark in reading.marks]
    return str(uuid.uuid5(_NAMESPACE, json.dumps(content)))


def mark_of(kind: str, points: Sequence[Sequence[float]], fields: Mapping[str, Any]) -> Mark:
    """The mark of some points and what a file tells of it; ``FractureError`` when it is none."""
    return Mark.from_dict(
        {
            "kind": kind,
            "points": points,
            "label": words(fields.get("label")) or LABEL,
            "note": words(fields.get("note")),
            "id": words(fields.get("id")),
        }
    )


def area(mark: Mark) -> float:
    """Of what the outline encloses, in pixels squared; 0 for a point."""
    points = mark.outline
    following = [*points[1:], points[0]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, following, strict=True))) / 2


def words(value: object) -> str:
    """Text as it stands, numbers as text, everything else as none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def number(value: object) -> float | None:
    """A finite number, also from text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def as_number(value: float) -> int | float:
    """A whole number without its ".0"; floats are written so that they read back the same."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else float(value)


def as_text(value: float) -> str:
    """``as_number`` as text."""
    return repr(as_number(value))


def _confidence(value: object) -> int | None:
    found = number(value)
    return round(found) if found is not None and 0 <= found <= 100 else None


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(words(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
