"""YOLO: normalised coordinates, one text file per film, a folder per reader.

``reader/labels/film.txt`` has a line for each mark that encloses an area. Where all of a reader's are boxes, a
line is ``class x y width height`` (detection); where one is an outline, all lines are ``class x1 y1 x2 y2 ...``
(segmentation), boxes by their corners, because trainers refuse a mixture. ``reader/data.yaml`` names the classes,
and ``reader/readings.csv`` (see ``mark_table``) keeps what YOLO has no place for: points, findings, words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.errors import FractureError
from fracture_core.interchange import mark_table
from fracture_core.interchange.fields import mark_of, words
from fracture_core.interchange.films import (
    FilmIndex,
    FilmReadings,
    Imported,
    InvalidFile,
    Notes,
    Sheet,
    assemble,
    distinct_stems,
    layers,
    within_reach,
)
from fracture_core.marks import LABEL, Mark

TITLE = "YOLO"
SAME = 0.01  # pixels; a line this close to the mark it was written from has not been edited
_ODD = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)  # raised by odd documents


def write_yolo(films: FilmReadings) -> dict[str, bytes]:
    """The files of every reader's folder; films that nobody read have none."""
    stems = distinct_stems(film for film, _ in films)
    files: dict[str, bytes] = {}
    for folder, members in layers(films).items():
        marks = [mark for _, reading in members for mark in reading.marks if mark.is_region]
        labels = sorted({mark.label for mark in marks}) or [LABEL]
        outlined = any(mark.kind != "box" for mark in marks)
        for film, reading in members:
            lines = [_line(mark, labels.index(mark.label), film, outlined) for mark in _regions(reading)]
            files[f"{folder}/labels/{stems[film.sha256]}.txt"] = "".join(f"{line}\n" for line in lines).encode()
        files[f"{folder}/data.yaml"] = _yaml(members[0][1].reader, labels, outlined)
        files[f"{folder}/readings.csv"] = mark_table.write_csv([(film, [reading]) for film, reading in members])
    return files


def _regions(reading: Reading) -> list[Mark]:
    return [mark for mark in reading.marks if mark.is_region]


def _line(mark: Mark, number: int, film: FilmEntry, outlined: bool) -> str:
    size = np.array([film.width, film.height], dtype=np.float64)
    outline = within_reach(mark).outline
    if outlined:
        values = (outline / size).ravel()
    else:
        low, high = outline.min(axis=0), outline.max(axis=0)
        values = np.concatenate([(low + high) / 2 / size, (high - low) / size])
    return " ".join([str(number), *(f"{value:.10f}" for value in values)])


def _yaml(reader: str, labels: Sequence[str], outlined: bool) -> bytes:
    import yaml

    document = {
        "path": ".",
        "train": "images",
        "val": "images",
        "task": "segment" if outlined else "detect",
        "reader": reader,
        "names": dict(enumerate(labels)),
    }
    return str(yaml.safe_dump(document, sort_keys=False)).encode()


def read_yolo(
    content: Mapping[str, bytes],
    films: Iterable[FilmEntry],
    *,
    reader: str | None = None,
    at: datetime | None = None,
) -> Imported:
    """Readings from a folder's files, our own or another tool's; see ``assemble`` for the arguments.

    Where ``readings.csv`` lies beside ``labels``, a line that says what it was written with gives the mark as it
    was; an edited one gives its new place, and what the table has no line for any more is left out with a note.
    Names of classes are those of the nearest ``data.yaml`` above, or of ``classes.txt``.

    Raises:
        InvalidFile: there are no label files, or one holds something else than numbers.
    """
    known, notes = list(films), Notes()
    labels = _label_files(content)
    if not labels:
        raise InvalidFile("The folder holds no label files. Name the folder above 'labels'.")
    index = FilmIndex(known)
    imported: list[Imported] = []
    for folder in sorted({_home(path) for path in labels}):
        names, whose = _classes(content, folder)
        own = {path: data for path, data in labels.items() if _home(path) == folder}
        table = content.get(_below(folder, "readings.csv"))
        sheets = mark_table.sheets_of(table, notes) if table is not None else {}
        told = FilmIndex(film for film in known if film.sha256 in sheets)  # its stems may be others' elsewhere
        for path, data in sorted(own.items()):
            stem = Sheet(PurePosixPath(path).stem)
            film, trouble = told.find(stem)
            if film is None:
                film, trouble = index.find(stem)
            if film is None:
                notes.lose(f"Left out, because {trouble}", path)
                continue
            lines = _read_lines(path, data, names, film, notes)
            _take_lines(sheets.setdefault(film.sha256, Sheet(film.name, film.sha256)), lines, bool(names), notes)
        fallback = whose or reader or PurePosixPath(folder).name or None
        imported.append(assemble(sheets.values(), known, title=TITLE, notes=Notes(), reader=fallback, at=at))
    readings = tuple(reading for found in imported for reading in found.readings)
    told_all = notes.lines() + tuple(line for found in imported for line in found.notes)
    return Imported(readings, told_all, notes.lost + sum(found.left_out for found in imported))


