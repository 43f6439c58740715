"""``annotations``: readings and their marks into the store, and out of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.commands.output import write_file
from fracture_core.errors import FractureError

if TYPE_CHECKING:
    from fracture_core.annotations import FilmEntry, Reading, Store
    from fracture_core.interchange import FilmReadings

READ = ("coco", "voc", "yolo", "via", "csv")  # for the help alone, which loads no format
WRITTEN = ("w3c", "dicom-sr", "dicom-seg", "dicom-gsps", "png")
TABLES = frozenset({".json", ".xml", ".txt", ".csv", ".yaml"})  # of a folder's files, those that annotations are in


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put ``annotations`` and its two actions among the commands."""
    command = commands.add_parser("annotations", help="bring readings with their marks into the store, or out of it")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")

    taken = actions.add_parser("import", help="from a file or folder of another tool, or FracAtlas's own masks")
    taken.add_argument("file", nargs="?", type=Path, metavar="FILE", help="file, or folder of Pascal VOC or YOLO")
    taken.add_argument("--format", metavar="|".join(READ))
    taken.add_argument("--data", type=Path, metavar="DIR", help="folder of films that the store does not know yet")
    taken.add_argument("--reader", metavar="NAME", help="whose marks those are that the file gives to nobody")
    taken.add_argument("--fracatlas", type=Path, metavar="DIR", help="FracAtlas as published, as reader FracAtlas")
    taken.set_defaults(run=take_in)

    given = actions.add_parser("export", help="to the formats of other tools, DICOM or pictures")
    given.add_argument("--format", required=True, metavar="|".join((*READ, *WRITTEN)))
    given.add_argument("--output", type=Path, required=True, metavar="DIR|FILE")
    given.add_argument("--worklist", metavar="NAME", help="only this list's films, read or not")
    given.add_argument("--reader", metavar="NAME", help="only this reader's readings")
    given.add_argument("--data", type=Path, metavar="DIR", help="folder of the films, for DICOM and png")
    given.set_defaults(run=give_out)


def take_in(options: argparse.Namespace) -> int:
    """Import; 3 when something of the file was left out."""
    from fracture_core.annotations import open_store

    if (options.fracatlas is None) == (options.file is None):
        raise FractureError("Name either a file with its --format, or --fracatlas with the data set's folder.")
    if options.file is not None and options.format is None:
        raise FractureError("Name the file's --format.")
    store = open_store()
    try:
        if options.fracatlas is not None:
            films, readings, left_out = *_from_fracatlas(options.fracatlas), 0
        else:
            films, readings, left_out = _from_file(options, store)
        read = {reading.film for reading in readings}
        store.add_films([film for film in films if film.sha256 in read])
        for name in sorted({reading.reader for reading in readings}):
            store.add_reader(name)
        fresh = store.import_readings(readings)
    finally:
        store.close()
    marks = sum(len(reading.marks) for reading in fresh)
    print(f"{len(fresh)} readings with {marks} marks imported; {len(readings) - len(fresh)} were there already.")
    return 3 if left_out else 0


def _from_fracatlas(folder: Path) -> tuple[list[FilmEntry], list[Reading]]:
    from fracture_core.datasets import read_fracatlas
    from fracture_core.interchange import fracatlas_readings

    pairs = fracatlas_readings(read_fracatlas(folder))
    return [film for film, _ in pairs], [reading for _, reading in pairs]


def _from_file(options: argparse.Namespace, store: Store) -> tuple[list[FilmEntry], list[Reading], int]:
    from fracture_core.interchange import import_readings
    from fracture_core.interchange.film_files import films_below

    content = _content(options.file)
    films = {film.sha256: film for film in store.films()}
    if options.data is not None:
        films = {film.sha256: film for film in films_below(options.data, _tell)} | films
    found = import_readings(options.format, content, films.values(), reader=options.reader)
    for note in found.notes:
        _tell(note)
    return list(films.values()), list(found.readings), found.left_out


def _content(path: Path) -> bytes | Mapping[str, bytes]:
    try:
        if path.is_dir():
            files = (file for file in sorted(path.rglob("*")) if file.suffix.lower() in TABLES and file.is_file())
            return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
        return path.read_bytes()
    except OSError as error:
        raise FractureError(f"'{path}' cannot be read: {error.strerror}. Name another.") from error


def give_out(options: argparse.Namespace) -> int:
    """Export; 3 when a film that was read has no file."""
    from fracture_core.annotations import open_store
    from fracture_core.interchange import FORMATS, export_readings
    from fracture_core.interchange.film_files import film_content, picture_files

    store = open_store()
    try:
        films = _selected(store, options.worklist, options.reader)
        by_name: dict[str, list[Path]] = {}
        if options.data is not None:
            for path in picture_files(options.data):
                by_name.setdefault(path.name, []).append(path)

        def content(film: FilmEntry) -> bytes | None:
            return store.film_content(film.sha256) or film_content(film, by_name)

        made = export_readings(options.format, films, content=content)
    finally:
        store.close()
    for note in made.notes:
        _tell(note)
    single = FORMATS[options.format].file
    named = bool(single) and not options.output.is_dir() and options.output.suffix != ""
    for name, data in made.files.items():
        write_file(options.output if named else options.output / name, data)
    count = sum(len(readings) for _, readings in films)
    print(f"{count} readings of {len(films)} films written to {options.output}: {len(made.files)} files.")
    return 3 if made.left_out else 0


def _selected(store: Store, worklist: str | None, reader: str | None) -> FilmReadings:
    """Films by name, each with its readings: those of a work list, or all that were read."""
    readings = store.readings(worklist=worklist, reader=reader)
    by_film: dict[str, list[Reading]] = {}
    for reading in readings:
        by_film.setdefault(reading.film, []).append(reading)
    films = {film.sha256: film for film in store.films() if film.sha256 in by_film}
    if worklist is not None:
        known = next((known for known in store.worklists() if known.name == worklist), None)
        for name in (known.readers if known else ())[:1]:  # every reader of a list has the same films
            films |= {item.film.sha256: item.film for item in store.items(worklist, name)}
    if not readings:
        raise FractureError("There are no such readings. Read a film first, or name another reader or work list.")
    ordered = sorted(films.values(), key=lambda film: (film.name, film.sha256))
    return [(film, by_film.get(film.sha256, [])) for film in ordered]


def _tell(*notes: str) -> None:
    for note in notes:
        print(note, file=sys.stderr)
