"""What a reader says of a film: readings, the drafts they grow from, and the films themselves.

Plain data, checked when made; nothing here knows of a database.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from fracture_core.errors import FractureError, UnknownName
from fracture_core.marks import Mark

FINDINGS = ("fracture", "none", "uncertain")
"""What a reading can find; a finding's code is its place here."""

SHOWN = ("nothing", "prediction", "heatmap")
"""What a reader can have been shown before, from least to most."""

_SHA256 = re.compile("[0-9a-f]{64}")

STATUSES = ("open", "draft", "committed")
"""How far a reader is with a film."""


class StoreError(FractureError):
    """The store cannot be opened, read or written; the message names the remedy."""


class StaleEdit(FractureError):
    """The film was saved or committed elsewhere since it was opened here; nothing was overwritten.

    Attributes:
        when: the time of the other edit, UTC, where it is known.
    """

    def __init__(self, message: str, *, when: datetime | None = None) -> None:
        super().__init__(message)
        self.when = when


@dataclass(frozen=True)
class FilmEntry:
    """One film as the store knows it.

    Attributes:
        sha256: of the file's bytes, 64 hexadecimal digits; tells the film from all others.
        name: the file's name.
        width: in source pixels.
        height: in source pixels.
        spacing: (row, column) distance of pixel centres in mm, or None when unknown.
        source: a path or a data set's id; "" when only uploaded.
    """

    sha256: str
    name: str
    width: int
    height: int
    spacing: tuple[float, float] | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise FractureError("A film is known by its SHA-256, 64 lower-case hexadecimal digits.")
        if self.width < 1 or self.height < 1:
            raise FractureError(f"A film of {self.width} × {self.height} pixels has no picture.")
        if self.spacing is not None and not all(math.isfinite(edge) and edge > 0 for edge in self.spacing):
            raise FractureError("A film's pixel spacing is two lengths above 0 mm, or not known.")
        check_words(self.name, self.source)


@dataclass(frozen=True)
class Reading:
    """One committed reading; never changed, only superseded.

    Attributes:
        id: given by the store; "" in a reading on its way into it (see ``Store.import_readings``).
        film: the film's SHA-256.
        reader: who read it.
        finding: one of ``FINDINGS``.
        confidence: in the finding, 0 to 100, or None when not said.
        marks: in source pixels.
        note: the reader's words, may be empty.
        shown: the most that the reader had been shown before, one of ``SHOWN``.
        started: when the film was opened, aware, UTC.
        committed: when it was committed, aware, UTC.
        seconds: time actually spent.
        supersedes: id of the reading of the same reader, film and condition that this one corrects.
        origin: "" when drawn here, else where it was imported from.
    """

    id: str
    film: str
    reader: str
    finding: str
    confidence: int | None
    marks: tuple[Mark, ...]
    note: str
    shown: str
    started: datetime
    committed: datetime
    seconds: float
    supersedes: str | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        _check(self.finding, self.confidence, self.shown, self.seconds)
        _check_aware(self.started, self.committed)
        check_words(self.reader, self.note, self.origin, *_words_of(self.marks))

    @property
    def aided(self) -> bool:
        """Whether the reader had been shown anything of the machine's."""
        return is_aided(self.shown)


@dataclass(frozen=True)
class Draft:
    """A reading under way: one for each film, reader and condition (aided or not).

    Attributes:
        finding: one of ``FINDINGS``, or None while undecided.
        seconds: time actually spent so far, as the caller counts it.
        version: rises by one with every save and commit of this film, reader and condition.
        updated: when it was last saved, aware, UTC; None while it was never saved.

    The others are those of ``Reading``.
    """

    film: str
    reader: str
    finding: str | None
    confidence: int | None
    marks: tuple[Mark, ...]
    note: str
    shown: str
    started: datetime
    seconds: float
    version: int
    updated: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.finding, self.confidence, self.shown, self.seconds)
        _check_aware(self.started, *([self.updated] if self.updated else []))
        check_words(self.reader, self.note, *_words_of(self.marks))

    @property
    def aided(self) -> bool:
        """Whether the reader had been shown anything of the machine's."""
        return is_aided(self.shown)


