"""Which film a file speaks of, and whose reading each mark belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from fracture_core.annotations.readings import FilmEntry, Reading
from fracture_core.errors import FractureError
from fracture_core.imaging import MAX_PIXELS
from fracture_core.interchange.fields import reading_of, words
from fracture_core.marks import Mark

FilmReadings = Sequence[tuple[FilmEntry, Sequence[Reading]]]
"""What every writer takes: films, each with its readings; none where nobody read it."""

MOST_NAMED = 5  # films in one note; the others are counted
FARTHEST = float(MAX_PIXELS)  # pixels; no film that is opened is longer


@dataclass(frozen=True)
class Imported:
    """What a file gave.

    Attributes:
        readings: each with ``origin`` "imported from ...", on films that are known.
        notes: in words, whatever could not be matched, represented or understood.
        left_out: how many films, readings and single marks that is, of those that are not here at all.
    """

    readings: tuple[Reading, ...]
    notes: tuple[str, ...] = ()
    left_out: int = 0


class InvalidFile(FractureError):
    """The bytes are not of the format that they were said to be."""


class Notes:
    """Sentences, each with the films it is true of."""

    def __init__(self) -> None:
        self._films: dict[str, list[str]] = {}
        self.lost = 0
        self.of: set[str] = set()  # the films of which something is left out

    def lose(self, sentence: str, film: str) -> None:
        """``add`` of something that is left out."""
        self.lost += 1
        self.of.add(film)
        self.add(sentence, film)

    def add(self, sentence: str, film: str) -> None:
        self._films.setdefault(sentence, []).append(film)

    def lines(self) -> tuple[str, ...]:
        return tuple(f"{sentence}: {_listed(films)}" for sentence, films in self._films.items())


def _listed(films: Sequence[str]) -> str:
    named = [f"{film} ({count} times)" if count > 1 else film for film, count in Counter(films).items()]
    more = len(named) - MOST_NAMED
    return ", ".join(named[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass
class Sheet:
    """What a file tells of one film.

    Attributes:
        name: of the film's file, or that without its ending.
        sha256: of the film's file, "" where the file does not tell.
        size: (width, height) in pixels, None where the file does not tell.
        readings: ``reading_fields`` of each; None when the file knows no readings, only marks.
        marks: each with whose it is: "reading" (an id) or "reader" (a name), or neither.
        reader: whose those are that are given to nobody, where that is known of this film; else "".
    """

    name: str
    sha256: str = ""
    size: tuple[float, float] | None = None
    readings: list[Mapping[str, Any]] | None = None
    marks: list[tuple[Mark, Mapping[str, Any]]] = field(default_factory=list)
    reader: str = ""


def assemble(
    sheets: Iterable[Sheet],
    films: Iterable[FilmEntry],
    *,
    title: str,
    notes: Notes,
    reader: str | None = None,
    at: datetime | None = None,
) -> Imported:
    """Readings of the films that are known, from what a file tells of each.

    Args:
        sheets: in the file's order.
        films: those known here.
        title: of the format, for origin and notes.
        notes: gathered while the file was read; what comes up here is added.
        reader: whose marks those are that the file gives to nobody; the format's title by default.
        at: the time of readings for which the file tells none; now by default.
    """
    index, readings = FilmIndex(films), []
    when = at or datetime.now(UTC)
    for sheet in sheets:
        whose = sheet.reader or reader or title
        film, trouble = index.find(sheet)
        if film is None:
            notes.lose(f"Left out with {_count(sheet)}, because {trouble}", sheet.name)
            continue
        if trouble:
            notes.add(trouble, sheet.name)
        _lose_far(sheet, notes)
        if sheet.readings is None and not sheet.marks:
            if sheet.name in notes.of:  # there were marks, so it was not found clear
                continue
            notes.add("Without marks, so taken as read by " + whose + " with the finding 'none'", sheet.name)
        for fields, marks in _shared_out(sheet):
            try:
                readings.append(reading_of(film, fields, marks, title=title, reader=whose, at=when))
            except FractureError as error:
                notes.lose(f"A reading was left out. {error}".rstrip("."), sheet.name)
    return Imported(tuple(readings), notes.lines(), notes.lost)


def _count(sheet: Sheet) -> str:
    return "1 mark" if len(sheet.marks) == 1 else f"{len(sheet.marks)} marks"


def _shared_out(sheet: Sheet) -> list[tuple[Mapping[str, Any], list[Mark]]]:
    """The marks by reading: by its id, else by reader, else all that is nobody's together."""
    told = sheet.readings or []
    groups: dict[tuple[str, str], tuple[Mapping[str, Any], list[Mark]]] = {}
    for place, fields in enumerate(told):
        key = ("id", words(fields.get("id"))) if fields.get("id") else ("reader", words(fields.get("reader")))
        groups[("place", str(place)) if key in groups else key] = (fields, [])
    if sheet.readings is None and not sheet.marks:
        groups["reader", ""] = ({}, [])
    for mark, owner in sheet.marks:
        key = ("id", words(owner.get("reading")))
        if key not in groups:
            key = ("reader", words(owner.get("reader")))
        groups.setdefault(key, ({"reader": key[1]}, []))[1].append(mark)
    return list(groups.values())


