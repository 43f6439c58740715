"""All findings on one data set, gathered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fracture_core.audit.copies import Copies, cases_of, find_copies, members
from fracture_core.audit.duplicates import DuplicatePair
from fracture_core.audit.films import Progress, Survey, survey
from fracture_core.audit.groups import join_cases
from fracture_core.audit.leaks import CrossingPatient, Leak, crossing_patients, leaks
from fracture_core.audit.rotations import RotatedCopy
from fracture_core.audit.shortcuts import Shortcut, shortcuts
from fracture_core.audit.storage import as_dict
from fracture_core.audit.summary import summary
from fracture_core.datasets import DataSet


@dataclass(frozen=True)
class PairCounts:
    """Pairs of cases that are copies, each pair counted once, under the strictest kind it meets.

    Attributes:
        by_bytes: the files are equal byte for byte.
        by_pixels: only the decoded pictures are equal.
        near: the pictures correlate as they are.
        turned: they do so once mirrored or turned by quarters.
    """

    by_bytes: int
    by_pixels: int
    near: int
    turned: int

    @property
    def total(self) -> int:
        return self.by_bytes + self.by_pixels + self.near + self.turned


@dataclass(frozen=True)
class Conflict:
    """Two cases of one exposure with different labels.

    Attributes:
        fractured, sound: places of the two cases among the data set's.
        kind: "bytes", "pixels", "near", or "rotation" (turned by any angle, or cut).
    """

    fractured: int
    sound: int
    kind: str


@dataclass(frozen=True)
class Damage:
    """A case whose file is cut off or cannot be read.

    Attributes:
        case: its place among the data set's.
        reason: the radiograph's note, or why it cannot be read.
        rows_read: share of the rows, from the top, that hold a picture; 0 when nothing can be read.
        readable: whether there is a picture at all.
    """

    case: int
    reason: str
    rows_read: float
    readable: bool


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found in a data set.

    Attributes:
        data: the data set.
        stored: files on disk; hard links to one count once.
        different: files of different bytes among them.
        groups: int64 (N,) films that a split must not part, as ``film_groups`` gives them.
        copies: partitions of the cases into copies of one exposure; its pairs name places in the survey's films.
        pairs: exact and near duplicates among the cases, counted.
        near: near duplicates of different pixels, one pair for each two files; places among the cases.
        rotated: copies beyond these, turned by any angle or cut: enough pairs to join each exposure.
        conflicts: copies with different labels; those of kind "rotation" are one or more for each exposure.
        leaks: between published splits.
        crossing: patients with films in more than one published split.
        damaged: cut and unreadable films, by case.
        shortcuts: how well trivial features tell the label.
    """

    data: DataSet
    stored: int
    different: int
    groups: np.ndarray
    copies: Copies
    pairs: PairCounts
    near: tuple[DuplicatePair, ...]
    rotated: tuple[RotatedCopy, ...]
    conflicts: tuple[Conflict, ...]
    leaks: tuple[Leak, ...]
    crossing: tuple[CrossingPatient, ...]
    damaged: tuple[Damage, ...]
    shortcuts: tuple[Shortcut, ...]

    def summary(self) -> str:
        """The findings for the screen, in plain words."""
        return summary(self)

    def as_dict(self) -> dict[str, Any]:
        """The findings as plain data, cases by their ids: what ``audit.json`` holds."""
        return as_dict(self)


def audit(data: DataSet, *, workers: int = 2, progress: Progress | None = None) -> Audit:
    """Look for everything at once; what a file says of itself is taken from its bytes alone.

    Args:
        workers: threads that read files.
        progress: called with the number of files read and their total, from the calling thread.
    """
    seen = survey(data, workers=workers, progress=progress)
    copies = find_copies(seen)
    first = [cases[0] for cases in cases_of(seen)]
    groups = join_cases(data, copies)
    return Audit(
        data=data,
        stored=seen.stored,
        different=len(seen.films),
        groups=groups,
        copies=copies,
        pairs=_count_pairs(seen, copies),
        near=tuple(
            DuplicatePair(first[pair.first], first[pair.second], pair.correlation, pair.turned)
            for pair in _different_pixels(seen, copies)
        ),
        rotated=tuple(
            RotatedCopy(first[copy.first], first[copy.second], copy.degrees, copy.mirrored, copy.correlation)
            for copy in copies.rotated
        ),
        conflicts=tuple(_conflicts(data.labels, seen, copies)),
        leaks=leaks(data, copies),
        crossing=crossing_patients(data),
        damaged=tuple(_damaged(seen)),
        shortcuts=shortcuts(seen, data.labels, groups),
    )


def _different_pixels(seen: Survey, copies: Copies) -> list[DuplicatePair]:
    return [pair for pair in copies.near if seen.films[pair.first].pixels != seen.films[pair.second].pixels]


def _count_pairs(seen: Survey, copies: Copies) -> PairCounts:
    """By arithmetic: a set of many copies has far more pairs than can be listed."""
    count = np.bincount(seen.film_of, minlength=len(seen.films))
    by_bytes, by_pixels = (
        sum(len(same) * (len(same) - 1) // 2 for same in members(groups))
        for groups in (copies.by_bytes, copies.by_pixels)
    )
    near = [0, 0]
    for pair in _different_pixels(seen, copies):
        near[pair.turned] += int(count[pair.first] * count[pair.second])
    return PairCounts(by_bytes, by_pixels - by_bytes, near[False], near[True])


def _conflicts(labels: np.ndarray, seen: Survey, copies: Copies) -> Iterator[Conflict]:
    film_of = seen.film_of
    for same in members(copies.by_pixels):
        for one, other in _contradicting(labels, same, same):
            yield Conflict(one, other, "bytes" if film_of[one] == film_of[other] else "pixels")
    cases = cases_of(seen)
    pairs = [("near", pair.first, pair.second) for pair in _different_pixels(seen, copies)]
    pairs += [("rotation", copy.first, copy.second) for copy in copies.rotated]
    for kind, first, second in pairs:
        for here, there in ((first, second), (second, first)):
            for one, other in _contradicting(labels, cases[here], cases[there]):
                yield Conflict(one, other, kind)


def _contradicting(labels: np.ndarray, cases: list[int], others: list[int]) -> Iterator[tuple[int, int]]:
    fractured, sound = ([case for case in cases if labels[case] == 1], [case for case in others if labels[case] == 0])
    return itertools.product(fractured, sound)


def _damaged(seen: Survey) -> Iterator[Damage]:
    for case, film_index in enumerate(seen.film_of):
        film = seen.films[film_index]
        if film.error:
            yield Damage(case, film.error, 0.0, readable=False)
        elif film.truncation:
            yield Damage(case, film.truncation, film.rows_read, readable=True)