def _label_files(content: Mapping[str, bytes]) -> dict[str, bytes]:
    """Text files in folders named "labels"; where there is no such folder, all that have not another purpose."""
    texts = {path: data for path, data in content.items() if PurePosixPath(path).suffix.lower() == ".txt"}
    inside = {path: data for path, data in texts.items() if "labels" in PurePosixPath(path).parts[:-1]}
    others = ("classes", "readme", "notes", "train", "val", "test")
    return inside or {path: data for path, data in texts.items() if PurePosixPath(path).stem.lower() not in others}


def _home(path: str) -> str:
    """The folder above ``labels`` (and above ``labels/train``), else the one the file lies in."""
    folder = PurePosixPath(path).parent
    parts = folder.parts
    if "labels" in parts:
        folder = PurePosixPath(*parts[: parts.index("labels")])
    return "" if str(folder) == "." else str(folder)


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _classes(content: Mapping[str, bytes], folder: str) -> tuple[dict[int, str], str]:
    """Names of the classes by number, and the reader where our own ``data.yaml`` tells."""
    import yaml

    for place in (PurePosixPath(folder), *PurePosixPath(folder).parents):
        at = "" if str(place) == "." else str(place)
        path = _below(at, "data.yaml")
        data, plain = content.get(path), content.get(_below(at, "classes.txt"))
        if data is not None:
            try:
                document: Any = yaml.safe_load(data)
                names = document["names"]
                pairs = names.items() if isinstance(names, dict) else enumerate(names)
                named = {int(number): _class_name(name, path) for number, name in pairs}
                return named, words(document.get("reader"))
            except (yaml.YAMLError, *_ODD) as error:
                raise InvalidFile(f"'{path}' names no classes. Export it again.") from error
        if plain is not None:
            return dict(enumerate(plain.decode(errors="replace").splitlines())), ""
    return {}, ""


def _class_name(name: object, path: str) -> str:
    """A name as text. Lists are refused: a few aliases of YAML's make one that is far longer than its file."""
    if not isinstance(name, str | int | float):
        raise InvalidFile(f"'{path}' names a class by something else than a word. Write each name as plain text.")
    return str(name)


def _take_lines(sheet: Sheet, found: list[Mark], named: bool, notes: Notes) -> None:
    """Put a label file's marks into the sheet of its film, in place of those that it was written from."""
    before = [place for place, (mark, _) in enumerate(sheet.marks) if mark.is_region]
    if len(before) == len(found):
        for place, line in zip(before, found, strict=True):
            written, owner = sheet.marks[place]
            sheet.marks[place] = (_merged(written, line if named else replace(line, label=written.label)), owner)
        return
    if before:
        notes.add("Lines were added or removed since readings.csv was written; the lines are taken", sheet.name)
    owner = sheet.marks[0][1] if sheet.marks else {"reading": (sheet.readings or [{}])[0].get("id")}
    points = [(mark, whose) for mark, whose in sheet.marks if not mark.is_region]
    sheet.marks = [(mark, owner) for mark in found] + points


def _read_lines(path: str, data: bytes, names: Mapping[int, str], film: FilmEntry, notes: Notes) -> list[Mark]:
    marks = []
    for line in data.decode(errors="replace").splitlines():
        if not line.strip():
            continue
        try:
            number, *values = (float(word) for word in line.split())
            if len(values) == 5:
                notes.add("Confidences of boxes left out", film.name)
                values.pop()
            marks.append(
                _mark(values, {"label": names.get(int(number), f"class {number:g}" if names else LABEL)}, film)
            )
        except (ValueError, OverflowError, FractureError) as error:
            raise InvalidFile(f"'{path}' holds a line that is no YOLO label. Export it again.") from error
    return marks


def _mark(values: Sequence[float], fields: Mapping[str, Any], film: FilmEntry) -> Mark:
    size = np.array([film.width, film.height], dtype=np.float64)
    points = np.asarray(values).reshape(-1, 2) * size
    if len(values) == 4:
        centre, extent = points
        return mark_of("box", np.stack([centre - extent / 2, centre + extent / 2]).tolist(), fields)
    return mark_of("polygon", points.tolist(), fields)


def _merged(written: Mark, line: Mark) -> Mark:
    """The mark as it was where its line says the same, else the line's place; kind and words stay."""
    then, now = written.outline, line.outline
    if then.shape == now.shape and np.abs(then - now).max() <= SAME:
        return replace(written, label=line.label)
    kept = {"label": line.label, "note": written.note, "id": written.id}
    if written.kind == "box":
        left, top, right, bottom = line.bounds
        is_box = line.kind == "box" or _is_upright(now)
        return (
            mark_of("box", [(left, top), (right, bottom)], kept) if is_box else mark_of("polygon", now.tolist(), kept)
        )
    return mark_of(written.kind if line.kind == "polygon" else line.kind, line.points, kept)


def _is_upright(outline: np.ndarray) -> bool:
    """Whether four points are a rectangle's corners along the axes."""
    if len(outline) != 4:
        return False
    low, high = outline.min(axis=0), outline.max(axis=0)
    return bool((np.minimum(np.abs(outline - low), np.abs(outline - high)) <= SAME).all())
