"""Reader studies in the long form that multi-reader multi-case packages read: one row per reading."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fracture_core.agreement.columns import current
from fracture_core.errors import FractureError

if TYPE_CHECKING:
    from fracture_core.annotations.readings import Reading

UNAIDED = "unaided"


class MrmcRow(NamedTuple):
    """One reading.

    Attributes:
        case: the film's SHA-256.
        modality: "unaided", or what the reader had been shown.
        truth: 1 fractured, 0 not.
        score: 0 (certainly none) to 100 (certainly a fracture); None where it cannot be told.
    """

    reader: str
    case: str
    modality: str
    truth: int
    score: float | None
    finding: str
    seconds: float


def reading_score(finding: str, confidence: float | None) -> float | None:
    """Finding and confidence in it (0 to 100) on one scale: 50 is no opinion, 100 a certain fracture, 0 none.

    An uncertain finding is 50 whatever the confidence. A fracture, or none, without a stated confidence has no
    score.
    """
    if finding == "uncertain":
        return 50.0
    if confidence is None:
        return None
    return 50 + confidence / 2 if finding == "fracture" else 50 - confidence / 2


def mrmc_long(readings: Iterable[Reading], truth: Mapping[str, bool]) -> list[MrmcRow]:
    """Current readings of the films (by SHA-256) whose truth is known, by modality, reader and case."""
    rows = [
        MrmcRow(
            reading.reader,
            reading.film,
            reading.shown if reading.aided else UNAIDED,
            int(truth[reading.film]),
            reading_score(reading.finding, reading.confidence),
            reading.finding,
            reading.seconds,
        )
        for reading in current(readings)
        if reading.film in truth
    ]
    return sorted(rows, key=lambda row: (row.modality, row.reader, row.case))


def write_mrmc(rows: Iterable[MrmcRow], path: str | Path) -> None:
    """The rows as CSV (UTF-8) with a header; a missing score is an empty field.

    In R: ``MRMCaov::mrmc(empirical_auc(truth, score), modality, reader, case, data = read.csv(path))``.
    """
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(MrmcRow._fields)
        writer.writerows(rows)


class Crossed(NamedTuple):
    """A fully crossed study: ``scores`` (2, J, N) of J readers and N cases, ``truth`` (N,) bool."""

    readers: tuple[str, ...]
    cases: tuple[str, ...]
    truth: np.ndarray
    scores: np.ndarray


def crossed(rows: Iterable[MrmcRow], *, modalities: Sequence[str]) -> Crossed:
    """The part of a study in which every reader scored every case in both of two modalities.

    Readers are all those who scored anything in both; the cases are those that all of them scored twice.

    Raises:
        FractureError: no case is left.
    """
    assert len(modalities) == 2, "two modalities are compared"
    scores: dict[tuple[str, str], dict[str, float]] = {}
    truth: dict[str, bool] = {}
    for row in rows:
        if row.modality in modalities and row.score is not None:
            scores.setdefault((row.modality, row.reader), {})[row.case] = row.score
            truth[row.case] = bool(row.truth)
    first, second = ({reader for found, reader in scores if found == modality} for modality in modalities)
    readers = tuple(sorted(first & second))
    cells = [[scores[modality, reader] for reader in readers] for modality in modalities]
    cases = tuple(sorted(set(truth).intersection(*(cell for side in cells for cell in side)))) if readers else ()
    if not cases:
        raise FractureError(
            f"No film was scored by the same readers both {modalities[0]} and after the {modalities[1]}: "
            "let the readers give their confidence in both readings."
        )
    table = np.array([[[cell[case] for case in cases] for cell in side] for side in cells])
    return Crossed(readers, cases, np.array([truth[case] for case in cases]), table)
