"""The formats by name, and one way in and one way out for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.errors import FractureError, UnknownName
from fracture_core.interchange import coco, mark_table, via, voc, web_annotation, yolo
from fracture_core.interchange.films import FilmReadings, Imported, InvalidFile, Notes, distinct_stems, within_reach

Content = Callable[[FilmEntry], bytes | None]
"""A film's file, None where it is not at hand."""


@dataclass(frozen=True)
class Exported:
    """What is to be written.

    Attributes:
        files: by path below the folder that is written to, with forward slashes.
        notes: in words, whatever the format has no place for.
        left_out: how many films there are no files of, though they were read.
    """

    files: dict[str, bytes]
    notes: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        title: what people call it.
        file: the name of its one file; "" where it makes several.
        reads: whether readings can be had back from it.
        of_films: whether it is made from the films' own files.
    """

    title: str
    file: str = ""
    reads: bool = False
    of_films: bool = False


FORMATS: dict[str, Format] = {
    "coco": Format("COCO", "readings.json", reads=True),
    "voc": Format("Pascal VOC", reads=True),
    "yolo": Format("YOLO", reads=True),
    "via": Format("VIA (VGG)", "readings.via.json", reads=True),
    "csv": Format("CSV", "readings.csv", reads=True),
    "w3c": Format("W3C Web Annotation", "readings.jsonld"),
    "dicom-sr": Format("DICOM structured report", of_films=True),
    "dicom-seg": Format("DICOM segmentation", of_films=True),
    "dicom-gsps": Format("DICOM presentation state", of_films=True),
    "png": Format("pictures with outlines", of_films=True),
}


def readable() -> tuple[str, ...]:
    """The names of those that can be read."""
    return tuple(name for name, known in FORMATS.items() if known.reads)


def import_readings(
    name: str,
    content: bytes | Mapping[str, bytes],
    films: Iterable[FilmEntry],
    *,
    reader: str | None = None,
    at: datetime | None = None,
) -> Imported:
    """Readings of known films from a file or a folder.

    Args:
        name: one of ``readable()``.
        content: a file's bytes, or a folder's files by path below it; a folder with one file will do for either.
        films: those known here, matched by content, else by file name.
        reader: whose marks those are that the file gives to nobody.
        at: the time of readings for which the file tells none; now by default.

    Raises:
        UnknownName: no such format is read.
        InvalidFile: the content is not of that format.
    """
    if name not in readable():
        raise UnknownName("format to import", name, readable())
    if name == "yolo":
        if isinstance(content, bytes):
            raise InvalidFile("YOLO labels are a folder of files. Name the folder above 'labels'.")
        return yolo.read_yolo(content, films, reader=reader, at=at)
    if name == "voc":
        return voc.read_voc(content, films, reader=reader, at=at)
    read = {"coco": coco.read_coco, "via": via.read_via, "csv": mark_table.read_csv}[name]
    return read(_only_file(content, FORMATS[name]), films, reader=reader, at=at)


def _only_file(content: bytes | Mapping[str, bytes], known: Format) -> bytes:
    if isinstance(content, bytes):
        return content
    ending = PurePosixPath(known.file).suffix
    fitting = [data for path, data in content.items() if PurePosixPath(path).suffix.lower() == ending]
    if len(fitting) != 1:
        raise InvalidFile(f"The folder holds {len(fitting)} files ending in {ending}. Name one of them.")
    return fitting[0]


def export_readings(name: str, films: FilmReadings, *, content: Content | None = None) -> Exported:
    """The files of a format.

    Args:
        name: a key of ``FORMATS``.
        films: each with its readings.
        content: the films' own files, for the formats that are ``of_films``.

    Raises:
        UnknownName: no such format.
        FractureError: not one file could be made; the message says why.
    """
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    known = FORMATS[name]
    if known.of_films:
        return _of_films(name, films, content or (lambda film: None))
    if name == "voc":
        return Exported(voc.write_voc(films))
    if name == "csv":
        return Exported({known.file: mark_table.write_csv(films)})
    if name == "yolo":
        return Exported(yolo.write_yolo(films), _changes(films, points=False))
    write = {"coco": coco.write_coco, "via": via.write_via, "w3c": web_annotation.write_web_annotation}[name]
    return Exported({known.file: write(films)}, _changes(films))


def _changes(films: FilmReadings, *, points: bool = True) -> tuple[str, ...]:
    """What is not written as it was marked; ``points`` where the format has a place for them."""
    notes = Notes()
    for film, readings in films:
        marks = [mark for reading in readings for mark in reading.marks]
        if not points and any(not mark.is_region for mark in marks):
            notes.add("Points have no place in YOLO's labels; readings.csv keeps them", film.name)
        if any(within_reach(mark) is not mark for mark in marks):
            notes.add("Marks far outside any film were moved nearer to it", film.name)
    return notes.lines()


def _of_films(name: str, films: FilmReadings, content: Content) -> Exported:
    make = {"dicom-sr": _sr, "dicom-seg": _seg, "dicom-gsps": _gsps, "png": _png}[name]
    stems, notes, files = distinct_stems(film for film, _ in films), Notes(), {}
    for film, readings in films:
        if not readings:
            continue
        data = content(film)
        if data is None:
            notes.lose("Left out, because the film's own file is not at hand", film.name)
            continue
        try:
            for ending, made in make(film, readings, data, notes):
                files[stems[film.sha256] + ending] = made
        except FractureError as error:
            notes.lose(f"Left out: {error}".rstrip("."), film.name)
    if not files:
        raise FractureError(". ".join(notes.lines()) or "There are no readings to export. Read a film first.")
    return Exported(files, notes.lines(), notes.lost)


Made = Iterator[tuple[str, bytes]]


def _sr(film: FilmEntry, readings: Sequence[Reading], data: bytes, notes: Notes) -> Made:
    from fracture_core.interchange.dicom_report import write_sr
    from fracture_core.interchange.dicom_source import source_image

    source = source_image(film, data)
    _tell_outside(film, readings, notes)
    for number, reading in enumerate(readings, 1):
        yield f"-sr-{number}.dcm", write_sr(source, reading, number=number)


def _seg(film: FilmEntry, readings: Sequence[Reading], data: bytes, notes: Notes) -> Made:
    from fracture_core.interchange.dicom_segmentation import has_regions, write_seg
    from fracture_core.interchange.dicom_source import source_image

    source = source_image(film, data)
    if any(not mark.is_region for reading in readings for mark in reading.marks):
        notes.add("Points have no place in a segmentation", film.name)
    if any(has_regions(reading) for reading in readings):
        yield "-seg.dcm", write_seg(source, readings)
    else:
        notes.lose("No segmentation, because nobody marked a region", film.name)


def _gsps(film: FilmEntry, readings: Sequence[Reading], data: bytes, notes: Notes) -> Made:
    from fracture_core.interchange.dicom_presentation import write_gsps
    from fracture_core.interchange.dicom_source import source_image

    source = source_image(film, data)
    _tell_outside(film, readings, notes)
    yield "-gsps.dcm", write_gsps(source, readings)


def _png(film: FilmEntry, readings: Sequence[Reading], data: bytes, notes: Notes) -> Made:
    from fracture_core.imaging import read_image
    from fracture_core.interchange.picture import write_png

    yield ".png", write_png(read_image(data, name=film.name).pixels, readings)


def _tell_outside(film: FilmEntry, readings: Sequence[Reading], notes: Notes) -> None:
    from fracture_core.interchange.dicom_source import reaches_outside

    if any(reaches_outside(film, mark) for reading in readings for mark in reading.marks):
        notes.add("Marks that reach outside the film were moved to its border", film.name)
