"""CSV: a row for each mark, and one for each reading without marks and each film without readings.

Columns (``COLUMNS``), UTF-8, comma, a header line:

========================================  ==========================================================================
film, sha256, width, height               the film's file name, the SHA-256 of its bytes, its size in pixels
reading, reader, finding, confidence      id; who; "fracture", "none" or "uncertain"; 0 to 100 or empty
reading_note, shown                       the reader's words; what had been shown before: "nothing", ...
started, committed, seconds               ISO 8601; the time actually spent
supersedes, origin                        id of the reading it corrects; where it was imported from
kind, label, mark, note                   "box", "polygon", "freehand", "point"; what; id; the reader's words
points                                    "x y;x y;...", pixels from the top-left corner of the top-left pixel
========================================  ==========================================================================

Words that begin as a formula does have an apostrophe before them (see ``spreadsheet.guarded``), which reading takes
away again. Reading it needs ``film`` or ``sha256``; what else is missing is filled in.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import datetime

from fracture_core.annotations.readings import FilmEntry
from fracture_core.errors import FractureError
from fracture_core.interchange.fields import as_text, mark_of, number, reading_fields
from fracture_core.interchange.films import FilmReadings, Imported, InvalidFile, Notes, Sheet, assemble
from fracture_core.spreadsheet import guarded, unguarded

TITLE = "CSV"
COLUMNS = (
    *("film", "sha256", "width", "height"),
    *("reading", "reader", "finding", "confidence", "reading_note", "shown"),
    *("started", "committed", "seconds", "supersedes", "origin"),
    *("kind", "label", "mark", "note", "points"),
)
_READING = {"id": "reading", "note": "reading_note"}  # field → column where they differ
_FIELDS = (
    *("id", "reader", "finding", "confidence", "note", "shown"),
    *("started", "committed", "seconds", "supersedes", "origin"),
)


def write_csv(films: FilmReadings) -> bytes:
    """One table, UTF-8."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS, restval="")
    writer.writeheader()
    for film, readings in films:
        head = {"film": guarded(film.name), "sha256": film.sha256, "width": film.width, "height": film.height}
        if not readings:
            writer.writerow(head)
        for reading in readings:
            told = reading_fields(reading)
            row = {**head, **{_READING.get(name, name): guarded(told[name]) for name in _FIELDS}}
            if not reading.marks:
                writer.writerow(row)
            for mark in reading.marks:
                points = ";".join(f"{as_text(x)} {as_text(y)}" for x, y in mark.points)
                own = {"kind": mark.kind, "label": mark.label, "mark": mark.id, "note": mark.note}
                own = {name: guarded(word) for name, word in own.items()}
                writer.writerow({**row, **own, "points": points})
    return stream.getvalue().encode()


def read_csv(
    content: bytes, films: Iterable[FilmEntry], *, reader: str | None = None, at: datetime | None = None
) -> Imported:
    """Readings from such a table; see ``assemble`` for the arguments.

    Raises:
        InvalidFile: it is no table in UTF-8, or names no films.
    """
    notes = Notes()
    return assemble(sheets_of(content, notes).values(), films, title=TITLE, notes=notes, reader=reader, at=at)


def sheets_of(content: bytes, notes: Notes) -> dict[str, Sheet]:
    """What the table tells, by the film's SHA-256, or its name where that is not told; ``InvalidFile`` as above."""
    sheets: dict[str, Sheet] = {}
    known: set[tuple[str, str]] = set()
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # an outline of many points is one long cell
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), restval="", strict=True)
        if not {"film", "sha256"} & set(rows.fieldnames or ()):
            raise InvalidFile("The table has no column 'film' or 'sha256'. Name the films in one of them.")
        for row in rows:
            cells = {name: unguarded(value) for name, value in row.items() if isinstance(name, str)}
            film = cells.get("sha256") or cells.get("film", "")
            sheet = sheets.setdefault(film, _sheet(cells))
            owner = cells.get("reading") or cells.get("reader", "")
            told = owner or cells.get("finding")
            if told and (film, owner) not in known:
                known.add((film, owner))
                assert sheet.readings is not None
                sheet.readings.append({name: cells.get(_READING.get(name, name), "") for name in _FIELDS})
            if cells.get("kind") or cells.get("points"):
                _add_mark(sheet, cells, notes)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidFile("This is no CSV table in UTF-8. Save it again as CSV (UTF-8, comma).") from error
    return sheets


def _sheet(cells: Mapping[str, str]) -> Sheet:
    width, height = number(cells.get("width")), number(cells.get("height"))
    return Sheet(
        name=cells.get("film") or cells.get("sha256", ""),
        sha256=cells.get("sha256", ""),
        size=(width, height) if width and height else None,
        readings=[],
    )


def _add_mark(sheet: Sheet, cells: Mapping[str, str], notes: Notes) -> None:
    owner = {"reading": cells.get("reading"), "reader": cells.get("reader")}
    fields = {"label": cells.get("label"), "note": cells.get("note"), "id": cells.get("mark")}
    try:
        points = [[float(value) for value in point.split()] for point in cells.get("points", "").split(";")]
        sheet.marks.append((mark_of(cells.get("kind", ""), points, fields), owner))
    except (ValueError, FractureError):
        notes.lose("A row whose kind and points make no mark left out", sheet.name)