def _lose_far(sheet: Sheet, notes: Notes) -> None:
    """Leave out the marks that no film can have."""
    near = []
    for mark, owner in sheet.marks:
        if within_reach(mark) is mark:
            near.append((mark, owner))
        else:
            notes.lose(f"A {mark.kind} with a point far outside any film left out", sheet.name)
    sheet.marks = near


def within_reach(mark: Mark) -> Mark:
    """The mark, its points at most ``FARTHEST`` pixels away: itself, or one with the farther ones moved there.

    Farther ones mean nothing, and lengths and areas between them are too large for a number.
    """
    points = np.asarray(mark.points)
    if (np.abs(points) <= FARTHEST).all():
        return mark
    return replace(mark, points=tuple((x, y) for x, y in points.clip(-FARTHEST, FARTHEST).tolist()))


class FilmIndex:
    """Films by content and by name, with and without its ending, however its accents are encoded."""

    def __init__(self, films: Iterable[FilmEntry]) -> None:
        self._by_content: dict[str, FilmEntry] = {}
        self._by_name: dict[str, list[FilmEntry]] = {}
        for film in films:
            if film.sha256 in self._by_content:
                continue
            self._by_content[film.sha256] = film
            stem = safe_name(_stem(film.name))
            names = (base_name(film.name), _stem(film.name), stem, f"{stem}-{film.sha256[:8]}")
            for name in set(map(_composed, names)):
                self._by_name.setdefault(name, []).append(film)

    def find(self, sheet: Sheet) -> tuple[FilmEntry | None, str]:
        """The film, and what is to be said of it: why there is none, or what is odd; "" when all is well."""
        film = self._by_content.get(sheet.sha256)
        if film is not None:
            return self._fitting(film, sheet, "")
        named = self._by_name.get(_composed(base_name(sheet.name)), [])
        if not named:
            return None, "no such film is known here"
        if len(named) > 1:
            return None, f"{len(named)} films here have that name"
        return self._fitting(named[0], sheet, "Matched by name; the film's bytes are others" if sheet.sha256 else "")

    @staticmethod
    def _fitting(film: FilmEntry, sheet: Sheet, oddity: str) -> tuple[FilmEntry | None, str]:
        if sheet.size is None or sheet.size == (film.width, film.height):
            return film, oddity
        if sheet.size == (film.height, film.width) and all(_inside(film, mark) for mark, _ in sheet.marks):
            return film, "Width and height are stated the other way round; taken as for the film upright"
        there = " x ".join(f"{side:g}" for side in sheet.size)
        return None, f"its size is {there} there and {film.width} x {film.height} here"


def _inside(film: FilmEntry, mark: Mark) -> bool:
    left, top, right, bottom = mark.bounds
    return left >= -1 and top >= -1 and right <= film.width + 1 and bottom <= film.height + 1


def base_name(name: str) -> str:
    """The last part of a path, whichever way its slashes lean."""
    return PurePosixPath(name.replace("\\", "/")).name


def _composed(name: str) -> str:
    """A name in Unicode's NFC: macOS hands file names out with every accent as a character of its own."""
    return unicodedata.normalize("NFC", name)


def _stem(name: str) -> str:
    return PurePosixPath(base_name(name)).stem


def safe_name(name: str, *, default: str = "film") -> str:
    """A name that every file system takes: what one forbids becomes "_"; no leading or trailing dots and spaces."""
    plain = "".join("_" if unicodedata.category(c)[0] == "C" else c for c in name)
    return re.sub(r'[<>:"/\\|?*]', "_", plain)[:100].strip(". ") or default


def distinct_stems(films: Iterable[FilmEntry]) -> dict[str, str]:
    """sha256 → the film's name without its ending, safe as a file's and like no other's among these films."""
    distinct = {film.sha256: safe_name(_stem(film.name)) for film in films}
    counts = Counter(stem.casefold() for stem in distinct.values())
    return {
        sha256: stem if counts[stem.casefold()] == 1 else f"{stem}-{sha256[:8]}" for sha256, stem in distinct.items()
    }


def layers(films: FilmReadings) -> dict[str, list[tuple[FilmEntry, Reading]]]:
    """Readings by folder, one reading of a film in each: a folder per reader, and per what he had been shown.

    For formats that hold one set of marks per film.
    """
    folders: dict[tuple[str, str, int], list[tuple[FilmEntry, Reading]]] = {}
    for film, readings in films:
        seen: dict[tuple[str, str], int] = {}
        for reading in readings:
            key = (reading.reader, reading.shown)
            seen[key] = seen.get(key, 0) + 1
            folders.setdefault((*key, seen[key]), []).append((film, reading))
    named: dict[str, list[tuple[FilmEntry, Reading]]] = {}
    taken: set[str] = set()
    for (reader, shown, turn), members in folders.items():
        aided = f" shown {shown}" if members[0][1].aided else ""
        wanted = safe_name(reader, default="reader") + aided + (f" {turn}" if turn > 1 else "")
        name, count = wanted, 2
        while name.casefold() in taken:
            name, count = f"{wanted} ({count})", count + 1
        taken.add(name.casefold())
        named[name] = members
    return named
