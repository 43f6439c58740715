"""Readers and models side by side: one column of findings and marks each, over the same films."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fracture_core.agreement.regions import outline_marks
from fracture_core.errors import UnknownName
from fracture_core.marks import Mark

if TYPE_CHECKING:
    from fracture_core.annotations.readings import Reading, ReadingTable

ORDER = ("none", "uncertain", "fracture")
"""The findings as an ordinal scale; a finding's code is its place."""

NOT_READ = -1

FilmMarks = Sequence[Mark] | None
"""A film's marks; empty where it was read and nothing was marked, None where it was not read."""


@dataclass(frozen=True, eq=False)
class Column:
    """What one reader, or one model, says of N films.

    Attributes:
        findings: int (N,), places in ``ORDER``; ``NOT_READ`` where there is no reading.
        marks: N films' marks in source pixels, None for a film not read; None altogether where marks are not
            compared.
        kind: "reader", "model" or "consensus".
    """

    name: str
    findings: np.ndarray
    marks: Sequence[FilmMarks] | None = None
    kind: str = "reader"

    def __post_init__(self) -> None:
        findings = np.asarray(self.findings)
        assert findings.ndim == 1 and np.isin(findings, range(NOT_READ, len(ORDER))).all(), "findings are codes"
        assert self.marks is None or len(self.marks) == len(findings), "marks and findings are of the same films"

    @property
    def read(self) -> np.ndarray:
        """Bool (N,): films that have a finding."""
        return np.asarray(self.findings) != NOT_READ


def finding_codes(findings: Iterable[str | None]) -> np.ndarray:
    """Findings in words → codes; None or "" is ``NOT_READ``.

    Raises:
        UnknownName: a word that is no finding.
    """
    places = {"": NOT_READ, **{finding: place for place, finding in enumerate(ORDER)}}
    codes = []
    for finding in findings:
        if (finding or "") not in places:
            raise UnknownName("finding", finding, ORDER)
        codes.append(places[finding or ""])
    return np.asarray(codes, dtype=np.int64)


def stack(columns: Sequence[Column]) -> np.ndarray:
    """Int (N, C) codes of C columns."""
    assert len({len(column.findings) for column in columns}) == 1, "columns are over the same films"
    return np.stack([np.asarray(column.findings) for column in columns], axis=1)


def current(readings: Iterable[Reading]) -> list[Reading]:
    """Readings that no other of the list supersedes; of a reader, film and condition (aided or not) the last one."""
    readings = sorted(readings, key=lambda reading: reading.committed)
    gone = {reading.supersedes for reading in readings if reading.supersedes}
    kept = {(r.reader, r.film, r.aided): r for r in readings if r.id not in gone}
    return list(kept.values())


def columns_of(
    readings: Iterable[Reading], *, films: Sequence[str] | None = None, aided: bool = False
) -> tuple[tuple[str, ...], list[Column]]:
    """Films (sha256) and one column per reader, readers by name.

    Unaided readings alone by default: readers who saw the machine's answer agree with it, and so with each
    other, too well.

    Args:
        films: the films, in order; None takes all that were read, sorted.
    """
    chosen = [reading for reading in current(readings) if reading.aided == aided]
    order = tuple(sorted({reading.film for reading in chosen}) if films is None else films)
    place = {film: index for index, film in enumerate(order)}
    by_reader: dict[str, dict[int, Reading]] = {}
    for reading in chosen:
        if reading.film in place:
            by_reader.setdefault(reading.reader, {})[place[reading.film]] = reading
    return order, [_column(name, by_reader[name], len(order)) for name in sorted(by_reader)]


def columns_of_table(table: ReadingTable, *, aided: bool = False) -> tuple[tuple[str, ...], list[Column]]:
    """As ``columns_of``, from a store's table of current readings: findings alone, for many films at once."""
    from fracture_core.annotations.readings import FINDINGS

    rows = np.flatnonzero(np.asarray(table.aided) == aided)
    read, readers_of = [table.film[row] for row in rows], [table.reader[row] for row in rows]
    films, readers = sorted(set(read)), sorted(set(readers_of))
    place, column = ({name: index for index, name in enumerate(names)} for names in (films, readers))
    codes = np.full((len(films), len(readers)), NOT_READ)
    cells = [place[film] for film in read], [column[reader] for reader in readers_of]
    codes[cells] = finding_codes(FINDINGS)[np.asarray(table.finding)[rows]]
    return tuple(films), [Column(name, codes[:, index]) for index, name in enumerate(readers)]


def _column(name: str, readings: dict[int, Reading], films: int) -> Column:
    findings = np.full(films, NOT_READ)
    marks: list[FilmMarks] = [None] * films
    for (index, reading), code in zip(
        readings.items(), finding_codes(r.finding for r in readings.values()), strict=True
    ):
        findings[index], marks[index] = code, reading.marks
    return Column(name, findings, marks)


def model_column(
    name: str,
    probabilities: np.ndarray,
    *,
    threshold: float,
    uncertain: tuple[float, float] | None = None,
    regions: Sequence[np.ndarray | None] | None = None,
) -> Column:
    """The model as one more reader.

    Args:
        probabilities: (N,) of a fracture, in [0, 1]; nan where the model gave no answer.
        threshold: "fracture" at or above it, else "none".
        uncertain: probabilities in [low, high) read "uncertain" instead; None never does.
        regions: N heat maps cut at a threshold, bool (H, W) in source pixels; None where there is none. Their
            outlines are the model's marks on films that it does not call "none": on those it points at nothing.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    findings = np.where(probabilities >= threshold, ORDER.index("fracture"), ORDER.index("none"))
    if uncertain is not None:
        findings[(probabilities >= uncertain[0]) & (probabilities < uncertain[1])] = ORDER.index("uncertain")
    findings[np.isnan(probabilities)] = NOT_READ
    if regions is None:
        return Column(name, findings, kind="model")
    marks: list[FilmMarks] = []
    for code, region in zip(findings, regions, strict=True):
        if code == NOT_READ:
            marks.append(None)
        elif code == ORDER.index("none"):
            marks.append(())
        else:
            marks.append(None if region is None else outline_marks(region))
    return Column(name, findings, marks, kind="model")