@dataclass(frozen=True)
class Worklist:
    """Films given to readers; ``films`` is their number."""

    name: str
    seed: int
    created: datetime
    films: int
    readers: tuple[str, ...]


class WorkItem(NamedTuple):
    """One film of a reader's list, and how far the reader is with it: one of ``STATUSES``."""

    film: FilmEntry
    status: str


class Progress(NamedTuple):
    """How many films a list has, and how many are committed or in draft."""

    total: int
    committed: int
    drafts: int


@dataclass(frozen=True)
class Event:
    """One line of the audit trail.

    Attributes:
        at: when, aware, UTC.
        kind: what was done: "draft saved", "draft discarded", "committed", "imported", "assigned", "film kept"
            or "film forgotten".
        film: the film's SHA-256; None for an assignment, which concerns a whole list.
        reader: who did it, or whom it concerns; None when not known.
        detail: particulars, plain data; never a reader's words.
    """

    at: datetime
    kind: str
    film: str | None
    reader: str | None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ReadingTable:
    """The current readings as columns of equal length N, by film name, film, reader and condition.

    Attributes:
        reading: ids.
        film: SHA-256s.
        name: the films' names.
        reader: names.
        finding: int8 (N,), places in ``FINDINGS``.
        confidence: float32 (N,), 0 to 100, NaN where not said.
        marks: int32 (N,), how many marks each has.
        aided: bool (N,).
        seconds: float64 (N,), time spent.
    """

    reading: list[str]
    film: list[str]
    name: list[str]
    reader: list[str]
    finding: np.ndarray
    confidence: np.ndarray
    marks: np.ndarray
    aided: np.ndarray
    seconds: np.ndarray

    def __len__(self) -> int:
        return len(self.reading)


def is_aided(shown: str) -> bool:
    """Whether ``shown`` (one of ``SHOWN``) makes a reading an aided one."""
    return shown != SHOWN[0]


def most_shown(*shown: str) -> str:
    """The one of several that shows most: what was once seen stays seen."""
    return max(shown, key=SHOWN.index)


def now() -> datetime:
    return datetime.now(UTC)


def check_shown(shown: str) -> str:
    """``shown`` itself.

    Raises:
        UnknownName: it is none of ``SHOWN``.
    """
    if shown not in SHOWN:
        raise UnknownName("kind of aid", shown, SHOWN)
    return shown


def check_words(*texts: str) -> None:
    """Text that every database can hold.

    Raises:
        FractureError: a text has a zero character or half a surrogate pair.
    """
    for text in texts:
        if "\0" in text or (not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)):
            raise FractureError("A text holds characters that cannot be stored: type it again.")


def _check(finding: str | None, confidence: int | None, shown: str, seconds: float) -> None:
    if finding is not None and finding not in FINDINGS:
        raise UnknownName("finding", finding, FINDINGS)
    if confidence is not None and (isinstance(confidence, bool) or not 0 <= confidence <= 100):
        raise FractureError(f"A confidence goes from 0 to 100, or is left out: {confidence} does not fit.")
    if confidence is not None and confidence != int(confidence):
        raise FractureError(f"A confidence is a whole number from 0 to 100: {confidence} does not fit.")
    check_shown(shown)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise FractureError(f"The time spent on a reading is 0 seconds or more: {seconds} does not fit.")


def _check_aware(*times: datetime) -> None:
    for time in times:
        assert time.utcoffset() is not None, "times of readings know their zone"


def _words_of(marks: Sequence[Mark]) -> list[str]:
    return [text for mark in marks for text in (mark.label, mark.note, mark.id)]
